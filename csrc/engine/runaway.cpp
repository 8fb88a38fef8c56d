// What the engine thread does about runaways: one more attempt while nothing was handed out, else a cut.
#include <algorithm>

#include "engine/worker.hpp"

namespace loquor {

std::optional<Monitor::Runaway> Worker::heard(Active& active, const Window& window,
                                              const std::vector<float>& samples) {
  if (!active.monitor) return std::nullopt;
  // The closing silence is ours, not the model's.
  const int64_t begin = std::max(window.begin, spoken_codes(active));
  const auto ours =
      static_cast<std::size_t>(std::max<int64_t>(0, window.end - begin) * model_.manifest.samples_per_token);
  return active.monitor->hear({samples.data(), samples.size() - std::min(samples.size(), ours)});
}

void Worker::run_away(Active& active, const Monitor::Runaway& found) {
  active.guards |= static_cast<uint32_t>(found.guard);
  const std::size_t good = good_tokens(active, found);
  Tokens tokens = active.sequence->take_tokens();
  generator_.release(*active.sequence);
  tokens.ids.resize(good);
  tokens.finish_reason = FinishReason::kGuard;
  if (active.state.handed == 0) {
    if (!active.first && active.prompt().options.temperature > 0) return try_again(active, std::move(tokens));
    if (active.first && active.first->ids.size() <= tokens.ids.size()) {
      tokens = *active.first;
      active.again.reset();
    }
  }
  active.monitor = std::nullopt;
  active.codes.clear();
  for (const int64_t id : tokens.ids) {
    if (id < model_.manifest.start_token) active.codes.push_back(id);
  }
  active.collected = tokens.ids.size();
  active.request->count_tokens(static_cast<int64_t>(tokens.ids.size()));
  active.sequence->end_with(std::move(tokens));
  end_speaking(active);
}

// It takes its slot again when its prompt is run: no other request can have it meanwhile.
void Worker::try_again(Active& active, Tokens first) {
  active.first = std::move(first);
  active.again = active.request->spec.prompt;
  active.again->options.seed = retry_seed(active.again->options.seed);
  active.prefilled = active.spoken = false;
  active.codes.clear();
  active.collected = 0;
  active.state = {};
  active.monitor->reset();
  active.request->count_tokens(0);
}

// Codes of the model's own so far.
int64_t Worker::spoken_codes(const Active& active) const {
  return static_cast<int64_t>(active.codes.size()) -
         (active.spoken ? model_.manifest.closing_silence_tokens : 0);
}

// Tokens up to that code, or all.
std::size_t Worker::tokens_until(const Active& active, int64_t codes) const {
  const std::vector<int64_t>& ids = active.sequence->tokens().ids;
  auto end = ids.begin();
  for (; codes > 0 && end != ids.end(); ++end) codes -= *end < model_.manifest.start_token ? 1 : 0;
  return static_cast<std::size_t>(end - ids.begin());
}

// Tokens that are good; what was handed out stays.
std::size_t Worker::good_tokens(const Active& active, const Monitor::Runaway& found) const {
  std::size_t good = found.keep;
  if (found.guard == Guard::kTail) {
    const auto code = static_cast<std::size_t>(model_.manifest.samples_per_token);
    good = tokens_until(active, static_cast<int64_t>((found.keep + code - 1) / code));
  }
  return std::max(good, tokens_until(active, active.state.handed));
}

}  // namespace loquor
