#include "decode/token_guards.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/error.hpp"

namespace loquor {
namespace {

void check_range(const char* name, int64_t value, int64_t least, int64_t most) {
  if (value < least || value > most) {
    throw Error(ErrorKind::kInvalidInput, std::string(name) + " must be from " + std::to_string(least) +
                                              " to " + std::to_string(most) + ", not " +
                                              std::to_string(value));
  }
}

int64_t spoken_size(unsigned char byte) {
  constexpr std::string_view kMarks = ".,;:!?-()\"'";
  if (byte >= 0xC0) return 4;  // begins a character that is not ASCII
  if (byte >= 0x80) return 0;
  if ((byte >= 'a' && byte <= 'z') || byte <= ' ') return 1;
  if (byte >= 'A' && byte <= 'Z') return 3;
  return kMarks.find(static_cast<char>(byte)) != std::string_view::npos ? 2 : 12;
}

}  // namespace

int64_t spoken_characters(std::string_view utf8) {
  int64_t size = 0;
  for (const char byte : utf8) size += spoken_size(static_cast<unsigned char>(byte));
  return size;
}

int64_t token_ceiling(int64_t characters, const LengthAllowance& allowance) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  check_range("characters", characters, 0, kMost);
  check_range("tokens_at_least", allowance.tokens_at_least, 0, kMost);
  if (!(allowance.tokens_per_character >= 0 && allowance.tokens_per_character <= 1e6)) {
    throw Error(ErrorKind::kInvalidInput, "tokens_per_character must be from 0 to 1000000");
  }
  const double tokens = std::ceil(static_cast<double>(characters) * allowance.tokens_per_character) +
                        static_cast<double>(allowance.tokens_at_least);
  return tokens < static_cast<double>(kMost) ? static_cast<int64_t>(tokens) : kMost;
}

SilenceRun::SilenceRun(int64_t silence_token, int64_t most) : silence_token_(silence_token), most_(most) {
  check_range("the longest pause in tokens", most, 1, std::numeric_limits<int32_t>::max());
}

LoopDetector::LoopDetector(const LoopOptions& options) : options_(options) {
  check_range("copies of a loop", options.copies, 2, 4);
  check_range("least_span of a loop", options.least_span, 8, 256);
  check_range("drift of a loop", options.drift, 0, 1000);
  for (int32_t period = 1; period <= kLongestPeriod; ++period) {
    const int32_t span = std::max(options.least_span, options.copies * period);
    periods_[static_cast<std::size_t>(period - 1)].window = span - period;
  }
}

void LoopDetector::reset() {
  size_ = 0;
  for (Period& period : periods_) period.equal = period.proving = 0;
}

Loop LoopDetector::push(int64_t next) {
  ring_[static_cast<std::size_t>(size_) % kRing] = next;
  const int64_t at = size_++;
  Loop found;
  for (int32_t step = kLongestPeriod; step >= 1; --step) {  // the shortest found last
    Period& period = periods_[static_cast<std::size_t>(step - 1)];
    if (at < step) continue;
    count(period, step, at, 1);
    const int64_t leaving = at - period.window;
    if (leaving >= step) count(period, step, leaving, -1);
    if (at >= step + period.window - 1 && is_loop(period)) found = {step, step + period.window};
  }
  return found;
}

void LoopDetector::count(Period& period, int32_t step, int64_t at, int32_t sign) const {
  const int64_t now = token(at);
  const int64_t before = token(at - step);
  if (now == before && now == options_.silence_token) return;
  period.proving += sign;
  if (now == before) period.equal += sign;
}

bool LoopDetector::is_loop(const Period& period) const {
  // A window that is mostly silence proves too little.
  if (2 * period.proving < period.window) return false;
  const int32_t differing = period.proving - period.equal;
  return options_.drift == 0 ? differing == 0 : differing * options_.drift <= period.proving;
}

}  // namespace loquor
