#include "model/manifest.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <type_traits>

#include "base/decimal.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "base/option.hpp"
#include "ort/graph_file.hpp"

namespace loquor {
namespace {

// A JSON file of the bundle. Absent is an empty object: the family's defaults then hold.
class Settings {
 public:
  Settings(const std::filesystem::path& folder, const char* name) : path_((folder / name).u8string()) {
    std::error_code error;
    const auto status = std::filesystem::status(folder / name, error);
    if (!std::filesystem::exists(status)) return;
    if (!std::filesystem::is_regular_file(status))
      throw Error(ErrorKind::kModel, path_ + " is no regular file: fetch the bundle again");
    std::ifstream file(folder / name, std::ios::binary);
    std::string text(Json::kMostBytes + 1, '\0');  // one more than may be there
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    try {
      json_ = Json::parse(text);
      json_.members();  // it must be an object
    } catch (const Error& problem) {
      throw Error(problem.kind(), path_ + ": " + problem.what());
    }
    present_ = true;
  }

  // What is null counts as absent.
  const Json* find(const char* key) const {
    const Json* const found = present_ ? json_.find(key) : nullptr;
    return found == nullptr || found->is_null() ? nullptr : found;
  }

  template <class T>
  void read(const std::string& key, T& value, double least, double most) const {
    const Json* found = find(key.c_str());
    if (found == nullptr) return;
    double number = 0;
    at_key(key, [&] {
      number = std::is_integral_v<T> ? static_cast<double>(found->as_int64()) : found->as_double();
    });
    if (!(number >= least && number <= most)) {
      throw Error(ErrorKind::kModel, path_ + ": '" + key + "' should be a number from " + decimal(least) +
                                         " to " + decimal(most) + ", not " + decimal(number));
    }
    value = static_cast<T>(number);
  }

  // Empty if it is absent.
  std::optional<std::string> text(const char* key) const {
    std::optional<std::string> value;
    if (const Json* const found = find(key)) at_key(key, [&] { value = found->as_string(); });
    if (value && value->find('\0') != std::string::npos)  // C would hide what is behind it
      throw Error(ErrorKind::kModel, path_ + ": '" + key + "' holds a null character");
    return value;
  }

