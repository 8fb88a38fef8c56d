#include "model/generation_options.hpp"

#include <cmath>
#include <string>

#include "base/decimal.hpp"
#include "base/error.hpp"

namespace loquor {
namespace {

void require(bool good, const char* name, const char* range, const std::string& value) {
  if (good) return;
  throw Error(ErrorKind::kInvalidInput, std::string(name) + " must be " + range + ", not " + value);
}

}  // namespace

void validate(const GenerationOptions& options) {
  // Every comparison is written so that NaN fails it.
  require(options.temperature >= 0 && options.temperature <= kMaxTemperature, "temperature",
          "in [0, 10] (0 is greedy; beyond 10 the tokens are noise)", decimal(options.temperature));
  require(options.top_k >= 0, "top_k", "0 (off) or more", std::to_string(options.top_k));
  require(options.top_p > 0 && options.top_p <= 1, "top_p", "in (0, 1]", decimal(options.top_p));
  require(options.min_p >= 0 && options.min_p <= 1, "min_p", "in [0, 1]", decimal(options.min_p));
  require(options.repetition_penalty > 0 && std::isfinite(options.repetition_penalty), "repetition_penalty",
          "a finite number above 0 (1 is off)", decimal(options.repetition_penalty));
  require(options.max_new_tokens >= 1, "max_new_tokens", "1 or more", std::to_string(options.max_new_tokens));
  require((options.guards & ~kAllGuards) == 0, "guards", "0 (none) to 15 (all)",
          std::to_string(options.guards));
}

}  // namespace loquor
