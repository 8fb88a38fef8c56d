// Guards against runaways: which of them look, and what they take for healthy. Defaults come from the
// bundle's manifest.
#pragma once

#include <cstdint>

namespace loquor {

// The guards, as bits; their numbers are those of the C ABI.
enum class Guard : uint32_t {
  kLength = 1,   // more speech tokens than the text can need
  kLoop = 2,     // the last tokens are copies of each other
  kSilence = 4,  // silence tokens without end
  kTail = 8,     // the wave ends in silence, noise or a tone that goes on
  kText = 16,    // attention leaves the text's order; switched by the option text_guard
};
constexpr uint32_t kAllGuards = 15;  // that the option `guards` switches

// What the option text_guard is; each does what those before it do.
enum class TextGuardLevel : int32_t { kOff = 0, kTell = 1, kEnd = 2, kRetry = 3 };

constexpr bool has(uint32_t guards, Guard guard) { return (guards & static_cast<uint32_t>(guard)) != 0; }

// How many speech tokens a text may take: far above what speech needs (some 1.7 a character at 25 tokens a
// second), so that only runaways meet it.
struct LengthAllowance {
  double tokens_per_character = 5.0;
  int64_t tokens_at_least = 75;  // a sigh or one long word needs time, too
};

struct GuardLimits {
  LengthAllowance length;
  int32_t pause_tokens = 50;  // the longest pause, two seconds
};

}  // namespace loquor
