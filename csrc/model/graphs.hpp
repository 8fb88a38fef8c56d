// The four graphs of a bundle.
#pragma once

#include <array>
#include <cstddef>

namespace loquor {

// In the order that the C API tells them.
enum class Graph : std::size_t { kSpeechEncoder, kEmbedTokens, kLanguageModel, kConditionalDecoder };
constexpr std::size_t kGraphCount = 4;
inline constexpr std::array<const char*, kGraphCount> kGraphNames = {"speech_encoder", "embed_tokens",
                                                                     "language_model", "conditional_decoder"};

}  // namespace loquor
