// What the engine thread does: takes requests in, lets the scheduler choose, runs the graphs, hands out the
// results. Everything here belongs to that thread, but for what a lane has meanwhile.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "decode/generate.hpp"
#include "engine/inbox.hpp"
#include "engine/lane.hpp"
#include "engine/linear_cost.hpp"
#include "engine/scheduler.hpp"
#include "engine/utterance.hpp"
#include "model/model.hpp"

namespace loquor {

// Positions that a request of usual length takes.
int64_t usual_positions(const Manifest& manifest);

class Worker {
 public:
  // After a `quiet` time without work it gives back the memory that runs needed; unless it is to be kept, the
  // speech encoder goes then too, and when speech begins.
  struct Conduct {
    std::chrono::milliseconds quiet;
    bool keep_encoder;
    bool realtime;  // speech that could not be kept up with waits
  };
  // Throws std::system_error where there is no thread for the lane.
  Worker(Model& model, Generator& generator, Inbox& inbox, int32_t slots, const Conduct& conduct);

  // Until the inbox is closed and everything is done.
  void run();

 private:
  struct Decoded {
    std::vector<float> samples;
    double seconds = 0;
    int64_t codes = 0;  // that the decoder was given, the voice's included
  };
  // A request under way.
  struct Active {
    RequestPtr request;
    std::optional<Utterance> utterance;  // speech requests, as the next
    std::unique_ptr<Sequence> sequence;
    uint64_t last_step = 0;
    bool on_lane = false;            // the utterance is the lane's alone
    std::optional<Failure> failure;  // of a step, while a lane has a window of it

    bool speech() const { return utterance.has_value(); }
    bool in_state(Utterance::State state) const {
      return speech() && !on_lane && !failure && utterance->state() == state;
    }
    bool stepping() const { return in_state(Utterance::State::kStepping); }
  };

  // What a lane is given: of its own a voice, tokens decoded at once, or the one window of speech as a whole,
  // whose request is left alone meanwhile; of the other a window of a stream, whose tokens go on.
  struct LaneRun {
    Active* active = nullptr;
    Utterance::DecoderRun window = {};  // of speech, as the next two
    Decoded decoded = {};
    std::optional<Chunk> chunk = {};  // of speech as a whole
    Result result = {};               // of what is no speech
    std::optional<Failure> failure = {};
  };

  WavePath wave_path(const Request& request) const;
  void admit_requests();
  bool admit_speech();
  void start(const RequestPtr& request, std::unique_ptr<Sequence> sequence);
  bool rest();
  void drop_cancelled();
  void take_fed();
  void collect_candidates();  // fills candidates_
  Candidate candidate_of(Active& active);
  bool whole_window_waits() const;
  void perform(const Work& work);
  void step(Active& chosen);
  void step_all();
  void start(Lane& lane, LaneRun& run, Active& active);
  void work_on(LaneRun& run) noexcept;  // on the lane
  Result run_whole(const Request& request) const;
  void collect(Lane& lane, LaneRun& run);
  bool in_flight(const Active& active) const {
    return long_run_.active == &active || window_run_.active == &active;
  }
  bool keeps_up_with(const Request& request) const;
  void prefill(Active& active);
  static std::optional<Chunk> on_wave(LaneRun& run);
  void hand_out(Active& active, std::optional<Chunk> chunk);
  void take_token(Active& active);  // that a step or the prefill gave
  void settle(Active& active);
  // `first`: place of the first code in the utterance.
  Decoded decode(Span<const int64_t> codes, const Prompt& prompt, const ort::RunOptions& run, int64_t first,
                 PhaseTrack* track = nullptr, Continuation* from = nullptr) const;
  template <class Action>
  void or_fail(Active& active, Action action);
  void fail(Active& active, Failure failure);
  void finish(Active& active, Result result);
  void forget_ended();
  void retire(Active& active);

  Model& model_;
  Generator& generator_;
  Inbox& inbox_;
  const int32_t slots_;
  const Conduct conduct_;
  bool may_grow_ = true;  // false: memory ran out for a larger cache, and nobody has left since
  bool swollen_ = true;   // something ran, loading included, since the memory of runs was given back
  const ort::RunOptions shared_run_;  // of steps that serve several: no one's cancel may end them
  Scheduler scheduler_;
  std::vector<std::unique_ptr<Active>> active_;  // in the order of arrival
  std::vector<Candidate> candidates_;            // facts about each of them
  std::vector<std::unique_ptr<Sequence>> idle_;  // to be used again
  LaneRun long_run_;
  LaneRun window_run_;
  bool request_ran_last_ = false;  // on the lane, and not a window
  LinearCost decode_cost_;         // a decoder run by the codes it is given
  LinearCost step_cost_;           // a step by the sequences it serves
  Lane lane_;                      // last, these two: they work on the others
  Lane window_lane_;
};

}  // namespace loquor
