// Every operator of our own, in the domain "loquor" (docs/adr/0023-kernels.md); each file beside says what it
// takes. On the CPU only.
#pragma once

namespace loquor::ort::abi {
struct OrtCustomOp;
}

namespace loquor::ort {

const abi::OrtCustomOp* snake_operator();
const abi::OrtCustomOp* mish_operator();
const abi::OrtCustomOp* block_product_operator();
const abi::OrtCustomOp* convolution_operator();
const abi::OrtCustomOp* relative_shift_operator();

}  // namespace loquor::ort
