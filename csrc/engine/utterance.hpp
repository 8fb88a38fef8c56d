// One utterance on its way from the first token to the last sample: what is known of it, and what it needs
// next. The worker runs the graphs and tells of what they gave. No thread, no runtime; time is an argument.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/span.hpp"
#include "decode/generate.hpp"
#include "decode/monitor.hpp"
#include "decode/text_aligner.hpp"
#include "decode/text_guard.hpp"
#include "engine/request.hpp"
#include "engine/stream_plan.hpp"
#include "engine/wave_path.hpp"
#include "model/conditional_decoder.hpp"
#include "model/manifest.hpp"

namespace loquor {

class Utterance {
 public:
  // prefilling -> stepping -> stopping -> closing -> done. A runaway that nothing was heard of leads back to
  // prefilling, once: that is the second attempt. Tokens alone need no closing.
  enum class State {
    kPrefilling,  // the prompt is not all run
    kStepping,    // the language model gives tokens
    kFed,         // the caller does; then closing
    kStopping,    // it gave the last: its slot is to be released and end_attempt() called
    kClosing,     // windows are left to decode
    kDone,        // finish() gives the result
  };

  // Spec and manifest outlive it. `window_prompt`: tokens of the voice, and as many of those spoken last,
  // that prompt each window, which then has no left context; 0: windows are prompted with the voice.
  // `prompt_codes`: of the voice, that a decoder run is given as well.
  Utterance(const RequestSpec& spec, const Manifest& manifest, WavePath path, int64_t window_prompt = 0,
            int64_t prompt_codes = 0);

  State state() const { return state_; }
  bool has_sound() const { return spec_.stream.has_value(); }
  // Whether its sound comes at once, at the end.
  bool whole() const { return has_sound() && spec_.stream->first_chunk == 0; }
  // Whether nobody waits for its first sound: it was heard, or comes at the end, or never.
  bool already_heard() const { return !has_sound() || whole() || heard_; }
  const Prompt& prompt() const { return second_prompt_ ? *second_prompt_ : spec_.prompt; }
  int64_t token_count() const { return token_count_; }
  double deadline() const { return deadline_; }  // when playback will have used up what was handed out

  // --- What the language model gave. Times are in seconds of any one clock. ---
  void on_prefilled() { state_ = State::kStepping; }
  // `attention`: of the step that chose it, over the ids of the text; empty where the model does not tell.
  void on_token(int64_t id, double now, Span<const float> attention = {});
  void on_stop();
  // `tokens`: of this attempt, as sampled.
  void end_attempt(Tokens tokens, double now);
  // What the caller feeds instead.
  void on_fed(const Feed& feed, double now);

  // --- Sound ---

  // A run of the decoder. The codes stay where they are until on_wave().
  struct DecoderRun {
    Window window;
    Span<const int64_t> codes;
    PhaseTrack phase;
    Continuation from;
  };
  // Whether the codes of the next window are there. `decode`: a decoder run by the codes it is given, as
  // measured; nothing where none was.
  bool plan_window(double now, const LinearCost::Line& decode);
  DecoderRun decoder_run() const;  // of the window that plan_window() found
  // Returns what is to be handed out; none where a guard found that the window runs away, nothing came out of
  // the wave path yet, or the first chunk waits for more.
  std::optional<Chunk> on_wave(DecoderRun run, const std::vector<float>& wave, double seconds, double now);

  // Once it is done, before finish(): what is to be handed out that on_wave() has not. May throw.
  std::optional<Chunk> take_rest(double now);

  Result finish();

 private:
  int64_t next_chunk(double now);
  bool may_wait() const;
  bool waits_on(double now) const;
  Pace pace(double ahead) const;
  double seconds_of(const Chunk& chunk) const;
  int64_t expected_codes() const;
  std::optional<Monitor::Runaway> heard(const Window& window, const std::vector<float>& samples);
  void run_away(const Monitor::Runaway& found, double now);
  void start_second_attempt();
  void take_first_attempt();
  void keep_tokens(double now);
  bool made_again();
  int64_t codes_to_hear() const;
  TextGuardLevel text_level() const;
  void close(double now);
  std::optional<Chunk> take_held(double now);
  void align(Span<const float> attention);
  void tell_ids(Chunk& chunk);
  void hold(const std::vector<float>& samples);
  void go_on_from(const Window& window, const std::vector<float>& mel);
  std::size_t tokens_until(int64_t codes) const;
  std::size_t good_tokens(const Monitor::Runaway& found) const;

  const RequestSpec& spec_;
  const Manifest& manifest_;
  const int64_t prompt_codes_;
  State state_ = State::kPrefilling;
  // The attempt.
  int32_t attempt_ = 1;
  std::optional<Prompt> second_prompt_;
  std::optional<Tokens> first_attempt_;      // what was good of it
  std::optional<Monitor> monitor_;           // of sound only; none once it was cut
  std::optional<Monitor::Runaway> runaway_;  // for which it is stopping
  uint32_t guards_ = 0;                      // bits of those that ended an attempt
  Tokens tokens_;                            // once the language model is done
  int64_t token_count_ = 0;
  double last_token_at_ = 0;
  double seconds_per_token_ = 0;  // between two, whatever ran in between but its own windows
  double windows_since_token_ = 0;
  // The sound.
  std::optional<TextAligner> aligner_;  // of the codes, once one came with attention
  std::optional<TextAligner> first_aligner_;
  std::optional<TextGuard> text_guard_;  // the same
  std::optional<TextGuard> first_text_guard_;
  std::vector<int64_t>
      codes_;  // of the tokens so far; the closing silence too, once the language model is done
  StreamState plan_;
  std::optional<Window> window_;  // the next one, if its codes are there
  PhaseTrack phase_;
  Continuation spoken_;  // what the next window goes on from
  WavePath path_;
  bool flushed_ = false;     // the path's last sample came out
  LinearCost::Line decode_;  // as plan_window() was told
  bool heard_ = false;       // something was handed out
  Chunk held_;               // what was made and not yet handed out
  double could_begin_ = -1;  // when its first chunk could have been there
  double waited_ = 0;        // seconds that it came later
  double deadline_ = 0;
  double decoder_seconds_ = 0;
};

}  // namespace loquor
