// One loaded bundle and its thread: any thread may ask, the engine's own runs the graphs.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "decode/generate.hpp"
#include "engine/engine_options.hpp"
#include "engine/inbox.hpp"
#include "engine/request.hpp"
#include "model/decode_options.hpp"
#include "model/fingerprint.hpp"
#include "model/model.hpp"

namespace loquor {

class Engine {
 public:
  Engine(const ort::ApiPtr& api, const std::string& bundle_folder, const EngineOptions& options);
  // Cancels what is read in chunks; waits for everything else, which finishes.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // These return when the work is done. They throw kInvalidInput, kBusy, kCancelled within one step of a
  // cancel, kExecution.
  Voice encode_voice(Span<const float> samples, CancelToken* cancel);
  // The same as a request, whose result has the voice; submit() starts it.
  RequestPtr prepare_voice(Span<const float> samples);
  // `progress` is called on this thread with each count of tokens.
  Tokens generate(Prompt prompt, CancelToken* cancel, const Request::Progress& progress);
  // Leaves out ids that are no speech codes and appends the family's closing silence, as upstream does.
  Waveform decode(Span<const int64_t> tokens, std::shared_ptr<const Voice> voice, CancelToken* cancel,
                  const DecodeOptions& options = {});

  // The KV of a voice's prefix, computed if it is not kept. Throws as generate(), and kInvalidInput where
  // none is kept.
  PrefixPtr prefix(std::shared_ptr<const Voice> voice, CancelToken* cancel);
  // Keeps for this very voice what prefix() gave, here or in another engine of the same graphs; whether they
  // are the same cannot be seen from the bytes, so that no other voice gets them. Throws kInvalidInput for a
  // voice or a size that does not fit the model, and values that are not finite or that no float16 could be.
  void keep_prefix(const std::shared_ptr<const Voice>& voice, Span<const unsigned char> kv);

  // Bytes that the engine holds beside the sessions' own. Any thread.
  struct Memory {
    int64_t kv_bytes = 0;
    PrefixCache::Usage prefixes;
    bool encoder_loaded = true;
    int64_t arena_bytes = 0;  // of all sessions
  };
  Memory memory() const;
  // Gives the speech encoder's memory back, when no voice is being made; the next one loads it again.
  void unload_encoder() { model_.unload_speech_encoder(); }

  // Speech in chunks, to be read from the request. Throws kInvalidInput; submit() starts it and throws kBusy.
  RequestPtr prepare_stream(Prompt prompt, const StreamOptions& options, bool counted);
  // The same of codes that the caller feeds, each a checked one.
  RequestPtr prepare_fed(std::shared_ptr<const Voice> voice, const StreamOptions& options,
                         const DecodeOptions& decode = {});
  void submit(const RequestPtr& request);

  // Cancels every request, those to come included; returns when the thread has ended, within one step.
  void halt();

  const Model& model() const { return model_; }
  int32_t slots() const { return slots_; }
  bool batched() const { return generator_.batched(); }
  PrefixCache::Usage prefixes() const { return generator_.prefixes().usage(); }
  // Which model its voices are of.
  const FingerprintPtr& fingerprint() const { return fingerprint_; }
  const char* sampling() const { return generator_.samples_on_device() ? "device" : "host"; }

 private:
  RequestPtr make_request(RequestSpec spec);
  Result& perform(const RequestPtr& request, CancelToken* cancel, const Request::Progress& progress);
  void join();
  std::vector<int64_t> codes_to_decode(Span<const int64_t> tokens) const;

  Model model_;
  const FingerprintPtr fingerprint_;
  Generator generator_;
  int32_t slots_;
  std::shared_ptr<Inbox> inbox_;  // requests ring it, also after the engine is gone
  std::mutex requests_mutex_;
  std::vector<std::weak_ptr<Request>> requests_;  // those under way and some that are gone
  bool halted_ = false;
  std::mutex join_mutex_;
  std::thread thread_;
};

}  // namespace loquor
