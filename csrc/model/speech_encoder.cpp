#include "model/speech_encoder.hpp"

#include <algorithm>
#include <cmath>

#include "model/contract.hpp"
#include "model/float_buffer.hpp"

namespace loquor {
namespace {

constexpr int64_t kFree = Contract::kFree;

// Finds outputs by the names the published graphs use, by those of the model card's script, or else by
// position: the order is the same.
std::vector<const ort::Port*> find_outputs(const Contract& contract, const ort::Session& session) {
  static const std::vector<std::vector<std::string>> spellings = {{"audio_features", "cond_emb"},
                                                                  {"audio_tokens", "prompt_token"},
                                                                  {"speaker_embeddings"},
                                                                  {"speaker_features"}};
  const auto& ports = session.outputs();
  if (ports.size() < spellings.size()) {
    contract.fail(
        "it should have 4 outputs (audio_features, audio_tokens, speaker_embeddings, speaker_features) but "
        "has " +
        std::to_string(ports.size()));
  }
  std::vector<const ort::Port*> found;
  for (std::size_t i = 0; i < spellings.size(); ++i) {
    const ort::Port* port = &ports[i];
    for (const ort::Port& candidate : ports) {
      for (const std::string& name : spellings[i]) {
        if (candidate.name == name) port = &candidate;
      }
    }
    found.push_back(port);
  }
  return found;
}

}  // namespace

SpeechEncoder::SpeechEncoder(ort::Session session) : session_(std::move(session)) {
  const Contract contract(session_);
  audio_type_ =
      static_cast<ort::ElementType>(contract.input("audio_values", float_types(), {kFree, kFree}).type);
  contract.no_other_inputs({"audio_values"});
  const auto outputs = find_outputs(contract, session_);
  contract.check(*outputs[0], "output", float_types(), {kFree, kFree, kFree});
  contract.check(*outputs[1], "output", {ort::ElementType::kInt64}, {kFree, kFree});
  contract.check(*outputs[2], "output", float_types(), {kFree, kFree});
  contract.check(*outputs[3], "output", float_types(), {kFree, kFree, kFree});
  for (const ort::Port* port : outputs) outputs_.push_back(port->name);
  hidden_size_ = outputs[0]->dims[2];
  speaker_embedding_size_ = outputs[2]->dims[1];
  speaker_feature_size_ = outputs[3]->dims[2];
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
