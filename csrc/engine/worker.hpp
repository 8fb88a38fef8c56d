// What the engine thread does: takes requests in, lets the scheduler choose, runs the graphs, hands out the
// results. Everything here belongs to that thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "decode/generate.hpp"
#include "decode/monitor.hpp"
#include "engine/inbox.hpp"
#include "engine/scheduler.hpp"
#include "engine/stream_plan.hpp"
#include "model/model.hpp"

namespace loquor {

// Positions that a request of usual length takes.
int64_t usual_positions(const Manifest& manifest);

class Worker {
 public:
  // After a `quiet` time without work it gives back the memory that runs needed.
  Worker(Model& model, Generator& generator, Inbox& inbox, int32_t slots, std::chrono::milliseconds quiet);

  // Until the inbox is closed and everything is done.
  void run();

 private:
  // A request under way.
  struct Active {
    RequestPtr request;
    std::unique_ptr<Sequence> sequence;  // speech requests
    bool prefilled = false;
    bool spoken = false;         // the language model is done with it
    std::vector<int64_t> codes;  // of its tokens so far; closing silence once spoken
    StreamState state;
    std::optional<Crossfader> crossfader;
    PhaseTrack phase;
    std::optional<Window> window;  // the next one, if its codes are there
    double deadline = 0;           // when playback will have used up what was handed out
    std::size_t collected = 0;     // tokens that went into codes
    double last_token_at = 0;
    double seconds_per_token = 0;  // between two of its tokens, whatever ran in between
    double decoder_seconds = 0;
    uint64_t last_step = 0;
    std::optional<Monitor> monitor;  // sound only; none once it was cut
    uint32_t guards = 0;             // bits of those that ended an attempt
    std::optional<Prompt> again;     // what the second attempt is asked
    std::optional<Tokens> first;     // what was good of the first

    bool speech() const { return request->spec.kind == RequestSpec::Kind::kSpeech; }
    bool sound() const { return request->spec.stream.has_value(); }
    const Prompt& prompt() const { return again ? *again : request->spec.prompt; }
  };

  void take_in();
  bool take_in_speech();
  void start(const RequestPtr& request, std::unique_ptr<Sequence> sequence);
  bool rest();
  void drop_cancelled();
  void look_around();  // fills candidates_
  Candidate facts_of(Active& active);
  void perform(const Work& work);
  void step(Active& chosen);
  void step_all();
  void run_whole(Active& active);
  void prefill(Active& active);
  void decode_window(Active& active);
  void collect(Active& active);  // the token that a step or the prefill gave
  void end_speaking(Active& active);
  void close_if_done(Active& active);
  // runaway.cpp. `samples`: what `window` adds to the speech.
  std::optional<Monitor::Runaway> heard(Active& active, const Window& window,
                                        const std::vector<float>& samples);
  void run_away(Active& active, const Monitor::Runaway& found);
  void try_again(Active& active, Tokens first);
  int64_t spoken_codes(const Active& active) const;
  std::size_t tokens_until(const Active& active, int64_t codes) const;
  std::size_t good_tokens(const Active& active, const Monitor::Runaway& found) const;
  // `first`: place of the first code in the utterance.
  std::vector<float> decode(Span<const int64_t> codes, Active& active, int64_t first,
                            PhaseTrack* track = nullptr);
  int64_t chunk_of(const Active& active) const;
  template <class Action>
  void guarded(Active& active, Action action);
  void fail(Active& active, const std::exception_ptr& error);
  void finish(Active& active, Result result);
  void forget_ended();
  void retire(Active& active);

  Model& model_;
  Generator& generator_;
  Inbox& inbox_;
  const int32_t slots_;
  const std::chrono::milliseconds quiet_;
  bool swollen_ = true;  // something ran, loading included, since the memory of runs was given back
  const ort::RunOptions shared_run_;  // of steps that serve several: no one's cancel may end them
  Scheduler scheduler_;
  std::vector<std::unique_ptr<Active>> active_;  // in the order of arrival
  std::vector<Candidate> candidates_;            // facts about each of them
  std::vector<std::unique_ptr<Sequence>> idle_;  // to be used again
  double seconds_per_decode_ = 0;                // measured: a decoder run for each code it was given
};

}  // namespace loquor
