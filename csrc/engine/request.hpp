// One request: what is asked for, and where its caller and the engine thread meet.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.hpp"
#include "base/process.hpp"
#include "decode/generate.hpp"
#include "decode/text_guard.hpp"
#include "model/stream_options.hpp"
#include "ort/session.hpp"

namespace loquor {

struct Waveform {
  std::vector<float> samples;
  int32_t sample_rate = 0;
  double seconds_taken = 0;
};

// Sound to be handed out: that of `code_count` speech tokens from `first_code` on, closing silence included.
struct Chunk {
  std::vector<float> samples;
  int64_t first_code = 0;
  int64_t code_count = 0;
  // Which of the prompt's ids each of those codes says, the first end-of-text id for closing silence; empty
  // where the model does not tell.
  std::vector<int32_t> said_ids = {};
};

struct RequestSpec {
  enum class Kind { kEncode, kDecode, kSpeech };
  Kind kind = Kind::kSpeech;
  std::vector<float> samples;           // kEncode: whole tokens of a recording
  std::vector<int64_t> codes;           // kDecode: closing silence included
  Prompt prompt;                        // kSpeech; kDecode uses its voice and seed
  TokenBudget budget;                   // kSpeech
  std::optional<StreamOptions> stream;  // kSpeech: sound too, not tokens alone
  bool counted = false;                 // the caller wants to hear of every token
  bool fed = false;  // kSpeech: the codes come from the caller, not from the language model

  bool chunked() const { return stream && stream->first_chunk > 0; }
};

// What came of a request, written by the engine thread before the end.
struct Result {
  Voice voice;
  Waveform waveform;
  Tokens tokens;
  double decoder_seconds = 0;
  uint32_t guards = 0;          // bits of those that ended an attempt
  TextFaults text_faults = {};  // of what is heard, its ids those of the prompt
  int32_t attempts = 1;
  uint64_t seed = 0;  // of the attempt that is heard
  double waited_seconds = 0;
};

// What the caller feeds: speech codes, and whether they are the last.
struct Feed {
  std::vector<int64_t> codes;
  bool last = false;
};

// Throws kInvalidInput for what is no speech code below the limit.
void check_codes(Span<const int64_t> codes, int64_t limit);

// What went wrong, as the reader's thread will throw it: an exception object stays on the thread that made
// it.
struct Failure {
  ErrorKind kind = ErrorKind::kInternal;
  std::string text;

  static Failure of(const std::exception_ptr& error) noexcept;
};

// How far a request is, for any thread.
struct Report {
  int64_t tokens = 0;       // generated so far
  int64_t taken_codes = 0;  // whose sound the reader took
  int64_t taken_samples = 0;
  int64_t ready_samples = 0;  // made and not yet taken
  bool ended = false;         // nothing more will be made
  bool cancelled = false;
};

class Request {
 public:
  static constexpr std::size_t kMostFed = std::size_t{1} << 20;  // codes that wait: eleven hours
  using Progress = std::function<void(int32_t)>;
  using Ready = void (*)(void* user);
  enum class Next { kChunk, kDone, kPending };

  // `wake` makes the engine thread look again; any thread may call it, also after the engine is gone.
  Request(RequestSpec spec, const ort::Api& api, std::function<void()> wake);
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  const RequestSpec spec;
  const ort::RunOptions run;  // of the runs that serve this request alone
  const process::Home home{};

  // --- The caller's side. Any thread; one at a time in wait() or next(). ---

  // Interrupts the runs that serve this request alone; one that was not begun ends here and now.
  void cancel() { stop(ErrorKind::kCancelled, "the request was cancelled"); }
  // The same by the engine that goes away. `why` is a literal: memory may have run out.
  void close(const char* why) { stop(ErrorKind::kClosed, why); }
  // Returns at the end, or throws what ended it. `progress` is called here with each count of tokens.
  Result& wait(const Progress& progress);
  // The next chunk; kPending when there is none within `timeout` (none: waits for ever). Throws as wait().
  Next next(Chunk& chunk, std::optional<std::chrono::duration<double>> timeout, const Progress& progress);
  // More codes for a fed request. Throws kInvalidInput for one that is not fed or had its last, and kBusy
  // where too many wait; behind the end it does nothing, and next() says why. Any thread.
  void feed(Span<const int64_t> codes, bool last);
  // Called whenever next() has something new to say, at once if it has already; on the engine thread or that
  // of who cancels or closes: must be quick, must not call back. None replaces it by none, and returns when
  // no call is under way.
  void on_ready(Ready ready, void* user);
  // The same for the next time alone, and never on this thread: false, and none is called, where next() has
  // something to say already.
  bool on_ready_once(Ready ready, void* user);
  Report report() const;
  // To be read behind the end, by whoever saw it.
  const Result& result() const { return result_; }

  // --- The engine thread's side ---

  bool begin();  // false when it has ended already
  bool cancelled() const { return cancelled_flag_.load(std::memory_order_acquire); }
  bool ended() const;
  Feed take_fed();
  void count_tokens(int64_t tokens);
  void hand_out(Chunk chunk);
  void end(Result result);
  void fail(Failure failure);

 private:
  using Lock = std::unique_lock<std::mutex>;
  bool report_progress(Lock& lock, const Progress& progress);
  void stop(ErrorKind kind, const char* why);
  bool readable() const { return !chunks_.empty() || ended_ || cancelled_; }
  void changed();
  [[noreturn]] void throw_stopped() const { throw Error(stopped_by_, why_); }

  const std::function<void()> wake_;
  std::atomic<bool> cancelled_flag_{false};  // cancelled_, for the engine thread's loop

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool begun_ = false;
  bool ended_ = false;
  bool cancelled_ = false;
  ErrorKind stopped_by_ = ErrorKind::kCancelled;
  const char* why_ = "";
  std::optional<Failure> failure_;
  Feed fed_;  // what the engine thread has not taken; `last` stays
  int64_t tokens_ = 0;
  int64_t reported_ = 0;      // of those, to the caller's progress
  std::deque<Chunk> chunks_;  // at most what budget.limit tokens sound like
  Report taken_;
  Ready ready_ = nullptr;
  void* ready_user_ = nullptr;
  bool ready_once_ = false;
  Result result_;
};

using RequestPtr = std::shared_ptr<Request>;

}  // namespace loquor
