#include "model/speech_encoder.hpp"

#include <algorithm>
#include <cmath>

#include "model/contract.hpp"
#include "model/float_buffer.hpp"

namespace loquor {
namespace {

constexpr int64_t kFree = Contract::kFree;

}  // namespace

SpeechEncoder::SpeechEncoder(ort::Session session) : session_(std::move(session)) {
  const Contract contract(session_);
  audio_type_ =
      static_cast<ort::ElementType>(contract.input("audio_values", float_types(), {kFree, kFree}).type);
  contract.no_other_inputs({"audio_values"});
  const auto output = [&](const char* name, const std::vector<ort::ElementType>& types,
                          const std::vector<int64_t>& dims) -> const ort::Port& {
    outputs_.emplace_back(name);
    return contract.output(name, types, dims);
  };
  hidden_size_ = output("audio_features", float_types(), {kFree, kFree, kFree}).dims[2];
  output("audio_tokens", {ort::ElementType::kInt64}, {kFree, kFree});
  speaker_embedding_size_ = output("speaker_embeddings", float_types(), {kFree, kFree}).dims[1];
  speaker_feature_size_ = output("speaker_features", float_types(), {kFree, kFree, kFree}).dims[2];
}

Voice SpeechEncoder::encode(Span<const float> samples, const ort::RunOptions& options) const {
  const ort::Api& api = session_.api();
  FloatBuffer audio(session_.api_ptr(), audio_type_);
  audio.reserve(samples.size());
  std::copy(samples.begin(), samples.end(), audio.data());
  audio.to_graph(samples.size());
  const auto input = audio.view({1, static_cast<int64_t>(samples.size())});
  const auto made = session_.run(options, {{"audio_values", input.get()}}, outputs_);

  Voice voice;
  const auto features = ort::shape_of(api, made[0].get()).dims;
  const auto tokens = ort::shape_of(api, made[1].get());
  const auto mel = ort::shape_of(api, made[3].get()).dims;
  voice.audio_features = floats_of(api, made[0]);
  voice.prefix_length = features[1];
  voice.hidden_size = features[2];
  const int64_t* ids = ort::data_of<int64_t>(api, made[1].get());
  voice.audio_tokens.assign(ids, ids + tokens.count());
  voice.speaker_embeddings = floats_of(api, made[2]);
  voice.speaker_features = floats_of(api, made[3]);
  voice.speaker_frames = mel[1];
  voice.speaker_feature_size = mel[2];
  return voice;
}

}  // namespace loquor