  // What goes wrong in `read` is told with the file and the key.
  template <class Read>
  void at_key(const std::string& key, Read read) const {
    try {
      read();
    } catch (const Error& error) {
      throw Error(error.kind(), path_ + ": '" + key + "': " + error.what());
    }
  }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
  Json json_;
  bool present_ = false;
};

constexpr double kMaxId = 1 << 24;
constexpr int64_t kLeastVocabulary = 100;  // of texts
constexpr double kLeastPiece = 20;         // characters
constexpr double kMostPiece = 5000;

// A default that a bundle may have of its own.
template <DefaultOf whose, class T>
void read_default(const Settings& config, const std::string& key, T& value, const Range& range) {
  if constexpr (whose == DefaultOf::kBundle && std::is_same_v<T, bool>) {
    if (const Json* found = config.find(key.c_str())) config.at_key(key, [&] { value = found->as_bool(); });
  } else if constexpr (whose == DefaultOf::kBundle && !std::is_unsigned_v<T>) {  // bits go by names
    const auto most = static_cast<double>(std::numeric_limits<T>::max());
    config.read(key, value, range.least, std::min(range.most, most));
  }
}

Guard guard_named(const std::string& name) {
  if (name == "length") return Guard::kLength;
  if (name == "loop") return Guard::kLoop;
  if (name == "silence") return Guard::kSilence;
  if (name == "tail") return Guard::kTail;
  throw Error(ErrorKind::kModel, "it should name length, loop, silence or tail, not '" + name + "'");
}

// Of a graph that counts positions itself, the rows of its table of text: the only one that has as many rows
// as none of positions, and fewer than speech has ids. 0: not known.
int64_t rows_of_text(const FamilyEvidence& evidence) {
  if (evidence.embed_inputs.size() < 3) return 0;
  const ModelFacts& facts = families().back().facts;
  std::vector<int64_t> found;
  for (const ort::DeclaredWeight& weight : ort::declared_weights(evidence.embed_file)) {
    if (weight.dims.size() != 2) continue;
    const int64_t rows = weight.dims[0];
    const bool of_positions = rows == facts.text_positions || rows == facts.speech_positions;
    if (rows > kLeastVocabulary && rows < facts.start_token && !of_positions) found.push_back(rows);
  }
  return found.size() == 1 ? found[0] : 0;
}

// What it says of the family, with the graph that takes a prompt.
FamilyEvidence read_evidence(const Settings& config, const std::string& embed_file) {
  if (const Json* type = config.find("model_type")) {
    config.at_key("model_type", [&] {
      if (type->as_string() != "chatterbox") {
        throw Error(ErrorKind::kModel, "it should be 'chatterbox', not '" + type->as_string() + "'");
      }
    });
  }
  FamilyEvidence evidence;
  evidence.embed_file = embed_file;
  evidence.embed_inputs = ort::declared_inputs(embed_file);
  evidence.config_file = config.path();
  evidence.name = config.text("family").value_or("");
  evidence.text_vocab_size = rows_of_text(evidence);
  const Json* const model = config.find("text_config");
  if (model == nullptr) return evidence;
  config.at_key("text_config", [&] {
    const Json* const type = model->find("model_type");
    if (type != nullptr && !type->is_null()) evidence.backbone = type->as_string();
    const Json* const size = model->find("text_vocab_size");
    if (size == nullptr || size->is_null()) return;
    evidence.text_vocab_size = size->as_int64();
    if (evidence.text_vocab_size < 1 || evidence.text_vocab_size > static_cast<int64_t>(kMaxId)) {
      throw Error(ErrorKind::kModel, "text_vocab_size cannot be " + std::to_string(evidence.text_vocab_size));
    }
  });
  return evidence;
}

// Special ids of other numbers, also where a prompt begins and ends with them.
void read_prompt_tokens(const Settings& config, Manifest& manifest) {
  const int64_t start = manifest.start_token;
  const int64_t end = manifest.end_of_text_token;
  config.read("start_speech_token", manifest.start_token, 0, kMaxId);
  config.read("end_of_text_token", manifest.end_of_text_token, 0, kMaxId);
  for (auto* ids : {&manifest.prompt_opening, &manifest.prompt_closing}) {
    for (int64_t& id : *ids) {
      id = id == end ? manifest.end_of_text_token : id == start ? manifest.start_token : id;
    }
  }
}

// Facts that are each in range and cannot be true together.
void check_together(const Settings& config, const Manifest& manifest) {
  const auto require = [&](bool good, const std::string& problem) {
    if (!good) throw Error(ErrorKind::kModel, config.path() + ": " + problem + "; fetch the bundle again");
  };
  const auto said = [](const char* name, int64_t value) {
    return std::string(name) + " " + std::to_string(value);
  };
  require(manifest.silence_token < manifest.start_token,
          said("silence_token", manifest.silence_token) + " is no speech code, which end before " +
              said("start_speech_token", manifest.start_token));
  require(manifest.stop_token != manifest.start_token,
          said("stop_speech_token", manifest.stop_token) + " is start_speech_token as well");
  const bool one_vocabulary = manifest.family->positions == PositionRule::kLanguageModel;
  for (const auto* ids : {&manifest.prompt_opening, &manifest.prompt_closing}) {
    for (const int64_t id : *ids) {
      require(!one_vocabulary || id < manifest.text_vocab_size, said("a prompt's id", id) +
                                                                    " is outside the text vocabulary of " +
                                                                    std::to_string(manifest.text_vocab_size));
    }
  }
  require(manifest.voice_prefix_positions < manifest.max_positions,
          said("voice_prefix_positions", manifest.voice_prefix_positions) + " leave no room in " +
              said("max_positions", manifest.max_positions));
}

// [[layer, head], ...], as Whisper's generation_config.json has them; an empty list: none is known.
void read_alignment_heads(const Settings& config, Manifest& manifest) {
  const Json* const heads = config.find("alignment_heads");
  if (heads == nullptr) return;
  manifest.alignment_heads.clear();
  config.at_key("alignment_heads", [&] {
    for (const Json& pair : heads->items()) {
      if (pair.items().size() != 2)
        throw Error(ErrorKind::kModel, "it should list pairs of a layer and a head, such as [[9, 2]]");
      for (const Json& number : pair.items()) {
        constexpr int64_t kMost = 1 << 16;
        if (number.as_int64() < 0 || number.as_int64() > kMost)
          throw Error(ErrorKind::kModel, "there is no layer or head " + std::to_string(number.as_int64()));
        manifest.alignment_heads.push_back(number.as_int64());
      }
    }
  });
}

void read_config(const Settings& config, Manifest& manifest) {
  config.read("sample_rate", manifest.sample_rate, 8000, 192000);
  config.read("samples_per_token", manifest.samples_per_token, 1, 1 << 20);
  read_prompt_tokens(config, manifest);
  config.read("stop_speech_token", manifest.stop_token, 0, kMaxId);
  config.read("silence_token", manifest.silence_token, 0, kMaxId);
  config.read("closing_silence_tokens", manifest.closing_silence_tokens, 0, 100);
  config.read("max_positions", manifest.max_positions, 8, kMaxId);
  config.read("voice_prefix_positions", manifest.voice_prefix_positions, 0, kMaxId);
  config.read("piece_characters", manifest.piece_characters, kLeastPiece, kMostPiece);
  read_alignment_heads(config, manifest);
  if (auto normalizer = config.text("text_normalizer")) manifest.text_normalizer = std::move(*normalizer);
  manifest.voices = find_voices(manifest.folder);
  manifest.default_voice = find_default_voice(manifest.folder, manifest.voices, config.text("default_voice"));
}

void read_streaming(const Settings& config, StreamOptions& streaming) {
  using namespace ranges;
#define OPTION(type, name, initial, origin, range, words, sentence) \
  read_default<DefaultOf::k##origin>(config, "stream_" #name, streaming.name, range);
#include "model/stream_options.def"
}

void read_guards(const Settings& config, Manifest& manifest) {
  GuardLimits& limits = manifest.guard_limits;
  config.read("guard_tokens_per_character", limits.length.tokens_per_character, 0, 1000);
  config.read("guard_tokens_at_least", limits.length.tokens_at_least, 0, kMaxId);
  config.read("guard_pause_tokens", limits.pause_tokens, 1, 10000);
  const Json* names = config.find("guards");
  if (names == nullptr) return;
  config.at_key("guards", [&] {
    manifest.defaults.guards = 0;
    manifest.defaults.text_guard = static_cast<int32_t>(TextGuardLevel::kTell);
    for (const Json& name : names->items())
      manifest.defaults.guards |= static_cast<uint32_t>(guard_named(name.as_string()));
  });
}

// The keys that the Hugging Face generation_config.json uses.
void read_generation_config(const Settings& config, Manifest& manifest) {
  using namespace ranges;
  GenerationOptions& defaults = manifest.defaults;
#define OPTION(type, name, initial, origin, range, words, sentence) \
  read_default<DefaultOf::k##origin>(config, #name, defaults.name, range);
#include "model/generation_options.def"
  if (const Json* const sampling = config.find("do_sample")) {
    config.at_key("do_sample", [&] {
      if (!sampling->as_bool()) defaults.temperature = 0;
    });
  }
  try {
    validate(defaults);
  } catch (const Error& error) {
    throw Error(ErrorKind::kModel, config.path() + ": " + error.what());
  }
}

}  // namespace

Manifest read_manifest(const std::string& folder, const std::string& dtype, const std::string& advised) {
  const auto path = std::filesystem::u8path(folder);
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    throw Error(ErrorKind::kModel, "there is no bundle folder at '" + folder + "'");
  }
  auto files = find_graph_files(folder, dtype, advised);
  const Settings config(path, "config.json");
  const auto embed_tokens = static_cast<std::size_t>(Graph::kEmbedTokens);
  const FamilyEvidence evidence = read_evidence(config, files[embed_tokens].path);
  Manifest manifest(choose_family(evidence));
  manifest.folder = folder;
  manifest.files = std::move(files);
  if (evidence.text_vocab_size > 0) manifest.text_vocab_size = evidence.text_vocab_size;
  read_config(config, manifest);
  check_together(config, manifest);
  read_streaming(config, manifest.streaming);
  read_guards(config, manifest);
  const Settings generation(path, "generation_config.json");
  read_alignment_heads(generation, manifest);
  read_generation_config(generation, manifest);
  return manifest;
}

}  // namespace loquor
