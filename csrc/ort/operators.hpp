// The operators of our own that prepared graphs may use, as one domain.
#pragma once

#include "ort/api.hpp"

namespace loquor::ort {

// The domain is to be added to session options, and must outlive the sessions made with them.
Handle<abi::OrtCustomOpDomain> make_operators(const Api& api);

// Adds them to an application's own session options, for the life of the process: what ONNX Runtime asks of a
// library of custom operators. `options` is an OrtSessionOptions, `base` an OrtApiBase, what returns is an
// OrtStatus of the application's runtime.
void* register_operators(void* options, const void* base);

}  // namespace loquor::ort
