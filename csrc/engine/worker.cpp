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

}  // namespace

int64_t usual_positions(const Manifest& manifest) {
  return std::min<int64_t>(manifest.max_positions, kUsualPrompt + manifest.defaults.max_new_tokens);
}

Worker::Worker(Model& model, Generator& generator, Inbox& inbox, int32_t slots, const Conduct& conduct)
    : model_(model),
      generator_(generator),
      inbox_(inbox),
      slots_(slots),
      conduct_(conduct),
      shared_run_(model.embed_tokens.session().api()),
      // On a device of its own memory all runs take turns: it would share itself out anyway, and not every
      // provider lets two sessions run at once.
      lane_([this] { work_on(long_run_); }, [this] { inbox_.ring(); }, model.config.device.host_memory()),
      window_lane_([this] { work_on(window_run_); }, [this] { inbox_.ring(); },
                   model.config.device.host_memory()) {
  // One request that is no speech beside them. Where memory runs out later, no list of ours needs more.
  const auto most = static_cast<std::size_t>(slots) + 1;
  active_.reserve(most);
  candidates_.reserve(most);
  idle_.reserve(most);
}

void Worker::run() {
  for (;;) {
    collect(lane_, long_run_);
    collect(window_lane_, window_run_);
    drop_cancelled();
    admit_requests();
    take_fed();
    collect_candidates();
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

// What callers fed since, but for who has a window on a lane, which reads the codes.
void Worker::take_fed() {
  for (const auto& active : active_) {
    if (in_flight(*active) || !active->in_state(Utterance::State::kFed)) continue;
    or_fail(*active, [&] {
      active->utterance->on_fed(active->request->take_fed(), now());
      settle(*active);
    });
  }
  forget_ended();
}

// Returns when there may be something to do; false at the end.
bool Worker::rest() {
  if (!active_.empty()) {  // the lane is at it, or a caller is to feed
    inbox_.await_ring();
    return true;
  }
  switch (inbox_.wait(swollen_ ? std::optional(conduct_.quiet) : std::nullopt)) {
    case Inbox::Wake::kClosed:
      return false;
    case Inbox::Wake::kQuiet:
      if (!conduct_.keep_encoder) model_.unload_speech_encoder();
      model_.shrink_arenas();
      swollen_ = false;
      return true;
    case Inbox::Wake::kRung:
      break;
  }
  return true;
}

// --- Coming in ---

void Worker::admit_requests() {
  const auto whole = [](const auto& active) { return !active->speech(); };
  while (std::none_of(active_.begin(), active_.end(), whole)) {
    RequestPtr request = inbox_.take_whole();
    if (request == nullptr) break;
    if (request->begin()) start(request, nullptr);
  }
  while (admit_speech()) {
  }
}

// Whether there may be more to take.
bool Worker::admit_speech() {
  RequestPtr request = inbox_.first_speech();
  if (request == nullptr) return false;
  const int64_t positions = request->spec.budget.positions();
  const auto under_way = static_cast<int32_t>(
      std::count_if(active_.begin(), active_.end(), [](const auto& active) { return active->speech(); }));
  if (conduct_.realtime && under_way > 0 && !keeps_up_with(*request)) return false;
  const Verdict verdict = admit(slots_, under_way, generator_.fits(slots_, positions), may_grow_);
  if (verdict == Verdict::kWait) return false;
  if (verdict == Verdict::kGrowFirst) {
    try {
      generator_.reserve(slots_, std::max(positions, usual_positions(model_.manifest)), under_way == 0);
    } catch (...) {  // memory ran out
      may_grow_ = under_way == 0;
      if (!may_grow_) return false;
      inbox_.take_speech(request);
      if (request->begin()) request->fail(Failure::of(std::current_exception()));
      return true;
    }
  }
  inbox_.take_speech(request);
  if (!request->begin()) return true;
  if (request->spec.fed) {
    start(request, nullptr);
    return true;
  }
  if (!conduct_.keep_encoder) model_.unload_speech_encoder();
  std::unique_ptr<Sequence> sequence;
  try {
    if (idle_.empty()) idle_.push_back(generator_.make_sequence());
    sequence = std::move(idle_.back());
    idle_.pop_back();
  } catch (...) {  // memory ran out
    request->fail(Failure::of(std::current_exception()));
    return true;
  }
  start(request, std::move(sequence));
  return true;
}

// Whether it could be kept up with, beside all that are under way. While nobody knows what runs take, one is
// enough.
bool Worker::keeps_up_with(const Request& request) const {
  const Manifest& manifest = model_.manifest;
  Load load;
  load.seconds_per_code = static_cast<double>(manifest.samples_per_token) / manifest.sample_rate;
  int32_t count = 0;
  const auto add = [&](const RequestSpec& spec) {
    count += spec.fed ? 0 : 1;
    if (!spec.stream) return;
    const ConditionalDecoder& decoder = model_.conditional_decoder;
    Pace pace;
    pace.decode = decode_cost_.line();
    pace.prompt = decoder.prompt_tokens(*spec.prompt.voice);
    pace.spoken = spec.chunked() ? decoder.window_prompt() : 0;
    if (pace.spoken > 0) pace.prompt = std::min(pace.prompt, pace.spoken);
    load.decode_seconds += decode_seconds_per_code(*spec.stream, pace);
  };
  add(request.spec);
  for (const auto& active : active_) {
    if (active->speech()) add(active->request->spec);
  }
  if ((count > 0 && !step_cost_.known()) || (load.decode_seconds == 0 && request.spec.stream)) return false;
  const LinearCost::Line& step = step_cost_.line();
  if (count > 0) load.step_seconds = generator_.batched() ? step.of(count) : count * step.of(1);
  return keeps_up(load);
}

// Fails the request when memory runs out.
void Worker::start(const RequestPtr& request, std::unique_ptr<Sequence> sequence) {
  try {
    auto active = std::make_unique<Active>();
    if (request->spec.kind == RequestSpec::Kind::kSpeech) {
      active->utterance.emplace(request->spec, model_.manifest, wave_path(*request),
                                request->spec.chunked() ? model_.conditional_decoder.window_prompt() : 0,
                                model_.conditional_decoder.prompt_tokens(*request->spec.prompt.voice));
    }
    active->request = request;
    active->sequence = std::move(sequence);
    active_.push_back(std::move(active));
  } catch (...) {
    request->fail(Failure::of(std::current_exception()));
  }
}

// --- What to do next ---

void Worker::collect_candidates() {
  candidates_.clear();
  for (const auto& active : active_) candidates_.push_back(candidate_of(*active));
}

bool Worker::whole_window_waits() const {
  return std::any_of(active_.begin(), active_.end(), [](const auto& active) {
    return active->in_state(Utterance::State::kClosing) && active->utterance->whole();
  });
}

Candidate Worker::candidate_of(Active& active) {
  Candidate candidate;
  if (long_run_.active == &active || active.failure) return candidate;  // the lane's
  if (!active.speech()) {
    // Requests and windows of speech as a whole take turns where both want the lane.
    const bool turn = !(request_ran_last_ && whole_window_waits());
    if (turn && !lane_.busy()) candidate.wants = Candidate::Wants::kWhole;
    return candidate;
  }
  Utterance& utterance = *active.utterance;
  if (utterance.state() == Utterance::State::kPrefilling) {
    candidate.wants = Candidate::Wants::kPrefill;
    candidate.prompt_begun = active.sequence->holds_slot();
  } else if (active.stepping() && !(in_flight(active) && active_.size() == 1)) {
    // Alone its tokens wait for its window: two runs at once would both be later.
    candidate.wants = Candidate::Wants::kStep;
  }
  candidate.already_heard = utterance.already_heard();
  candidate.deadline = utterance.deadline();
  candidate.last_step = active.last_step;
  const Lane& lane = utterance.whole() ? lane_ : window_lane_;
  candidate.window = !lane.busy() && utterance.plan_window(now(), decode_cost_.line());
  return candidate;
}

void Worker::perform(const Work& work) {
  Active& active = *active_[work.index];
  switch (work.kind) {
    case Work::Kind::kNone:
      return;
    case Work::Kind::kWhole:
      return start(lane_, long_run_, active);
    case Work::Kind::kPrefill:
      return or_fail(active, [&] { prefill(active); });
    case Work::Kind::kStep:
      return generator_.batched() && generator_.running() > 1 ? step_all() : step(active);
    case Work::Kind::kWindow:
      return active.utterance->whole() ? start(lane_, long_run_, active)
                                       : start(window_lane_, window_run_, active);
  }
}

// Whatever goes wrong in `action` fails this request, and no other.
template <class Action>
void Worker::or_fail(Active& active, Action action) {
  try {
    action();
  } catch (...) {
    fail(active, Failure::of(std::current_exception()));
  }
}

// --- Work ---

void Worker::prefill(Active& active) {
  Utterance& utterance = *active.utterance;
  if (!generator_.prefill(*active.sequence, utterance.prompt(), active.request->run)) return;
  utterance.on_prefilled();
  take_token(active);
}

void Worker::step(Active& active) {
  active.last_step = scheduler_.turn();
  or_fail(active, [&] {
    const double start = now();
    generator_.step(*active.sequence, active.request->run);
    step_cost_.learn(1, now() - start);
    take_token(active);
  });
}

void Worker::step_all() {
  try {
    const double start = now();
    const auto count = static_cast<double>(generator_.running());
    generator_.step_all(shared_run_);
    step_cost_.learn(count, now() - start);
  } catch (...) {  // one by one, so that only those fail that cannot be run
    for (const auto& active : active_) {
      if (active->stepping()) step(*active);
    }
    return;
  }
  for (const auto& active : active_) {
    if (!active->stepping()) continue;
    active->last_step = scheduler_.turn();
    or_fail(*active, [&] { take_token(*active); });
  }
}

void Worker::take_token(Active& active) {
  const Sequence& sequence = *active.sequence;
  if (sequence.error()) std::rethrow_exception(sequence.error());
  Utterance& utterance = *active.utterance;
  const std::vector<int64_t>& ids = sequence.tokens().ids;
  if (static_cast<int64_t>(ids.size()) > utterance.token_count()) {
    utterance.on_token(ids.back(), now(), sequence.text_attention());
  }
  if (sequence.finished()) utterance.on_stop();
  settle(active);
}

std::optional<Chunk> Worker::on_wave(LaneRun& run) {
  return run.active->utterance->on_wave(std::move(run.window), run.decoded.samples, run.decoded.seconds,
                                        now());
}

void Worker::hand_out(Active& active, std::optional<Chunk> chunk) {
  if (chunk) active.request->hand_out(std::move(*chunk));
  settle(active);
}

WavePath Worker::wave_path(const Request& request) const {
  WatermarkPlan watermark;
  if (const WatermarkEncoder* const encoder = model_.watermark_encoder.get()) {
    watermark.encode = [encoder, &request](Span<const float> frames) {
      return encoder->change(frames, request.run);
    };
    watermark.early = request.spec.chunked() && request.spec.stream->watermark_early;
  }
  const int64_t fade = request.spec.stream ? request.spec.stream->fade_samples : 0;
  return make_wave_path(model_.manifest.samples_per_token, fade, std::move(watermark));
}

// What follows from the state that an event left the utterance in.
void Worker::settle(Active& active) {
  Utterance& utterance = *active.utterance;
  if (utterance.state() == Utterance::State::kStopping) {
    generator_.release(*active.sequence);
    // Its codes stay as they are while a lane reads them.
    if (!in_flight(active)) utterance.end_attempt(active.sequence->take_tokens(), now());
  }
  active.request->count_tokens(utterance.token_count());
  if (utterance.state() != Utterance::State::kDone) return;
  if (auto chunk = utterance.take_rest(now())) active.request->hand_out(std::move(*chunk));
  finish(active, utterance.finish());
}

// --- On a lane ---

void Worker::start(Lane& lane, LaneRun& run, Active& active) {
  or_fail(active, [&] {
    LaneRun next = {&active};
    if (active.speech()) next.window = active.utterance->decoder_run();
    run = std::move(next);
    active.on_lane = &lane == &lane_;
    if (active.on_lane) request_ran_last_ = !active.speech();
    lane.start();
  });
}

// Nothing else of the engine thread's is touched here, and until collect() it leaves alone what is read here:
// the request, its prompt, and the codes that the window is of.
void Worker::work_on(LaneRun& run) noexcept {
  try {
    Active& active = *run.active;
    if (!active.speech()) {
      run.result = run_whole(*active.request);
      return;
    }
    Utterance& utterance = *active.utterance;
    Utterance::DecoderRun& window = run.window;
    Continuation* const from = utterance.whole() ? nullptr : &window.from;
    run.decoded = decode(window.codes, utterance.prompt(), active.request->run, window.window.from,
                         &window.phase, from);
    if (utterance.whole()) run.chunk = on_wave(run);
  } catch (...) {
    run.failure = Failure::of(std::current_exception());
  }
}

Result Worker::run_whole(const Request& request) const {
  const RequestSpec& spec = request.spec;
  Result result;
  if (spec.kind == RequestSpec::Kind::kDecode) {
    const Decoded decoded = decode(spec.codes, spec.prompt, request.run, 0);
    const auto codes = static_cast<int64_t>(spec.codes.size());
    result.waveform.samples =
        wave_path(request).pass_whole(decoded.samples, codes, codes_cut(model_.manifest, codes));
    result.waveform.sample_rate = model_.manifest.sample_rate;
    result.waveform.seconds_taken = decoded.seconds;
    return result;
  }
  const auto encoder = model_.speech_encoder();  // loaded here, on the lane, if it is not
  result.voice = encoder->encode(spec.samples, request.run);
  model_.shrink_arena(*encoder);
  try {
    model_.check(result.voice);
  } catch (const Error& error) {  // not the caller's fault: the graph gave it
    throw Error(ErrorKind::kExecution,
                encoder->session().file_name() + " gave no usable voice: " + error.what());
  }
  return result;
}

void Worker::collect(Lane& lane, LaneRun& run) {
  if (!lane.collect()) return;
  Active& active = *run.active;
  LaneRun done = std::exchange(run, {});
  active.on_lane = false;
  or_fail(active, [&] {
    if (active.failure) return fail(active, std::move(*active.failure));
    if (done.failure) return fail(active, std::move(*done.failure));
    if (!active.speech()) return finish(active, std::move(done.result));
    decode_cost_.learn(static_cast<double>(done.decoded.codes), done.decoded.seconds);
    hand_out(active, active.utterance->whole() ? std::move(done.chunk) : on_wave(done));
  });
  forget_ended();
}

Worker::Decoded Worker::decode(Span<const int64_t> codes, const Prompt& prompt, const ort::RunOptions& run,
                               int64_t first, PhaseTrack* track, Continuation* from) const {
  const ConditionalDecoder& decoder = model_.conditional_decoder;
  const double start = now();
  Decoded decoded;
  decoded.samples = decoder.decode(codes, *prompt.voice, run, {prompt.options.seed, first}, track, from);
  decoded.seconds = now() - start;
  decoded.codes = decoder.prompt_tokens(*prompt.voice, from) + static_cast<int64_t>(codes.size());
  return decoded;
}

// --- Going out ---

void Worker::drop_cancelled() {
  for (const auto& active : active_) {
    if (in_flight(*active)) continue;                       // its run was interrupted, and is collected soon
    if (active->request->cancelled()) finish(*active, {});  // its caller sees the cancel, not this
  }
  forget_ended();
}

// Its slot is free before its caller knows.
void Worker::finish(Active& active, Result result) {
  retire(active);
  std::exchange(active.request, nullptr)->end(std::move(result));
}

void Worker::fail(Active& active, Failure failure) {
  if (in_flight(active)) {  // it is told once the lane is done with it
    if (active.sequence != nullptr) generator_.release(*active.sequence);
    active.failure = std::move(failure);
    return;
  }
  retire(active);
  std::exchange(active.request, nullptr)->fail(std::move(failure));
}

void Worker::retire(Active& active) {
  if (active.sequence == nullptr) return;
  may_grow_ = true;
  generator_.release(*active.sequence);
  idle_.push_back(std::move(active.sequence));
}

void Worker::forget_ended() {
  const auto ended = [](const auto& active) { return active->request == nullptr; };
  active_.erase(std::remove_if(active_.begin(), active_.end(), ended), active_.end());
}

}  // namespace loquor
