#include "model/conditional_decoder.hpp"

#include <algorithm>
#include <cmath>

#include "model/contract.hpp"
#include "model/float_buffer.hpp"

namespace loquor {
namespace {

constexpr int64_t kFree = Contract::kFree;
constexpr int64_t kFramesPerToken = 2;  // of the voice's mel

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

}  // namespace

ConditionalDecoder::ConditionalDecoder(ort::Session session, std::optional<ort::Session> vocoder,
                                       int64_t samples_per_token)
    : graph_(std::move(session), samples_per_token,
             {"speech_tokens", "speaker_embeddings", "speaker_features"}),
      samples_per_token_(samples_per_token) {
  const Contract contract(graph_.session());
  contract.input("speech_tokens", {ort::ElementType::kInt64}, {kFree, kFree});
  const auto& embeddings = contract.input("speaker_embeddings", float_types(), {kFree, kFree});
  const auto& features = contract.input("speaker_features", float_types(), {kFree, kFree, kFree});
  if (vocoder) {
    contract.output(Vocoder::kMel, {ort::ElementType::kFloat32}, {kFree, kFree, kFree});
    vocoder_.emplace(std::move(*vocoder), samples_per_token);
  } else {
    contract.output("waveform", float_types(), {kFree, kFree});
  }
  embedding_type_ = static_cast<ort::ElementType>(embeddings.type);
  feature_type_ = static_cast<ort::ElementType>(features.type);
  speaker_embedding_size_ = embeddings.dims[1];
  speaker_feature_size_ = features.dims[2];
}

bool ConditionalDecoder::continues() const {
  return vocoder_ && vocoder_->rows_per_token() == kFramesPerToken &&
         vocoder_->bins() == speaker_feature_size_;
}

std::vector<float> ConditionalDecoder::decode(Span<const int64_t> tokens, const Voice& voice,
                                              const ort::RunOptions& options, const NoiseOrigin& origin,
                                              PhaseTrack* track, Continuation* from) const {
  const bool continued = from != nullptr && from->prompt > 0;
  const Heard heard = heard_of(voice, continued ? std::min(prompt_limit_, from->prompt) : prompt_limit_);
  std::vector<int64_t> ids(voice.audio_tokens.begin(), voice.audio_tokens.begin() + heard.tokens);
  std::vector<float> mel(voice.speaker_features.begin(),
                         voice.speaker_features.begin() + heard.frames * voice.speaker_feature_size);
  if (continued) {
    ids.insert(ids.end(), from->tokens.begin(), from->tokens.end());
    mel.insert(mel.end(), from->mel.begin(), from->mel.end());
  }
  ids.insert(ids.end(), tokens.begin(), tokens.end());
  const auto frames = static_cast<int64_t>(mel.size()) / voice.speaker_feature_size;
  const ort::Memory host(session().api_ptr());
  FloatBuffer embeddings = filled(session(), embedding_type_, voice.speaker_embeddings);
  FloatBuffer features = filled(session(), feature_type_, mel);
  const auto id_value =
      host.view(ort::ElementType::kInt64, ids.data(), {1, static_cast<int64_t>(ids.size())});
  const auto embedding_value = embeddings.view({1, static_cast<int64_t>(voice.speaker_embeddings.size())});
  const auto feature_value = features.view({1, frames, voice.speaker_feature_size});
  const std::vector<ort::Session::Feed> feeds = {{"speech_tokens", id_value.get()},
                                                 {"speaker_embeddings", embedding_value.get()},
                                                 {"speaker_features", feature_value.get()}};
  const auto given = static_cast<int64_t>(tokens.size());
  const DecodeLengths lengths = {static_cast<int64_t>(ids.size()), frames, given};
  if (!vocoder_) {
    const ort::Value wave = graph_.run(options, feeds, "waveform", lengths, origin, track);
    return checked(floats_of(session().api(), wave), given);
  }
  std::vector<float> rows =
      vocoder_->rows_of(graph_.run(options, feeds, Vocoder::kMel, lengths, origin, nullptr));
  // The vocoder hears some tokens before the anchor: of this window, or spoken before.
  int64_t first = track == nullptr ? 0 : std::max<int64_t>(0, track->anchor - Vocoder::kContext);
  if (continued) {
    from->made = rows;
    const int64_t before = std::min(Vocoder::kContext, static_cast<int64_t>(from->tokens.size()));
    rows.insert(rows.begin(), from->mel.end() - before * kFramesPerToken * vocoder_->bins(), from->mel.end());
    first = -before;
  }
  if (track != nullptr) {
    track->anchor -= first;
    track->next -= first;
  }
  const NoiseOrigin place = {origin.seed, origin.first_token + first};
  return checked(vocoder_->decode(rows, given - first, options, place, track), given - first);
}

// The samples of so many tokens, if they are that.
std::vector<float> ConditionalDecoder::checked(std::vector<float> samples, int64_t tokens) const {
  const std::string file = session().file_name();
  // A voice made elsewhere may hold an odd number of mel frames, which shifts the start by part of a token.
  const auto expected = tokens * samples_per_token_;
  const auto found = static_cast<int64_t>(samples.size());
  if (found + samples_per_token_ <= expected || found >= expected + samples_per_token_) {
    throw Error(ErrorKind::kModel, file + ": 'waveform' should have " + std::to_string(expected) +
                                       " samples for " + std::to_string(tokens) + " tokens but has " +
                                       std::to_string(found));
  }
  if (!std::all_of(samples.begin(), samples.end(), [](float sample) { return std::isfinite(sample); })) {
    throw Error(ErrorKind::kExecution, file +
                                           " returned samples that are not finite; try another dtype for "
                                           "conditional_decoder, fp32 is the safest");
  }
  return samples;
}

}  // namespace loquor
