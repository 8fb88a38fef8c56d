// The four graphs of a bundle, loaded and checked against each other.
#pragma once

#include <cstddef>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
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
  enum class Encoder { kWhenNeeded, kAtOnce };
  // Loads the graphs at the same time, on a thread for each core; the speech encoder only if it is to be had
  // at once. What `extend_lm` names is appended to the language model. Throws kModel, kInvalidInput or
  // kRuntimeMissing; where several graphs fail, what the first of them threw.
  Model(const ort::ApiPtr& api, Manifest manifest, const ort::SessionConfig& config,
        const LmExtension& extend_lm = {}, Encoder encoder = Encoder::kWhenNeeded);
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // What a request asks that says nothing else; without guidance where the graphs give none.
  GenerationOptions defaults() const;
  // Throws kInvalidInput when the voice's tensors do not fit these graphs.
  void check(const Voice& voice) const;

  // The speech encoder, loaded if it is not, by one thread at a time. To unload it waits for no load, and
  // takes effect when nobody holds it any more. One that was prepared and cannot be loaded is taken as
  // published, and the log says so. Throws kModel. Any thread.
  std::shared_ptr<const SpeechEncoder> speech_encoder() const;
  void unload_speech_encoder();
  bool speech_encoder_loaded() const;
  // The arenas' bytes: host memory that the loaded graphs took for weights that are not mapped and for runs.
  int64_t arena_bytes() const;
  // Gives the host memory that runs needed back, on a device that has no other. Not while a graph runs.
  void shrink_arenas() const;
  void shrink_arena(const SpeechEncoder& encoder) const;  // its alone
  // Loads the watermark's graph: all sound is marked from now on. Throws kModel, kInvalidInput.
  void load_watermark(const std::string& file);
  // Its name, as callers are told it: "perth", or "none".
  const char* watermark() const { return watermark_encoder ? "perth" : "none"; }
  // What became of the speech encoder when it was loaded for the first time; null: it was not yet.
  struct EncoderFacts {
    std::string level;  // as Session::optimization_level()
    std::string placement;
  };
  const EncoderFacts* speech_encoder_facts() const;

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
    std::vector<std::optional<ort::Session>> sessions;  // by Graph; none of the encoder if it comes later
    std::optional<ort::Session> vocoder;
    std::future<LmProbe> probe;  // its failure comes behind those of the graphs before it
  };
  static Loaded load_all(const ort::ApiPtr& api, const Manifest& manifest, const ort::SessionConfig& config,
                         const LmExtension& extend_lm, Encoder encoder);
  Model(const ort::ApiPtr& api, Manifest manifest, const ort::SessionConfig& config, Loaded loaded);
  void check_boundaries() const;
  std::shared_ptr<const SpeechEncoder> checked_encoder(ort::Session session) const;
  std::shared_ptr<const SpeechEncoder> load_encoder() const;
  std::shared_ptr<const SpeechEncoder> loaded_encoder() const;

  void find_closing();

  std::vector<int64_t> prompt_closing_;
  const ort::ApiPtr api_;
  mutable std::mutex encoder_load_mutex_;  // held while it is loaded, outside the other one
  mutable std::mutex encoder_mutex_;
  mutable bool keeps_encoder_ = false;                           // false: what is loaded now goes when used
  mutable std::shared_ptr<const SpeechEncoder> speech_encoder_;  // null: not loaded, or to be unloaded
  mutable std::weak_ptr<const SpeechEncoder> encoder_in_use_;    // the last one, while anybody holds it
  mutable std::unique_ptr<const EncoderFacts> encoder_facts_;    // written once
};

}  // namespace loquor
