#include "model/precision.hpp"

namespace loquor {
namespace {

constexpr PrecisionAdvice kAdvice[] = {
    {"cpu", "q4", "4-bit weights are read fastest, and the steps wait for memory"},
    {"cuda", "fp32",
     "tokens then stay nearest to the CPU's, with the provider option use_tf32=0 (not tested here)"},
    {"tensorrt", "fp32", "no lower precision was tested"},
    {"coreml", "fp32", "no lower precision was tested"},
    {"directml", "fp32",
     "other ports report wrong tokens with fp16 and crashes with q4f16 (not tested here)"},
    {"webgpu", "fp32",
     "tested with it on a driver in software; other ports report runs that stop at once with q4"},
};

}  // namespace

const PrecisionAdvice& precision_advice(const std::string& device) {
  for (const PrecisionAdvice& advice : kAdvice) {
    if (device == advice.device) return advice;
  }
  return kAdvice[0];
}

}  // namespace loquor
