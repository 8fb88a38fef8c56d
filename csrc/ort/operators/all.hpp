// Every operator of our own, in the domain "loquor" (docs/adr/0023-kernels.md); each file beside says what it
// takes. On the CPU only.
#pragma once

#include <vector>

namespace loquor::ort::abi {
struct OrtCustomOp;
}

namespace loquor::ort {

const abi::OrtCustomOp* snake_operator();
const abi::OrtCustomOp* mish_operator();
std::vector<const abi::OrtCustomOp*> attention_operators();          // one for each type of the cache
std::vector<const abi::OrtCustomOp*> attention_weights_operators();  // as many
const abi::OrtCustomOp* block_product_operator();
const abi::OrtCustomOp* convolution_operator();
const abi::OrtCustomOp* int16_attention_operator();
const abi::OrtCustomOp* int16_product_operator();
const abi::OrtCustomOp* relative_shift_operator();
const abi::OrtCustomOp* widen_operator();

}  // namespace loquor::ort
