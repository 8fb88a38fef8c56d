// Saved voices: safetensors files as Python's Voice.save writes them (docs/adr/0095).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/fingerprint.hpp"
#include "model/voice.hpp"

namespace loquor {

// What a language model made of a voice, as the file has it.
struct SavedPrefix {
  std::string fingerprint;     // of that language model
  std::vector<int64_t> shape;  // [2 * layers, heads, positions, head_dim]
  std::vector<unsigned char> bytes;
};

struct SavedVoice {
  Voice voice;
  Fingerprint made_by;
  std::string name;
  std::optional<SavedPrefix> prefix;
};

// `place` names the content in errors. Throws kInvalidInput for what is no voice, is damaged, or of a newer
// version.
SavedVoice parse_voice_file(std::string_view content, const std::string& place);
// The same of a file.
SavedVoice read_voice_file(const std::string& path);
// Throws kInvalidInput for a name of more than 255 characters or that is no UTF-8.
std::string make_voice_file(const Voice& voice, const Fingerprint& made_by, const std::string& name);

// Throws kInvalidInput unless a model with this fingerprint can speak with the voice: it is of the same
// bundle, and of the same encoder if that is of the same dtype.
void check_made_by(const SavedVoice& voice, const Fingerprint& own);

}  // namespace loquor
