#include "model/voice_file.hpp"

#include <algorithm>
#include <cstring>
#include <map>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/utf8.hpp"
#include "model/tensor_file.hpp"

namespace loquor {
namespace {

constexpr const char* kFormat = "loquor.voice";
constexpr int kVersion = 1;
constexpr const char* kPrefix = "prefix_kv";
constexpr std::size_t kMostName = 255;  // characters
constexpr int64_t kMostPrefixValues = int64_t{1} << 28;
// A voice's arrays and a prefix of the widest type, and a header.
constexpr uint64_t kMostBytes = (uint64_t{kMostPrefixValues} << 2) + (uint64_t{1} << 28);

using Texts = std::map<std::string, std::string>;

[[noreturn]] void refuse(const std::string& problem) { throw Error(ErrorKind::kInvalidInput, problem); }

std::string text_of(const Texts& texts, const char* key) {
  const auto found = texts.find(key);
  return found != texts.end() ? found->second : std::string();
}

bool is_number(const std::string& text) {
  return !text.empty() && text.size() <= 9 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void check_texts(const Texts& texts, const std::string& place) {
  if (text_of(texts, "format") != kFormat) {
    refuse(place + " is a safetensors file, but no voice: give one that was saved as a voice");
  }
  const std::string version = text_of(texts, "version");
  if (is_number(version) && std::stoi(version) > kVersion) {
    refuse("voice " + place + " has format version " + version + ", this Loquor reads up to " +
           std::to_string(kVersion) + ": upgrade Loquor or make the voice again");
  }
  std::string missing;
  for (const char* key : {"bundle", "dtype", "encoder", "name"}) {
    if (texts.count(key) == 0) missing += (missing.empty() ? "" : ", ") + std::string(key);
  }
  if (version != std::to_string(kVersion) || !missing.empty()) {
    refuse("voice " + place + " is damaged (version '" + version + "', metadata lacks [" + missing +
           "]): make it again");
  }
}

void check_sha256(const std::string& text, const char* what) {
  const bool good = text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
                      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                    });
  if (!good) refuse(std::string(what) + " must be 64 hex digits");
}

Fingerprint read_fingerprint(const Texts& texts) {
  Fingerprint made_by = {text_of(texts, "bundle"), text_of(texts, "encoder"), text_of(texts, "dtype")};
  check_sha256(made_by.bundle, "a fingerprint's bundle");
  check_sha256(made_by.encoder, "a fingerprint's encoder");
  const bool good = !made_by.dtype.empty() && made_by.dtype.size() <= 32 &&
                    made_by.dtype.find_first_not_of(
                        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789_.+-") == std::string::npos;
  if (!good) refuse("a fingerprint's dtype must name the precision of the speech encoder");
  return made_by;
}

void check_name(const std::string& name) {
  std::size_t characters = 0;
  for (std::string_view rest = name; !rest.empty(); ++characters) {
    const std::size_t length = utf8_length(rest);
    if (length == 0) refuse("a voice's name must be UTF-8");
    rest.remove_prefix(length);
  }
  if (characters > kMostName) refuse("a voice's name must have at most 255 characters");
}

const FileTensor& array(const TensorFile& file, const char* name, const char* dtype, std::size_t rank) {
  const FileTensor& tensor = file.tensors.at(name);
  if (tensor.dtype != dtype || tensor.shape.size() != rank) {
    refuse(std::string("a voice's ") + name + " must be " + dtype + " of rank " + std::to_string(rank) +
           ", not " + tensor.dtype + " of rank " + std::to_string(tensor.shape.size()) +
           ": make the voice again");
  }
  return tensor;
}

template <class T>
std::vector<T> copied(std::string_view bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

Voice read_arrays(const TensorFile& file) {
  const FileTensor& features = array(file, "audio_features", "F32", 2);
  const FileTensor& tokens = array(file, "audio_tokens", "I64", 1);
  const FileTensor& embeddings = array(file, "speaker_embeddings", "F32", 1);
  const FileTensor& mel = array(file, "speaker_features", "F32", 2);
  Voice voice;
  voice.prefix_length = features.shape[0];
  voice.hidden_size = features.shape[1];
  voice.speaker_frames = mel.shape[0];
  voice.speaker_feature_size = mel.shape[1];
  check_shape({voice.prefix_length, voice.hidden_size, tokens.shape[0], embeddings.shape[0],
               voice.speaker_frames, voice.speaker_feature_size});  // before anything is copied
  voice.audio_features = copied<float>(features.bytes);
  voice.audio_tokens = copied<int64_t>(tokens.bytes);
  voice.speaker_embeddings = copied<float>(embeddings.bytes);
  voice.speaker_features = copied<float>(mel.bytes);
  check_voice(voice);
  return voice;
}

std::optional<SavedPrefix> read_prefix(const TensorFile& file, int64_t positions) {
  const auto found = file.tensors.find(kPrefix);
  if (found == file.tensors.end()) {
    if (file.texts.count("prefix") > 0) refuse("it names a prefix but lacks prefix_kv, make the voice again");
    return std::nullopt;
  }
  const FileTensor& kv = found->second;
  const bool known = kv.dtype == "F32" || kv.dtype == "F16" || kv.dtype == "I8";
  if (!known || kv.shape.size() != 4 || kv.bytes.empty()) {
    refuse("the prefix of a voice must be F32, F16 or I8 of rank 4, not empty, not " + kv.dtype +
           " of rank " + std::to_string(kv.shape.size()));
  }
  if (kv.shape[2] != positions) {
    refuse("the voice's prefix has " + std::to_string(kv.shape[2]) + " positions, its audio_features " +
           std::to_string(positions) + ": make the voice again");
  }
  SavedPrefix prefix = {text_of(file.texts, "prefix"), kv.shape, copied<unsigned char>(kv.bytes)};
  check_sha256(prefix.fingerprint, "a prefix's fingerprint");
  return prefix;
}

TensorFile parse(std::string_view content, const std::string& place) {
  try {
    return parse_tensor_file(content);
  } catch (const Error& error) {
    refuse(place + " is damaged or no voice file (" + error.what() + "): give one that was saved as a voice");
  }
}

}  // namespace

SavedVoice parse_voice_file(std::string_view content, const std::string& place) {
  const TensorFile file = parse(content, place);
  check_texts(file.texts, place);
  std::string missing;
  for (const char* name : {"audio_features", "audio_tokens", "speaker_embeddings", "speaker_features"}) {
    if (file.tensors.count(name) == 0) missing += (missing.empty() ? "" : ", ") + std::string(name);
  }
  if (!missing.empty()) refuse("voice " + place + " lacks [" + missing + "]: make the voice again");
  try {
    SavedVoice saved;
    saved.made_by = read_fingerprint(file.texts);
    saved.name = text_of(file.texts, "name");
    check_name(saved.name);
    saved.voice = read_arrays(file);
    saved.prefix = read_prefix(file, saved.voice.prefix_length);
    return saved;
  } catch (const Error& error) {
    refuse("voice " + place + " is damaged: " + error.what());
  }
}

SavedVoice read_voice_file(const std::string& path) {
  return parse_voice_file(read_file(path, kMostBytes), path);
}

std::string make_voice_file(const Voice& voice, const Fingerprint& made_by, const std::string& name) {
  check_name(name);
  TensorFile file;
  file.texts = {{"format", kFormat},        {"version", std::to_string(kVersion)}, {"name", name},
                {"bundle", made_by.bundle}, {"encoder", made_by.encoder},          {"dtype", made_by.dtype}};
  const auto add = [&file](const char* field, const char* dtype, std::vector<int64_t> shape,
                           const auto& values) {
    const auto* const bytes = reinterpret_cast<const char*>(values.data());
    file.tensors[field] = {dtype, std::move(shape), {bytes, values.size() * sizeof(values[0])}};
  };
  add("audio_features", "F32", {voice.prefix_length, voice.hidden_size}, voice.audio_features);
  add("audio_tokens", "I64", {static_cast<int64_t>(voice.audio_tokens.size())}, voice.audio_tokens);
  add("speaker_embeddings", "F32", {static_cast<int64_t>(voice.speaker_embeddings.size())},
      voice.speaker_embeddings);
  add("speaker_features", "F32", {voice.speaker_frames, voice.speaker_feature_size}, voice.speaker_features);
  return make_tensor_file(file);
}

void check_made_by(const SavedVoice& voice, const Fingerprint& own) {
  const Fingerprint& other = voice.made_by;
  if (other.bundle == own.bundle && (other.dtype != own.dtype || other.encoder == own.encoder)) return;
  refuse("voice '" + voice.name + "' was made by " + describe(other) + ", but this engine runs " +
         describe(own) + ": make the voice again from its recording");
}

}  // namespace loquor
