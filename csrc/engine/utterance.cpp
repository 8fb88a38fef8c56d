#include "engine/utterance.hpp"

#include <algorithm>
#include <utility>

namespace loquor {

Utterance::Utterance(const RequestSpec& spec, const Manifest& manifest, WavePath path, int64_t window_prompt,
                     int64_t prompt_codes)
    : spec_(spec), manifest_(manifest), prompt_codes_(prompt_codes), path_(std::move(path)) {
  plan_.cut = manifest.family->dropped_tokens;
  spoken_.prompt = window_prompt;
  if (spec.fed) {
    state_ = State::kFed;
    plan_.cut = 0;
    return;
  }
  codes_.reserve(static_cast<std::size_t>(spec.budget.limit + manifest.closing_silence_tokens));
  if (has_sound()) monitor_.emplace(spec.prompt.options.guards, manifest, spec.prompt.characters);
}

// --- What the language model gave ---

void Utterance::on_token(int64_t id, double now, Span<const float> attention) {
  const double between = now - last_token_at_ - std::exchange(windows_since_token_, 0);
  if (token_count_++ > 0) average(seconds_per_token_, std::max(0.0, between));
  last_token_at_ = now;
  if (id < manifest_.start_token) {
    codes_.push_back(id);
    align(attention);
  }
  plan_.codes = codes_to_hear();
  if (monitor_) runaway_ = monitor_->push(id);
  if (!runaway_ && text_guard_ && text_guard_->past_end() && text_level() >= TextGuardLevel::kEnd)
    runaway_ = {Guard::kText, text_guard_->certain()};
  if (runaway_) state_ = State::kStopping;
}

// Made by the first attention, and of codes only: its codes are those in codes_.
void Utterance::align(Span<const float> attention) {
  if (attention.empty() || !has_sound()) return;
  if (!aligner_ && codes_.size() == 1) {
    aligner_.emplace(attention.size(), static_cast<std::size_t>(spec_.budget.limit));
    if (text_level() != TextGuardLevel::kOff) text_guard_.emplace(attention.size(), spec_.prompt.characters);
  }
  if (aligner_) aligner_->push(attention);
  if (text_guard_) text_guard_->push(attention);
}

TextGuardLevel Utterance::text_level() const {
  return static_cast<TextGuardLevel>(spec_.prompt.options.text_guard);
}

// What may be behind the text's end waits until it is known, so that it is the same in a stream and as a
// whole.
int64_t Utterance::codes_to_hear() const {
  const std::size_t held = text_guard_ && text_level() >= TextGuardLevel::kEnd
                               ? std::min(codes_.size(), text_guard_->certain())
                               : codes_.size();
  return static_cast<int64_t>(held);
}

void Utterance::on_stop() { state_ = State::kStopping; }

void Utterance::end_attempt(Tokens tokens, double now) {
  tokens_ = std::move(tokens);
  if (runaway_) return run_away(*std::exchange(runaway_, std::nullopt), now);
  if (made_again()) return;
  if (first_attempt_ && first_text_guard_ && text_guard_ &&
      first_attempt_->finish_reason == FinishReason::kStop &&
      text_guard_->faults(true).weight() >= first_text_guard_->faults(true).weight()) {
    take_first_attempt();
    return keep_tokens(now);
  }
  close(now);
}

// Whether what was said whole, but not as the text has it, is made again.
bool Utterance::made_again() {
  if (!text_guard_ || text_level() != TextGuardLevel::kRetry || attempt_ > 1 || plan_.handed > 0)
    return false;
  if (prompt().options.temperature <= 0 || tokens_.finish_reason != FinishReason::kStop) return false;
  if (text_guard_->faults(true).weight() == 0) return false;
  guards_ |= static_cast<uint32_t>(Guard::kText);
  start_second_attempt();
  return true;
}

void Utterance::on_fed(const Feed& feed, double now) {
  codes_.insert(codes_.end(), feed.codes.begin(), feed.codes.end());
  plan_.codes = token_count_ = static_cast<int64_t>(codes_.size());
  if (!feed.last) return;
  tokens_.ids = codes_;
  tokens_.finish_reason = FinishReason::kStop;
  close(now);
}

// --- Runaways: one more attempt while nothing was handed out, else a cut ---

// What the guards make of the window's sound. The closing silence is ours, not the model's.
std::optional<Monitor::Runaway> Utterance::heard(const Window& window, const std::vector<float>& samples) {
  if (!monitor_) return std::nullopt;
  const int64_t spoken = plan_.codes - (plan_.ended ? manifest_.closing_silence_tokens : 0);
  const int64_t silent = std::max<int64_t>(0, window.end - std::max(window.begin, spoken));
  const auto ours = static_cast<std::size_t>(silent * manifest_.samples_per_token);
  return monitor_->hear({samples.data(), samples.size() - std::min(samples.size(), ours)});
}

void Utterance::run_away(const Monitor::Runaway& found, double now) {
  guards_ |= static_cast<uint32_t>(found.guard);
  tokens_.truncate(good_tokens(found));
  tokens_.finish_reason = FinishReason::kGuard;
  // What went on behind its text's end is good until there.
  if (plan_.handed == 0 && found.guard != Guard::kText) {
    if (attempt_ == 1 && prompt().options.temperature > 0) return start_second_attempt();
    if (first_attempt_ && (first_attempt_->finish_reason == FinishReason::kStop ||
                           first_attempt_->ids.size() <= tokens_.ids.size()))
      take_first_attempt();
  }
  keep_tokens(now);
}

void Utterance::take_first_attempt() {
  tokens_ = std::move(*first_attempt_);
  first_attempt_.reset();
  second_prompt_.reset();
  aligner_ = std::move(first_aligner_);
  text_guard_ = std::move(first_text_guard_);
}

// What is in tokens_ is heard, whatever else was said.
void Utterance::keep_tokens(double now) {
  monitor_.reset();
  codes_.clear();
  for (const int64_t id : tokens_.ids) {
    if (id < manifest_.start_token) codes_.push_back(id);
  }
  if (aligner_) aligner_->truncate(codes_.size());
  token_count_ = static_cast<int64_t>(tokens_.ids.size());
  close(now);
}

void Utterance::start_second_attempt() {
  attempt_ = 2;
  first_attempt_ = std::exchange(tokens_, {});
  first_aligner_ = std::exchange(aligner_, std::nullopt);
  first_text_guard_ = std::exchange(text_guard_, std::nullopt);
  second_prompt_ = spec_.prompt;
  second_prompt_->options.seed = retry_seed(second_prompt_->options.seed);
  monitor_->reset();
  codes_.clear();
  token_count_ = 0;
  plan_ = {};
  plan_.cut = manifest_.family->dropped_tokens;
  state_ = State::kPrefilling;
}

// The language model is done: what is left is to be decoded.
void Utterance::close(double now) {
  deadline_ = std::max(deadline_, now);
  codes_.insert(codes_.end(), static_cast<std::size_t>(manifest_.closing_silence_tokens),
                manifest_.silence_token);
  plan_.codes = static_cast<int64_t>(codes_.size());
  // What is fed is heard for as long as it lasts: the silence behind it is what the decoder looks ahead to.
  plan_.cut = spec_.fed ? manifest_.closing_silence_tokens : codes_cut(manifest_, plan_.codes);
  plan_.ended = true;
  state_ = has_sound() && plan_.handed < plan_.heard() ? State::kClosing : State::kDone;
}

// Tokens up to that code, or all.
std::size_t Utterance::tokens_until(int64_t codes) const {
  auto end = tokens_.ids.begin();
  for (; codes > 0 && end != tokens_.ids.end(); ++end) codes -= *end < manifest_.start_token ? 1 : 0;
  return static_cast<std::size_t>(end - tokens_.ids.begin());
}

// Tokens that are good; what was handed out stays.
std::size_t Utterance::good_tokens(const Monitor::Runaway& found) const {
  std::size_t good = found.keep;
  if (found.guard == Guard::kText) good = tokens_until(static_cast<int64_t>(found.keep));
  if (found.guard == Guard::kTail) {
    const auto code = static_cast<std::size_t>(manifest_.samples_per_token);
    good = tokens_until(static_cast<int64_t>((found.keep + code - 1) / code));
  }
  return std::max(good, tokens_until(plan_.handed));
}

// --- Sound ---

int64_t Utterance::next_chunk(double now) {
  const StreamOptions& options = *spec_.stream;
  if (!options.adaptive) return planned_chunk(options, plan_.chunks);
  if (heard_ || !may_wait()) return adaptive_chunk(options, plan_, pace(deadline_ - now));
  if (decode_.of(1) == 0) return options.first_chunk;  // nobody knows what it takes
  const Pace known = pace(seconds_of(held_));
  if (could_begin_ < 0) {
    if (!next_window(options, plan_, options.first_chunk)) return options.first_chunk;
    could_begin_ = now + decode_seconds(options, plan_, known, options.first_chunk);
  }
  return waiting_chunk(options, plan_, known, expected_codes(), could_begin_ + options.max_wait - now);
}

bool Utterance::plan_window(double now, const LinearCost::Line& decode) {
  window_.reset();
  decode_ = decode;
  if (has_sound()) window_ = next_window(*spec_.stream, plan_, next_chunk(now));
  if (window_ && spoken_.prompt > 0) window_->from = window_->begin;
  return window_.has_value();
}

// --- Waiting with the first chunk ---

// What is fed is heard as soon as it can be: nobody knows when more of it comes.
bool Utterance::may_wait() const {
  return spec_.stream->adaptive && spec_.stream->max_wait > 0 && !spec_.fed;
}

// Whether what is held is to wait for more: it would run dry, and there is time.
bool Utterance::waits_on(double now) const {
  if (heard_ || !may_wait() || decode_.of(1) == 0) return false;
  const StreamOptions& options = *spec_.stream;
  const Pace known = pace(seconds_of(held_));
  if (!runs_dry(options, plan_, known, expected_codes())) return false;
  return now + decode_seconds(options, plan_, known, options.first_chunk) <= could_begin_ + options.max_wait;
}

double Utterance::seconds_of(const Chunk& chunk) const {
  return static_cast<double>(chunk.samples.size()) / manifest_.sample_rate;
}

Pace Utterance::pace(double ahead) const {
  Pace pace;
  pace.ahead = ahead;
  pace.seconds_per_code = static_cast<double>(manifest_.samples_per_token) / manifest_.sample_rate;
  pace.seconds_per_token = seconds_per_token_;
  pace.decode = decode_;
  pace.prompt = spoken_.prompt > 0 ? std::min(prompt_codes_, spoken_.prompt) : prompt_codes_;
  pace.spoken = spoken_.prompt;
  return pace;
}

// What the text will come to: all codes once they are there, before that as many as such a text has, or a
// sentence where it is not known.
int64_t Utterance::expected_codes() const {
  if (plan_.ended) return plan_.heard();
  constexpr double kPerCharacter = 1.7;  // 15 characters and 25 codes are a second
  constexpr int64_t kSentence = 125;
  const int64_t characters = spec_.prompt.characters;
  const auto usual =
      characters > 0 ? static_cast<int64_t>(kPerCharacter * static_cast<double>(characters)) : kSentence;
  return std::max(usual, plan_.codes) + manifest_.closing_silence_tokens;
}

Utterance::DecoderRun Utterance::decoder_run() const {
  const Window& window = *window_;
  DecoderRun run = {window,
                    {codes_.data() + window.from, static_cast<std::size_t>(window.to - window.from)},
                    phase_,
                    spoken_};
  run.phase.anchor = window.begin - window.from;
  run.phase.next = window.end - window.from;
  return run;
}

std::optional<Chunk> Utterance::on_wave(DecoderRun run, const std::vector<float>& wave, double seconds,
                                        double now) {
  const Window& window = run.window;
  decoder_seconds_ += seconds;
  windows_since_token_ += seconds;
  if (decode_.of(1) == 0)  // the first run of all tells, in proportion
    decode_ = {0, seconds / static_cast<double>(prompt_codes_ + static_cast<int64_t>(run.codes.size()))};
  Crossfader::Joined joined = path_.join(window, wave);
  if (const auto runaway = heard(window, joined.samples)) {
    if (state_ == State::kStepping || state_ == State::kStopping) {
      if (!runaway_) runaway_ = runaway;
      state_ = State::kStopping;
    } else {
      run_away(*runaway, now);
    }
    return std::nullopt;
  }
  phase_ = std::move(run.phase);
  if (spoken_.prompt > 0) go_on_from(window, run.from.made);
  plan_.handed = window.end;
  ++plan_.chunks;
  const bool last = plan_.ended && plan_.handed == plan_.heard();
  hold(path_.pass(std::move(joined), last));
  flushed_ = last;
  held_.code_count = window.end - held_.first_code;
  if (window.begin == 0 && 2 * window.end <= 3 * spec_.stream->first_chunk)
    could_begin_ = now;  // none is shorter
  if (last) state_ = State::kDone;
  if (!last && (held_.samples.empty() || waits_on(now))) return std::nullopt;
  return take_held(now);
}

void Utterance::hold(const std::vector<float>& samples) {
  held_.samples.insert(held_.samples.end(), samples.begin(), samples.end());
}

// Without look-ahead and closing silence every code may be heard before the model is known to have stopped,
// as before a cut: no window is the last then, and what the stages keep back is still in the path.
std::optional<Chunk> Utterance::take_rest(double now) {
  if (plan_.chunks > 0 && !std::exchange(flushed_, true)) hold(path_.pass({}, true));
  return take_held(now);
}

std::optional<Chunk> Utterance::take_held(double now) {
  if (held_.code_count == 0 && held_.samples.empty()) return std::nullopt;
  if (!heard_ && may_wait() && could_begin_ >= 0) waited_ = std::max(0.0, now - could_begin_);
  heard_ = true;
  tell_ids(held_);
  deadline_ = std::max(deadline_, now) + seconds_of(held_);
  Chunk next;
  next.first_code = held_.first_code + held_.code_count;
  return std::exchange(held_, std::move(next));
}

void Utterance::tell_ids(Chunk& chunk) {
  if (!aligner_) return;
  const auto first = static_cast<std::size_t>(chunk.first_code);
  const auto count = static_cast<std::size_t>(chunk.code_count);
  chunk.said_ids.reserve(count);
  aligner_->read(first, first + count, chunk.said_ids);
  const auto opening = static_cast<int32_t>(manifest_.prompt_opening.size());
  for (int32_t& id : chunk.said_ids) id += opening;
  chunk.said_ids.resize(count, opening + static_cast<int32_t>(aligner_->ids()));  // closing silence
}

// Keeps of what was spoken what prompts the next window.
void Utterance::go_on_from(const Window& window, const std::vector<float>& mel) {
  const auto given = static_cast<std::size_t>(window.to - window.from);
  const auto size = static_cast<std::ptrdiff_t>(mel.size() / given);  // of a token's rows
  const int64_t chunk = window.end - window.begin;
  spoken_.tokens.insert(spoken_.tokens.end(), codes_.begin() + window.begin, codes_.begin() + window.end);
  spoken_.mel.insert(spoken_.mel.end(), mel.begin(), mel.begin() + chunk * size);
  const auto more = static_cast<std::ptrdiff_t>(spoken_.tokens.size()) - spoken_.prompt;
  if (more <= 0) return;
  spoken_.tokens.erase(spoken_.tokens.begin(), spoken_.tokens.begin() + more);
  spoken_.mel.erase(spoken_.mel.begin(), spoken_.mel.begin() + more * size);
}

Result Utterance::finish() {
  Result result;
  result.tokens = std::move(tokens_);
  result.decoder_seconds = decoder_seconds_;
  result.guards = guards_;
  result.attempts = attempt_;
  if (text_guard_) {
    result.text_faults = text_guard_->faults(result.tokens.finish_reason == FinishReason::kStop);
    const auto opening = static_cast<int32_t>(manifest_.prompt_opening.size());
    result.text_faults.skipped_from += opening;
    result.text_faults.skipped_to += opening;
  }
  result.seed = prompt().options.seed;
  result.waited_seconds = waited_;
  return result;
}

}  // namespace loquor
