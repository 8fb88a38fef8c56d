#include "model/stream_options.hpp"

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

void validate(const StreamOptions& options) {
  const auto tokens = [](int32_t value, int32_t least) {
    return value >= least && value <= kMaxStreamTokens;
  };
  require(tokens(options.first_chunk, 0), "first_chunk", "0 (one chunk) to 1048576 tokens",
          std::to_string(options.first_chunk));
  require(options.growth >= 1 && options.growth <= kMaxGrowth, "growth", "1 to 100", decimal(options.growth));
  require(tokens(options.max_chunk, 1), "max_chunk", "1 to 1048576 tokens",
          std::to_string(options.max_chunk));
  require(tokens(options.left_context, kAllContext), "left_context", "-1 (all) to 1048576 tokens",
          std::to_string(options.left_context));
  require(tokens(options.look_ahead, 0), "look_ahead", "0 to 1048576 tokens",
          std::to_string(options.look_ahead));
  require(options.fade_samples >= 0 && options.fade_samples <= kMaxFadeSamples, "fade_samples",
          "0 to 65536 samples", std::to_string(options.fade_samples));
}

}  // namespace loquor
