// What the engine thread does: takes requests in, lets the scheduler choose, runs the graphs, hands out the
// results. Everything here belongs to that thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "decode/generate.hpp"
#include "engine/inbox.hpp"
#include "engine/scheduler.hpp"
#include "engine/utterance.hpp"
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
  struct Decoded {
    std::vector<float> samples;
    double seconds = 0;
  };
  // A request under way.
  struct Active {
    RequestPtr request;
    std::optional<Utterance> utterance;  // speech requests, as the next
    std::unique_ptr<Sequence> sequence;
    uint64_t last_step = 0;

    bool speech() const { return utterance.has_value(); }
    bool stepping() const { return speech() && utterance->state() == Utterance::State::kStepping; }
  };

  WavePath wave_path(int64_t fade) const { return make_wave_path(model_.manifest.samples_per_token, fade); }
  void admit_requests();
  bool admit_speech();
  void start(const RequestPtr& request, std::unique_ptr<Sequence> sequence);
  bool rest();
  void drop_cancelled();
  void collect_candidates();  // fills candidates_
  Candidate candidate_of(Active& active);
  void perform(const Work& work);
  void step(Active& chosen);
  void step_all();
  void run_whole(Active& active);
  void prefill(Active& active);
  void decode_window(Active& active);
  void take_token(Active& active);  // that a step or the prefill gave
  void settle(Active& active);
  // `first`: place of the first code in the utterance.
  Decoded decode(Span<const int64_t> codes, const Prompt& prompt, const ort::RunOptions& run, int64_t first,
                 PhaseTrack* track = nullptr);
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
  double seconds_per_code_ = 0;                  // measured: a decoder run for each code it was given
};

}  // namespace loquor
