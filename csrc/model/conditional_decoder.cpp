#include "model/conditional_decoder.hpp"

#include <algorithm>
#include <cmath>

#include "model/contract.hpp"
#include "model/float_buffer.hpp"

namespace loquor {
namespace {

constexpr int64_t kFree = Contract::kFree;

FloatBuffer filled(const ort::Session& session, ort::ElementType type, const std::vector<float>& values) {
  FloatBuffer buffer(session.api_ptr(), type);
  buffer.reserve(values.size());
  std::copy(values.begin(), values.end(), buffer.data());
  buffer.to_graph(values.size());
  return buffer;
}

}  // namespace

ConditionalDecoder::ConditionalDecoder(ort::Session session) : session_(std::move(session)) {
  const Contract contract(session_);
  contract.input("speech_tokens", {ort::ElementType::kInt64}, {kFree, kFree});
  const auto& embeddings = contract.input("speaker_embeddings", float_types(), {kFree, kFree});
  const auto& features = contract.input("speaker_features", float_types(), {kFree, kFree, kFree});
  contract.output("waveform", float_types(), {kFree, kFree});
  contract.no_other_inputs({"speech_tokens", "speaker_embeddings", "speaker_features"});
  embedding_type_ = static_cast<ort::ElementType>(embeddings.type);
  feature_type_ = static_cast<ort::ElementType>(features.type);
  speaker_embedding_size_ = embeddings.dims[1];
  speaker_feature_size_ = features.dims[2];
}

std::vector<float> ConditionalDecoder::decode(Span<const int64_t> tokens, const Voice& voice,
                                              const ort::RunOptions& options) const {
  std::vector<int64_t> ids(voice.audio_tokens);
  ids.insert(ids.end(), tokens.begin(), tokens.end());
  const ort::Memory host(session_.api_ptr());
  FloatBuffer embeddings = filled(session_, embedding_type_, voice.speaker_embeddings);
  FloatBuffer features = filled(session_, feature_type_, voice.speaker_features);
  const auto id_value =
      host.view(ort::ElementType::kInt64, ids.data(), {1, static_cast<int64_t>(ids.size())});
  const auto embedding_value = embeddings.view({1, static_cast<int64_t>(voice.speaker_embeddings.size())});
  const auto feature_value = features.view({1, voice.speaker_frames, voice.speaker_feature_size});
  const auto made = session_.run(options,
                                 {{"speech_tokens", id_value.get()},
                                  {"speaker_embeddings", embedding_value.get()},
                                  {"speaker_features", feature_value.get()}},
                                 {"waveform"});
  std::vector<float> samples = floats_of(session_.api(), made[0]);
  if (!std::all_of(samples.begin(), samples.end(), [](float sample) { return std::isfinite(sample); })) {
    throw Error(ErrorKind::kExecution, session_.file_name() +
                                           " returned samples that are not finite; try another dtype for "
                                           "conditional_decoder, fp32 is the safest");
  }
  return samples;
}

}  // namespace loquor
