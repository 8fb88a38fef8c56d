// Guards against runaways, on the speech tokens as they come: how long a text may take, silence without end,
// and loops. They look only; what to do about it is the loop's business. None allocates.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "model/guards.hpp"

namespace loquor {

// The size of a text by the time it takes to say: letters count one, capitals three (initialisms are
// spelled), marks two (pauses), digits and signs twelve (they are read as words, and tags begin with one),
// characters of other scripts four. Any bytes will do.
int64_t spoken_characters(std::string_view utf8);

// Tokens that a text of so many characters may take at most. Throws kInvalidInput for negative numbers and an
// allowance that is none.
int64_t token_ceiling(int64_t characters, const LengthAllowance& allowance = {});

// Counts silence tokens in a row; a pause is short, a model that does not find its end is silent for long.
class SilenceRun {
 public:
  // `most` >= 1: the longest run that is a pause. Throws kInvalidInput.
  SilenceRun(int64_t silence_token, int64_t most);

  // True when the run has become longer than a pause.
  bool push(int64_t token) {
    run_ = token == silence_token_ ? run_ + 1 : 0;
    return run_ > most_;
  }
  void reset() { run_ = 0; }
  int64_t length() const { return run_; }

 private:
  int64_t silence_token_;
  int64_t most_;
  int64_t run_ = 0;
};

struct LoopOptions {
  int64_t silence_token =
      -1;                   // pairs of it prove nothing: pauses repeat in healthy speech; -1 if there is none
  int32_t copies = 3;       // 2 to 4: so often something must be said in a row
  int32_t least_span = 32;  // 8 to 256: and for so many tokens at least
  int32_t drift = 8;        // one token in so many may differ from copy to copy; 0: none
};

struct Loop {
  int32_t period = 0;  // tokens of one copy; 0: no loop
  int32_t span = 0;    // the last tokens that are copies: all but the first `period` of them may go
};

// Finds that the last tokens are copies of each other, with periods of 1 to 64 tokens (2.6 s). For each
// period it keeps how many of the window's tokens equal those one period earlier; a token changes each count
// by one at either end, so a push is 64 small steps whatever came before.
class LoopDetector {
 public:
  static constexpr int32_t kLongestPeriod = 64;

  // Throws kInvalidInput for options out of range.
  explicit LoopDetector(const LoopOptions& options);

  // Takes the next token; returns the loop of the shortest period that the last tokens are.
  Loop push(int64_t token);
  void reset();

 private:
  static constexpr int32_t kRing = 512;  // more than the longest span, and a power of two

  struct Period {
    int32_t window = 0;  // comparisons that count
    int32_t equal = 0;
    int32_t proving = 0;  // comparisons of which not both were silence
  };
  void count(Period& period, int32_t step, int64_t at, int32_t sign) const;
  int64_t token(int64_t at) const { return ring_[static_cast<std::size_t>(at) % kRing]; }
  bool is_loop(const Period& period) const;

  LoopOptions options_;
  std::array<int64_t, kRing> ring_{};
  std::array<Period, kLongestPeriod> periods_{};
  int64_t size_ = 0;
};

}  // namespace loquor
