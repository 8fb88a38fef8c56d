// One loaded bundle and whoever wants to use it: any thread may call, one request runs at a time.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "decode/generate.hpp"
#include "engine/turn.hpp"
#include "model/model.hpp"

namespace loquor {

struct EngineOptions {
  std::string dtype = "auto";
  std::string device = "auto";
  std::vector<std::pair<std::string, std::string>> provider_options;
  int threads = 0;  // of each graph; 0: default_threads()
  // Where tokens are chosen: "host", "device" (as nodes of the language model's graph), or "auto": on the
  // device where it has its own memory.
  std::string sampling = "auto";
};

struct Waveform {
  std::vector<float> samples;
  int32_t sample_rate = 0;
  double seconds_taken = 0;
};

class Engine {
 public:
  Engine(const ort::ApiPtr& api, const std::string& bundle_folder, const EngineOptions& options);
  ~Engine();  // waits for the requests under way
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  Voice encode_voice(Span<const float> samples, CancelToken* cancel);
  Tokens generate(const GenerationRequest& request, CancelToken* cancel);
  // Leaves out ids that are no speech codes and appends the family's closing silence, as upstream does.
  Waveform decode(Span<const int64_t> tokens, const Voice& voice, CancelToken* cancel);

  const Model& model() const { return model_; }
  const char* sampling() const { return generator_.chooser().name(); }

 private:
  // Runs `work(run_options)` when it is its turn, and turns an interruption by the token into kCancelled.
  template <class Work>
  auto exclusively(CancelToken* cancel, Work work);

  // The speech codes among `tokens`, and the closing silence.
  std::vector<int64_t> codes_to_decode(Span<const int64_t> tokens) const;

  Model model_;
  Generator generator_;
  TurnQueue turns_;
  std::atomic<std::thread::id> in_turn_{};  // whose request runs
};

}  // namespace loquor
