#include "engine/scheduler.hpp"

namespace loquor {
namespace {

using Kind = Work::Kind;
using Wants = Candidate::Wants;

// First-chunk work by arrival, windows first: they are heard at once. Where a step serves one sequence only,
// the steps of those that are waited for belong to it.
Work first_chunk_work(Span<const Candidate> candidates, bool batched) {
  Work found;
  uint64_t oldest_step = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const Candidate& candidate = candidates[i];
    if (candidate.window && !candidate.already_heard) return {Kind::kWindow, i};
    if (candidate.prompt_begun && found.kind != Kind::kWhole) found = {Kind::kPrefill, i};
    if (found.kind == Kind::kWhole || found.kind == Kind::kPrefill) continue;
    if (candidate.wants == Wants::kWhole) found = {Kind::kWhole, i};
    if (candidate.wants == Wants::kPrefill) found = {Kind::kPrefill, i};
    const bool step = !batched && candidate.wants == Wants::kStep && !candidate.already_heard;
    if (step && (found.kind == Kind::kNone || candidate.last_step < oldest_step)) {
      found = {Kind::kStep, i};
      oldest_step = candidate.last_step;
    }
  }
  return found;
}

Work most_urgent_window(Span<const Candidate> candidates) {
  Work found;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (!candidates[i].window || !candidates[i].already_heard) continue;
    if (found.kind == Kind::kNone || candidates[i].deadline < candidates[found.index].deadline) {
      found = {Kind::kWindow, i};
    }
  }
  return found;
}

Work oldest_step(Span<const Candidate> candidates, bool batched) {
  Work found;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i].wants != Wants::kStep || !(batched || candidates[i].already_heard)) continue;
    if (found.kind == Kind::kNone || candidates[i].last_step < candidates[found.index].last_step) {
      found = {Kind::kStep, i};
    }
  }
  return found;
}

}  // namespace

Work Scheduler::next(Span<const Candidate> candidates, bool batched) {
  const Work first = first_chunk_work(candidates, batched);
  const Work window = most_urgent_window(candidates);
  const Work step = oldest_step(candidates, batched);
  const bool others = window.kind != Kind::kNone || step.kind != Kind::kNone;
  ++turn_;
  if (first.kind != Kind::kNone && !(last_was_first_ && others)) {
    last_was_first_ = true;
    return first;
  }
  last_was_first_ = false;
  const bool take_window = step.kind == Kind::kNone || (window.kind != Kind::kNone && !last_was_window_);
  last_was_window_ = take_window;
  return take_window ? window : step;
}

}  // namespace loquor
