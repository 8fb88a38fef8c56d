// Operators of our own, in the domain "loquor", that prepared graphs may use (docs/adr/0023-kernels.md):
//   Snake(x [batch, channels, time], rate [1, channels, 1], gain [1, channels, 1]) -> y like x
//   Mish(x of any shape) -> y like x
// All in float32, on the CPU.
#pragma once

#include "ort/api.hpp"

namespace loquor::ort {

// To be added to session options; must outlive the sessions made with them.
Handle<abi::OrtCustomOpDomain> make_kernels(const Api& api);

}  // namespace loquor::ort
