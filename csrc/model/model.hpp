// The four graphs of a bundle, loaded and checked against each other.
#pragma once

#include "model/conditional_decoder.hpp"
#include "model/embed_tokens.hpp"
#include "model/language_model.hpp"
#include "model/manifest.hpp"
#include "model/speech_encoder.hpp"
#include "ort/device.hpp"

namespace loquor {

class Model {
 public:
  // `extend_lm`, unless empty, appends nodes to the language model. Throws kModel, kInvalidInput or
  // kRuntimeMissing.
  Model(const ort::ApiPtr& api, Manifest manifest, const ort::SessionConfig& config,
        const ort::GraphExtension& extend_lm = {});
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
