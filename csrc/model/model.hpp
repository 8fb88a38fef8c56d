// The four graphs of a bundle, loaded and checked against each other.
#pragma once

#include <cstddef>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "model/conditional_decoder.hpp"
#include "model/embed_tokens.hpp"
#include "model/language_model.hpp"
#include "model/manifest.hpp"
#include "model/speech_encoder.hpp"
#include "model/watermark_encoder.hpp"
#include "ort/device.hpp"

namespace loquor {

// Nodes to be appended to the language model's graph; empty: none. If they are `optional` and cannot be
// appended, the graph is used without them, and the log says so.
struct LmExtension {
  ort::GraphExtension nodes;
  bool optional = false;
};

class Model {
 public:
  // Loads the graphs at the same time, on a thread for each core. What `extend_lm` names is appended to the
  // language model. Throws kModel, kInvalidInput or kRuntimeMissing; where several graphs fail, what the
  // first of them threw.
  Model(const ort::ApiPtr& api, Manifest manifest, const ort::SessionConfig& config,
        const LmExtension& extend_lm = {});
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // What a request asks that says nothing else; without guidance where the graphs give none.
  GenerationOptions defaults() const;
  // Throws kInvalidInput when the voice's tensors do not fit these graphs.
  void check(const Voice& voice) const;

  // The speech encoder, loaded again if it was unloaded; to unload it takes effect when nobody holds it any
  // more. Any thread.
  std::shared_ptr<const SpeechEncoder> speech_encoder() const;
  void unload_speech_encoder();
  bool speech_encoder_loaded() const;
  // The arenas' bytes: host memory that the loaded graphs took for weights that are not mapped and for runs.
  int64_t arena_bytes() const;
  // Gives the host memory that runs needed back, on a device that has no other. Not while a graph runs.
  void shrink_arenas() const;
  // Loads the watermark's graph: all sound is marked from now on. Throws kModel, kInvalidInput.
  void load_watermark(const std::string& file);
  const char* speech_encoder_level() const { return speech_encoder_level_; }
  const std::string& speech_encoder_placement() const { return speech_encoder_placement_; }

  const Manifest manifest;
  // Ids that a prompt ends with: as many as this export's table turns into START.
  const std::vector<int64_t>& prompt_closing() const { return prompt_closing_; }
  const ort::SessionConfig config;
  EmbedTokens embed_tokens;
  LanguageModel language_model;
  ConditionalDecoder conditional_decoder;
  std::unique_ptr<const WatermarkEncoder> watermark_encoder;  // null: speech is not marked

 private:
  struct Loaded {
    std::vector<ort::Session> sessions;  // by Graph
    std::optional<ort::Session> vocoder;
    std::future<LmProbe> probe;  // its failure comes behind those of the graphs before it
  };
  static Loaded load_all(const ort::ApiPtr& api, const Manifest& manifest, const ort::SessionConfig& config,
                         const LmExtension& extend_lm);
  Model(const ort::ApiPtr& api, Manifest manifest, const ort::SessionConfig& config, Loaded loaded);
  void check_boundaries() const;

  void find_closing();

  std::vector<int64_t> prompt_closing_;
  const ort::ApiPtr api_;
  const char* const speech_encoder_level_;
  const std::string speech_encoder_placement_;
  mutable std::mutex encoder_mutex_;
  mutable std::shared_ptr<const SpeechEncoder> speech_encoder_;  // null: unloaded
};

}  // namespace loquor
