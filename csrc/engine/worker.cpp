#include "engine/worker.hpp"

#include <algorithm>
#include <chrono>
#include <string>

#include "engine/admission.hpp"

namespace loquor {
namespace {

constexpr int64_t kUsualPrompt = 512;  // positions: a voice's prefix and a sentence or two

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The newest measurement counts for a quarter.
void average(double& value, double measured) {
  value = value == 0 ? measured : 0.75 * value + 0.25 * measured;
}

}  // namespace

int64_t usual_positions(const Manifest& manifest) {
  return std::min<int64_t>(manifest.max_positions, kUsualPrompt + manifest.defaults.max_new_tokens);
}

Worker::Worker(Model& model, Generator& generator, Inbox& inbox, int32_t slots,
               std::chrono::milliseconds quiet)
    : model_(model),
      generator_(generator),
      inbox_(inbox),
      slots_(slots),
      quiet_(quiet),
      shared_run_(model.embed_tokens.session().api()) {
  // One request that is no speech beside them. Where memory runs out later, no list of ours needs more.
  const auto most = static_cast<std::size_t>(slots) + 1;
  active_.reserve(most);
  candidates_.reserve(most);
  idle_.reserve(most);
}

void Worker::run() {
  for (;;) {
    drop_cancelled();
    take_in();
    look_around();
    const Work work = scheduler_.next(candidates_, generator_.batched());
    if (work.kind == Work::Kind::kNone) {
      if (!rest()) return;
      continue;
    }
    perform(work);
    swollen_ = true;
    forget_ended();
  }
}

// Until there may be something to do. False at the end.
bool Worker::rest() {
  const bool done = active_.empty();
  switch (inbox_.wait(done && swollen_ ? std::optional(quiet_) : std::nullopt)) {
    case Inbox::Wake::kClosed:
      return !done;
    case Inbox::Wake::kQuiet:
      model_.shrink_arenas();
      swollen_ = false;
      return true;
    case Inbox::Wake::kRung:
      break;
  }
  return true;
}

// --- Coming in ---

void Worker::take_in() {
  const auto whole = [](const auto& active) { return !active->speech(); };
  while (std::none_of(active_.begin(), active_.end(), whole)) {
    RequestPtr request = inbox_.take_whole();
    if (request == nullptr) break;
    if (request->begin()) start(request, nullptr);
  }
  while (take_in_speech()) {
  }
}

// Whether there may be more to take.
bool Worker::take_in_speech() {
  RequestPtr request = inbox_.first_speech();
  if (request == nullptr) return false;
  const int64_t positions = request->spec.budget.positions();
  const auto under_way = static_cast<int32_t>(
      std::count_if(active_.begin(), active_.end(), [](const auto& active) { return active->speech(); }));
  const Verdict verdict = admit(slots_, under_way, generator_.fits(slots_, positions));
  if (verdict == Verdict::kWait) return false;
  inbox_.take_speech(request);
  if (!request->begin()) return true;
  std::unique_ptr<Sequence> sequence;
  try {
    if (verdict == Verdict::kGrowFirst) {
      generator_.reserve(slots_, std::max(positions, usual_positions(model_.manifest)));
    }
    if (idle_.empty()) idle_.push_back(generator_.make_sequence());
    sequence = std::move(idle_.back());
    idle_.pop_back();
  } catch (...) {  // memory ran out
    request->fail(std::current_exception());
    return true;
  }
  start(request, std::move(sequence));
  return true;
}

// Fails the request when memory runs out.
void Worker::start(const RequestPtr& request, std::unique_ptr<Sequence> sequence) {
  try {
    auto active = std::make_unique<Active>();
    if (request->spec.stream) {
      active->crossfader.emplace(model_.manifest.samples_per_token, request->spec.stream->fade_samples);
      const Prompt& prompt = request->spec.prompt;
      active->monitor.emplace(prompt.options.guards, model_.manifest, prompt.characters);
    }
    active->request = request;
    active->sequence = std::move(sequence);
    active_.push_back(std::move(active));
  } catch (...) {
    request->fail(std::current_exception());
  }
}

// --- What to do next ---

void Worker::look_around() {
  candidates_.clear();
  for (const auto& active : active_) candidates_.push_back(facts_of(*active));
}

Candidate Worker::facts_of(Active& active) {
  Candidate facts;
  if (!active.speech()) {
    facts.wants = Candidate::Wants::kWhole;
    return facts;
  }
  if (!active.prefilled) {
    facts.wants = Candidate::Wants::kPrefill;
  } else if (!active.spoken) {
    facts.wants = Candidate::Wants::kStep;
  }
  facts.patient = !active.sound() || active.request->spec.stream->first_chunk == 0 || active.state.chunks > 0;
  facts.deadline = active.deadline;
  facts.last_step = active.last_step;
  if (active.sound()) {
    active.window = next_window(*active.request->spec.stream, active.state, chunk_of(active));
    facts.window = active.window.has_value();
  }
  return facts;
}

int64_t Worker::chunk_of(const Active& active) const {
  const StreamOptions& options = *active.request->spec.stream;
  if (!options.adaptive) return planned_chunk(options, active.state.chunks);
  const Manifest& manifest = model_.manifest;
  Pace pace;
  pace.ahead = active.deadline - now();
  pace.seconds_per_code = static_cast<double>(manifest.samples_per_token) / manifest.sample_rate;
  pace.seconds_per_token = active.seconds_per_token;
  pace.seconds_per_decode = seconds_per_decode_;
  pace.prompt = static_cast<int64_t>(active.request->spec.prompt.voice->audio_tokens.size());
  return adaptive_chunk(options, active.state, pace);
}

void Worker::perform(const Work& work) {
  Active& active = *active_[work.index];
  switch (work.kind) {
    case Work::Kind::kNone:
      return;
    case Work::Kind::kWhole:
      return guarded(active, [&] { run_whole(active); });
    case Work::Kind::kPrefill:
      return guarded(active, [&] { prefill(active); });
    case Work::Kind::kStep:
      return generator_.batched() && generator_.running() > 1 ? step_all() : step(active);
    case Work::Kind::kWindow:
      return guarded(active, [&] { decode_window(active); });
  }
}

// Whatever goes wrong for a request is told to its caller, and no other.
template <class Action>
void Worker::guarded(Active& active, Action action) {
  try {
    action();
  } catch (...) {
    fail(active, std::current_exception());
  }
}

// --- Work ---

void Worker::prefill(Active& active) {
  const RequestSpec& spec = active.request->spec;
  active.codes.reserve(static_cast<std::size_t>(spec.budget.limit + model_.manifest.closing_silence_tokens));
  active.prefilled = generator_.prefill(*active.sequence, active.prompt(), active.request->run);
  if (!active.prefilled) return;
  collect(active);
}

void Worker::step(Active& active) {
  active.last_step = scheduler_.turn();
  guarded(active, [&] {
    generator_.step(*active.sequence, active.request->run);
    collect(active);
  });
}

void Worker::step_all() {
  const auto stepping = [](const Active& active) { return active.prefilled && !active.spoken; };
  try {
    generator_.step_all(shared_run_);
  } catch (...) {  // one by one, so that only those fail that cannot be run
    for (const auto& active : active_) {
      if (stepping(*active)) step(*active);
    }
    return;
  }
  for (const auto& active : active_) {
    if (!stepping(*active)) continue;
    active->last_step = scheduler_.turn();
    guarded(*active, [&] { collect(*active); });
  }
}

void Worker::collect(Active& active) {
  const Sequence& sequence = *active.sequence;
  if (sequence.error()) std::rethrow_exception(sequence.error());
  const Manifest& manifest = model_.manifest;
  const std::vector<int64_t>& ids = sequence.tokens().ids;
  const double time = now();
  if (active.collected > 0 && ids.size() > active.collected) {
    average(active.seconds_per_token, time - active.last_token_at);
  }
  active.last_token_at = time;
  while (active.collected < ids.size()) {
    const int64_t id = ids[active.collected++];
    if (id < manifest.start_token) active.codes.push_back(id);
    const auto runaway = active.monitor ? active.monitor->push(id) : std::nullopt;
    if (runaway) return run_away(active, *runaway);
  }
  active.request->count_tokens(static_cast<int64_t>(ids.size()));
  if (sequence.finished()) return end_speaking(active);
  active.state.codes = static_cast<int64_t>(active.codes.size());
}

void Worker::end_speaking(Active& active) {
  const Manifest& manifest = model_.manifest;
  generator_.release(*active.sequence);
  active.spoken = true;
  active.deadline = std::max(active.deadline, now());
  active.codes.insert(active.codes.end(), static_cast<std::size_t>(manifest.closing_silence_tokens),
                      manifest.silence_token);
  active.state.codes = static_cast<int64_t>(active.codes.size());
  active.state.ended = true;
  close_if_done(active);
}

void Worker::decode_window(Active& active) {
  const Window window = *active.window;
  const Span<const int64_t> codes(active.codes.data() + window.from,
                                  static_cast<std::size_t>(window.to - window.from));
  Chunk chunk;
  Crossfader crossfader = *active.crossfader;
  PhaseTrack phase = active.phase;
  phase.anchor = window.begin - window.from;
  phase.next = window.end - window.from;
  chunk.samples = crossfader.join(window, decode(codes, active, window.from, &phase));
  const auto runaway = heard(active, window, chunk.samples);
  if (runaway) return run_away(active, *runaway);
  active.crossfader = std::move(crossfader);
  active.phase = std::move(phase);
  chunk.first_code = window.begin;
  chunk.code_count = window.end - window.begin;
  active.state.handed = window.end;
  ++active.state.chunks;
  const double seconds = static_cast<double>(chunk.samples.size()) / model_.manifest.sample_rate;
  active.deadline = std::max(active.deadline, now()) + seconds;
  active.request->hand_out(std::move(chunk));
  close_if_done(active);
}

void Worker::close_if_done(Active& active) {
  if (!active.spoken || (active.sound() && active.state.handed < active.state.codes)) return;
  Result result;
  result.tokens = active.sequence->take_tokens();
  result.decoder_seconds = active.decoder_seconds;
  result.guards = active.guards;
  result.attempts = active.first ? 2 : 1;
  result.seed = active.prompt().options.seed;
  finish(active, std::move(result));
}

void Worker::run_whole(Active& active) {
  const RequestSpec& spec = active.request->spec;
  Result result;
  if (spec.kind == RequestSpec::Kind::kDecode) {
    result.waveform.samples = decode(spec.codes, active, 0);
    result.waveform.sample_rate = model_.manifest.sample_rate;
    result.waveform.seconds_taken = active.decoder_seconds;
    return finish(active, std::move(result));
  }
  const SpeechEncoder& encoder = *spec.encoder;
  result.voice = encoder.encode(spec.samples, active.request->run);
  try {
    model_.check(result.voice);
  } catch (const Error& error) {  // not the caller's fault: the graph gave it
    throw Error(ErrorKind::kExecution,
                encoder.session().file_name() + " gave no usable voice: " + error.what());
  }
  finish(active, std::move(result));
}

std::vector<float> Worker::decode(Span<const int64_t> codes, Active& active, int64_t first,
                                  PhaseTrack* track) {
  const Prompt& prompt = active.prompt();
  const Voice& voice = *prompt.voice;
  const double start = now();
  std::vector<float> samples = model_.conditional_decoder.decode(codes, voice, active.request->run,
                                                                 {prompt.options.seed, first}, track);
  const double seconds = now() - start;
  active.decoder_seconds += seconds;
  average(seconds_per_decode_, seconds / static_cast<double>(model_.conditional_decoder.prompt_tokens(voice) +
                                                             static_cast<int64_t>(codes.size())));
  // A voice made elsewhere may hold an odd number of mel frames, which shifts the start by part of a token.
  const auto token = static_cast<std::size_t>(model_.manifest.samples_per_token);
  const std::size_t expected = codes.size() * token;
  if (samples.size() + token <= expected || samples.size() >= expected + token) {
    throw Error(ErrorKind::kModel, model_.conditional_decoder.session().file_name() +
                                       ": 'waveform' should have " + std::to_string(expected) +
                                       " samples for " + std::to_string(codes.size()) + " tokens but has " +
                                       std::to_string(samples.size()));
  }
  return samples;
}

// --- Going out ---

void Worker::drop_cancelled() {
  for (const auto& active : active_) {
    if (active->request->cancelled()) finish(*active, {});  // its caller is told of the cancel
  }
  forget_ended();
}

// Its slot is free before its caller knows.
void Worker::finish(Active& active, Result result) {
  retire(active);
  std::exchange(active.request, nullptr)->end(std::move(result));
}

void Worker::fail(Active& active, const std::exception_ptr& error) {
  retire(active);
  std::exchange(active.request, nullptr)->fail(error);
}

void Worker::retire(Active& active) {
  if (active.sequence == nullptr) return;
  generator_.release(*active.sequence);
  idle_.push_back(std::move(active.sequence));
}

void Worker::forget_ended() {
  const auto ended = [](const auto& active) { return active->request == nullptr; };
  active_.erase(std::remove_if(active_.begin(), active_.end(), ended), active_.end());
}

}  // namespace loquor
