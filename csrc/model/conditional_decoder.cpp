#include "model/conditional_decoder.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "model/contract.hpp"
#include "model/float_buffer.hpp"

namespace loquor {
namespace {

constexpr int64_t kFree = Contract::kFree;

// The beginning of a voice that the decoder hears: tokens, and the mel frames of the same time.
struct Heard {
  int64_t tokens;
  int64_t frames;
};

Heard heard_of(const Voice& voice, int64_t limit) {
  const auto tokens = static_cast<int64_t>(voice.audio_tokens.size());
  if (tokens <= limit) return {tokens, voice.speaker_frames};
  return {limit, voice.speaker_frames * limit / tokens};
}

FloatBuffer filled(const ort::Session& session, ort::ElementType type, Span<const float> values) {
  FloatBuffer buffer(session.api_ptr(), type);
  buffer.reserve(values.size());
  std::copy(values.begin(), values.end(), buffer.data());
  buffer.to_graph(values.size());
  return buffer;
}

int64_t product(const std::vector<int64_t>& dims) {
  return std::accumulate(dims.begin(), dims.end(), int64_t{1}, std::multiplies<>());
}

// Inputs and outputs that preparation writes (prepare/phase.py).
constexpr const char* kPhase = "loquor_phase";
constexpr const char* kPhaseAt = "loquor_phase_at";
constexpr const char* kPhaseNext = "loquor_phase_next";

}  // namespace

ConditionalDecoder::ConditionalDecoder(ort::Session session, int64_t samples_per_token)
    : session_(std::move(session)), samples_per_token_(samples_per_token) {
  const Contract contract(session_);
  contract.input("speech_tokens", {ort::ElementType::kInt64}, {kFree, kFree});
  const auto& embeddings = contract.input("speaker_embeddings", float_types(), {kFree, kFree});
  const auto& features = contract.input("speaker_features", float_types(), {kFree, kFree, kFree});
  contract.output("waveform", float_types(), {kFree, kFree});
  std::vector<std::string> known = {"speech_tokens", "speaker_embeddings", "speaker_features"};
  for (const ort::Port& port : session_.inputs()) {
    if (!NoiseInput::is_one(port.name)) continue;
    noise_.emplace_back(port, contract);
    known.push_back(port.name);
  }
  anchored_ = contract.has_input(kPhase);
  if (anchored_) {
    contract.input(kPhaseAt, {ort::ElementType::kInt64}, {2});
    known.insert(known.end(), {kPhase, kPhaseAt});
  }
  contract.no_other_inputs(known);
  embedding_type_ = static_cast<ort::ElementType>(embeddings.type);
  feature_type_ = static_cast<ort::ElementType>(features.type);
  speaker_embedding_size_ = embeddings.dims[1];
  speaker_feature_size_ = features.dims[2];
}

std::vector<float> ConditionalDecoder::decode(Span<const int64_t> tokens, const Voice& voice,
                                              const ort::RunOptions& options, const NoiseOrigin& origin,
                                              PhaseTrack* track) const {
  const Heard prompt = heard_of(voice, prompt_limit_);
  std::vector<int64_t> ids(voice.audio_tokens.begin(), voice.audio_tokens.begin() + prompt.tokens);
  ids.insert(ids.end(), tokens.begin(), tokens.end());
  const ort::Memory host(session_.api_ptr());
  FloatBuffer embeddings = filled(session_, embedding_type_, voice.speaker_embeddings);
  FloatBuffer features = filled(
      session_, feature_type_,
      {voice.speaker_features.data(), static_cast<std::size_t>(prompt.frames * voice.speaker_feature_size)});
  const auto id_value =
      host.view(ort::ElementType::kInt64, ids.data(), {1, static_cast<int64_t>(ids.size())});
  const auto embedding_value = embeddings.view({1, static_cast<int64_t>(voice.speaker_embeddings.size())});
  const auto feature_value = features.view({1, prompt.frames, voice.speaker_feature_size});
  std::vector<ort::Session::Feed> feeds = {{"speech_tokens", id_value.get()},
                                           {"speaker_embeddings", embedding_value.get()},
                                           {"speaker_features", feature_value.get()}};
  const DecodeLengths lengths = {static_cast<int64_t>(ids.size()), prompt.frames,
                                 static_cast<int64_t>(tokens.size())};
  std::vector<FloatBuffer> drawn;
  std::vector<ort::Value> drawn_values;
  for (const NoiseInput& noise : noise_) {
    const std::vector<int64_t> dims = noise.dims(lengths);
    drawn.emplace_back(session_.api_ptr(), ort::ElementType::kFloat32);
    drawn.back().reserve(static_cast<std::size_t>(product(dims)));
    noise.fill(drawn.back().data(), lengths, origin);
    drawn_values.push_back(
        host.view(ort::ElementType::kFloat32, drawn.back().data(), dims.data(), dims.size()));
    feeds.emplace_back(noise.name().c_str(), drawn_values.back().get());
  }
  std::vector<std::string> wanted = {"waveform"};
  PhaseTrack still{{}, {}, 0, lengths.new_tokens};
  PhaseTrack& phase = track != nullptr ? *track : still;
  if (phase.cycles.empty()) {
    phase.cycles = {0};
    phase.dims = {1};
  }
  // Samples are counted from the end, since a prompt of half tokens moves the start.
  const int64_t at[] = {phase.anchor == 0 ? 0 : samples_per_token_ * (phase.anchor - lengths.new_tokens),
                        samples_per_token_ * (phase.next - lengths.new_tokens) - 1};
  const auto at_value = host.view(ort::ElementType::kInt64, const_cast<int64_t*>(at), {2});
  const auto phase_value =
      host.view(ort::ElementType::kFloat32, phase.cycles.data(), phase.dims.data(), phase.dims.size());
  if (anchored_) {
    feeds.emplace_back(kPhase, phase_value.get());
    feeds.emplace_back(kPhaseAt, at_value.get());
    if (track != nullptr) wanted.emplace_back(kPhaseNext);
  }
  const auto made = session_.run(options, feeds, wanted);
  std::vector<float> samples = floats_of(session_.api(), made[0]);
  if (made.size() > 1) {
    phase.cycles = floats_of(session_.api(), made[1]);
    phase.dims = ort::shape_of(session_.api(), made[1].get()).dims;
  }
  if (!std::all_of(samples.begin(), samples.end(), [](float sample) { return std::isfinite(sample); })) {
    throw Error(ErrorKind::kExecution, session_.file_name() +
                                           " returned samples that are not finite; try another dtype for "
                                           "conditional_decoder, fp32 is the safest");
  }
  return samples;
}

}  // namespace loquor
