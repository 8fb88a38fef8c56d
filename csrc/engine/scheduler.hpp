// Which piece of work the engine thread does next, decided from plain facts: no thread, no runtime, no clock.
//
// First-chunk work (a first decoder window, a prefill, a voice to encode, tokens to decode) goes before the
// rest, in the order of arrival; but between two pieces of it the others get one, so that a flow of newcomers
// starves nobody. On a CPU a voice or tokens to decode are only begun here, and the lane has them. Of the
// rest, decoder windows and steps alternate: the window whose playback would run dry first, and the
// step that was longest ago.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/span.hpp"

namespace loquor {

// A request under way, as far as the choice depends on it.
struct Candidate {
  enum class Wants { kNothing, kWhole, kPrefill, kStep };  // kWhole: one run that is no speech request
  Wants wants = Wants::kNothing;
  bool window = false;         // the tokens of its next decoder window are there
  bool already_heard = false;  // nobody waits for its first sound: it was heard, or comes as a whole
  double deadline = 0;         // when playback will have used up what was handed out, in seconds of any clock
  uint64_t last_step = 0;      // when it was last chosen for a step, in the scheduler's own count
  bool prompt_begun = false;   // kPrefill: it is done before another begins
};

struct Work {
  enum class Kind { kNone, kWhole, kPrefill, kStep, kWindow };
  Kind kind = Kind::kNone;
  std::size_t index = 0;  // of the candidate; a batched step serves all that want one
};

class Scheduler {
 public:
  // `candidates` in the order of arrival. `batched`: a step serves all candidates that want one.
  Work next(Span<const Candidate> candidates, bool batched);
  // The count to keep as last_step of whoever next() chose for a step.
  uint64_t turn() const { return turn_; }

 private:
  uint64_t turn_ = 0;
  bool last_was_first_ = false;   // first-chunk work
  bool last_was_window_ = false;  // of the rest
};

}  // namespace loquor
