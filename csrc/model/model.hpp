// The four graphs of a bundle, loaded and checked against each other.
#pragma once

#include "model/conditional_decoder.hpp"
#include "model/embed_tokens.hpp"
#include "model/language_model.hpp"
#include "model/manifest.hpp"
#include "model/speech_encoder.hpp"
#include "ort/device.hpp"

namespace loquor {

// Nodes for the language model's graph; empty: none. `optional`: where they cannot be had the graph is used
// without them, which the log tells.
struct LmExtension {
  ort::GraphExtension nodes;
  bool optional = false;
};

class Model {
 public:
  // What `extend_lm` names is appended to the language model. Throws kModel, kInvalidInput or
  // kRuntimeMissing.
  Model(const ort::ApiPtr& api, Manifest manifest, const ort::SessionConfig& config,
        const LmExtension& extend_lm = {});
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // Throws kInvalidInput when the voice's tensors do not fit these graphs.
  void check(const Voice& voice) const;

  const Manifest manifest;
  const ort::SessionConfig config;
  SpeechEncoder speech_encoder;
  EmbedTokens embed_tokens;
  LanguageModel language_model;
  ConditionalDecoder conditional_decoder;

 private:
  void check_boundaries() const;
};

}  // namespace loquor
