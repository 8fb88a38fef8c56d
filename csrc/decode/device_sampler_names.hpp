// What passes between the host and the nodes of the device sampler.
#pragma once

#include <cstddef>
#include <cstdint>

namespace loquor::device_sampler {

constexpr const char* kParams = "loquor.params";    // input [batch, kParamCount]
constexpr const char* kHistory = "loquor.history";  // input float32 [batch, vocab]: 1 for a token in it
constexpr const char* kToken = "loquor.token";      // output int64 [batch, 1]
constexpr const char* kHistoryAfter = "loquor.history_after";  // output, as kHistory

// Columns of kParams, in the precision of the sums.
enum Param : std::size_t {
  kTemperature,
  kKthPlace,  // where the k-th largest stands in ascending order; 0: all are kept
  kDropped,   // 1 - top_p; -1: none
  kMinP,
  kPenalty,
  kUniform,
  kSampling,  // 1; 0: greedy
  kKeep,      // 1: the history goes on; 0: it begins with this token
  kParamCount
};

constexpr int64_t kNotANumber = -2;  // a token: some logit was NaN

}  // namespace loquor::device_sampler
