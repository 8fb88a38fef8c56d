// What a bundle's folder says of itself: files, precisions, special ids, family facts. Everything that
// differs between models of a family is data here, never a case in the loop.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "model/generation_options.hpp"
#include "model/guards.hpp"
#include "model/stream_options.hpp"

namespace loquor {

// In the order that the C API tells them.
enum class Graph : std::size_t { kSpeechEncoder, kEmbedTokens, kLanguageModel, kConditionalDecoder };
constexpr std::size_t kGraphCount = 4;
extern const std::array<const char*, kGraphCount> kGraphNames;

struct GraphFile {
  std::string path;
  std::string dtype;     // "fp32", "fp16", "q8", "q4" or "q4f16": which published file it is
  std::string prepared;  // path of the rewritten graph to load instead, or empty
};

struct Manifest {
  std::string folder;
  std::string family = "turbo";
  std::array<GraphFile, kGraphCount> files;

  int32_t sample_rate = 24000;  // Hz
  int32_t samples_per_token = 960;
  int64_t start_token = 6561;
  int64_t stop_token = 6562;
  int64_t silence_token = 4299;
  int64_t end_of_text_token = 50256;
  int32_t end_of_text_count = 2;       // that the text must end with
  int32_t closing_silence_tokens = 3;  // appended before decoding
  int64_t text_vocab_size = 50276;
  int64_t max_positions = 8196;
  int32_t rows_per_sequence = 1;       // of the language model; 2: for classifier-free guidance
  int64_t voice_prefix_positions = 0;  // that every voice has; 0: as many as its recording gives
  GenerationOptions defaults;
  StreamOptions streaming;   // what the decoder needs around a chunk, and chunks that suit it
  GuardLimits guard_limits;  // what its speech may take
  std::vector<SamplerStage> sampler_order = {SamplerStage::kTemperature, SamplerStage::kTopK,
                                             SamplerStage::kTopP, SamplerStage::kMinP,
                                             SamplerStage::kRepetitionPenalty};
};

// `dtype` and `preferred` as find_graph_files takes them. Throws kModel for a folder that is no bundle or
// lacks a file, kInvalidInput for a dtype that does not exist.
Manifest read_manifest(const std::string& folder, const std::string& dtype,
                       const std::string& preferred = "");

}  // namespace loquor
