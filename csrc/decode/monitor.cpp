#include "decode/monitor.hpp"

#include <algorithm>
#include <limits>

#include "decode/wave_tail.hpp"

namespace loquor {
namespace {

constexpr std::size_t kPauseKept = 5;     // tokens of a silence without end
constexpr double kRememberedSeconds = 2;  // beside the longest pause: enough to know any tail by

}  // namespace

uint64_t retry_seed(uint64_t seed) {
  uint64_t state = ~seed;
  state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9u;
  state = (state ^ (state >> 27)) * 0x94D049BB133111EBu;
  return state ^ (state >> 31);
}

Monitor::Monitor(uint32_t guards, const Manifest& manifest, int64_t characters)
    : guards_(guards),
      most_tokens_(std::numeric_limits<std::size_t>::max()),
      longest_pause_(static_cast<double>(manifest.guard_limits.pause_tokens) * manifest.samples_per_token /
                     manifest.sample_rate),
      sample_rate_(manifest.sample_rate),
      loop_([&] {
        LoopOptions options;
        options.silence_token = manifest.silence_token;
        return options;
      }()),
      silence_(manifest.silence_token, manifest.guard_limits.pause_tokens) {
  if (characters > 0 && has(guards, Guard::kLength)) {
    most_tokens_ = static_cast<std::size_t>(token_ceiling(characters, manifest.guard_limits.length));
  }
}

std::optional<Monitor::Runaway> Monitor::push(int64_t token) {
  ++tokens_;
  if (has(guards_, Guard::kLoop)) {
    const Loop loop = loop_.push(token);
    if (loop.period > 0)
      return Runaway{Guard::kLoop, tokens_ - static_cast<std::size_t>(loop.span - loop.period)};
  }
  if (has(guards_, Guard::kSilence) && silence_.push(token)) {
    const auto before = tokens_ - static_cast<std::size_t>(silence_.length());
    return Runaway{Guard::kSilence, std::min(before + kPauseKept, tokens_)};
  }
  if (tokens_ > most_tokens_) return Runaway{Guard::kLength, most_tokens_};
  return std::nullopt;
}

std::optional<Monitor::Runaway> Monitor::hear(Span<const float> samples) {
  if (!has(guards_, Guard::kTail)) return std::nullopt;
  const auto most = static_cast<std::size_t>((longest_pause_ + kRememberedSeconds) * sample_rate_);
  if (recent_.size() > most) {
    const std::size_t over = recent_.size() - most;
    recent_.erase(recent_.begin(), recent_.begin() + static_cast<std::ptrdiff_t>(over));
    forgotten_ += over;
  }
  recent_.insert(recent_.end(), samples.begin(), samples.end());
  TailOptions options;
  options.sample_rate = sample_rate_;
  options.least_silence = longest_pause_;
  const Tail tail = find_tail(recent_, options);
  const auto frame = static_cast<std::size_t>(sample_rate_ / 50);  // of 20 ms, counted from the end
  if (tail.kind == TailKind::kNone || tail.begin < frame) return std::nullopt;
  return Runaway{Guard::kTail, forgotten_ + tail.begin};
}

void Monitor::reset() {
  loop_.reset();
  silence_.reset();
  tokens_ = 0;
  recent_.clear();
  forgotten_ = 0;
}

}  // namespace loquor
