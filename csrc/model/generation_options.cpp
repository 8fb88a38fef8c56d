#include "model/generation_options.hpp"

#include <cmath>
#include <locale>
#include <sstream>
#include <string>

#include "base/error.hpp"

namespace loquor {
namespace {

// Enough digits to tell a value just outside its range from the bound; always with a decimal point.
std::string format(float value) {
  if (std::isnan(value)) return "NaN";
  std::string text;
  for (int digits = 6; digits <= 9; ++digits) {
    std::ostringstream out;
    out.imbue(std::locale::classic());
    out.precision(digits);
    out << value;
    text = out.str();
    float back = 0;
    std::istringstream in(text);
    in.imbue(std::locale::classic());
    if (in >> back && back == value) break;
  }
  return text;
}

void require(bool good, const char* name, const char* range, const std::string& value) {
  if (good) return;
  throw Error(ErrorKind::kInvalidInput, std::string(name) + " must be " + range + ", not " + value);
}

}  // namespace

void validate(const GenerationOptions& options) {
  // Every comparison is written so that NaN fails it.
  require(options.temperature >= 0 && options.temperature <= kMaxTemperature, "temperature",
          "in [0, 10] (0 is greedy; beyond 10 the tokens are noise)", format(options.temperature));
  require(options.top_k >= 0, "top_k", "0 (off) or more", std::to_string(options.top_k));
  require(options.top_p > 0 && options.top_p <= 1, "top_p", "in (0, 1]", format(options.top_p));
  require(options.min_p >= 0 && options.min_p <= 1, "min_p", "in [0, 1]", format(options.min_p));
  require(options.repetition_penalty > 0 && std::isfinite(options.repetition_penalty), "repetition_penalty",
          "a finite number above 0 (1 is off)", format(options.repetition_penalty));
  require(options.max_new_tokens >= 1, "max_new_tokens", "1 or more", std::to_string(options.max_new_tokens));
  require((options.guards & ~kAllGuards) == 0, "guards", "0 (none) to 15 (all)",
          std::to_string(options.guards));
}

}  // namespace loquor
