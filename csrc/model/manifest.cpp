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
#include "model/bundle_files.hpp"

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
    guarded([&] {
      json_ = Json::parse(text);
      json_.members();  // it must be an object
    });
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
    guarded([&] {
      number = std::is_integral_v<T> ? static_cast<double>(found->as_int64()) : found->as_double();
    });
    if (!(number >= least && number <= most)) {
      throw Error(ErrorKind::kModel, path_ + ": '" + key + "' should be a number from " + decimal(least) +
                                         " to " + decimal(most) + ", not " + decimal(number));
    }
    value = static_cast<T>(number);
  }

  template <class Read>
  void guarded(Read read) const {
    try {
      read();
    } catch (const Error& error) {
      throw Error(error.kind(), path_ + ": " + error.what());
    }
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  Json json_;
  bool present_ = false;
};

constexpr double kMaxId = 1 << 24;

// A default that a bundle may have of its own.
template <DefaultOf whose, class T>
void read_default(const Settings& config, const std::string& key, T& value, const Range& range) {
  if constexpr (whose == DefaultOf::kBundle && std::is_same_v<T, bool>) {
    if (const Json* found = config.find(key.c_str())) config.guarded([&] { value = found->as_bool(); });
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
  throw Error(ErrorKind::kModel, "'guards' should name length, loop, silence or tail, not '" + name + "'");
}

void read_config(const Settings& config, Manifest& manifest) {
  if (const Json* type = config.find("model_type")) {
    config.guarded([&] {
      if (type->as_string() != "chatterbox") {
        throw Error(ErrorKind::kModel, "model_type should be 'chatterbox', not '" + type->as_string() + "'");
      }
    });
  }
  config.read("sample_rate", manifest.sample_rate, 8000, 192000);
  config.read("samples_per_token", manifest.samples_per_token, 1, 1 << 20);
  config.read("start_speech_token", manifest.start_token, 0, kMaxId);
  config.read("stop_speech_token", manifest.stop_token, 0, kMaxId);
  config.read("silence_token", manifest.silence_token, 0, kMaxId);
  config.read("end_of_text_token", manifest.end_of_text_token, 0, kMaxId);
  config.read("closing_silence_tokens", manifest.closing_silence_tokens, 0, 100);
  config.read("max_positions", manifest.max_positions, 8, kMaxId);
  config.read("voice_prefix_positions", manifest.voice_prefix_positions, 0, kMaxId);
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
  config.guarded([&] {
    manifest.defaults.guards = 0;
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
  const Json* sampling = config.find("do_sample");
  config.guarded([&] {
    if (sampling != nullptr && !sampling->as_bool()) defaults.temperature = 0;
    try {
      validate(defaults);
    } catch (const Error& error) {
      throw Error(ErrorKind::kModel, error.what());
    }
  });
}

}  // namespace

Manifest read_manifest(const std::string& folder, const std::string& dtype, const std::string& preferred) {
  const auto path = std::filesystem::u8path(folder);
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    throw Error(ErrorKind::kModel, "there is no bundle folder at '" + folder + "'");
  }
  Manifest manifest;
  manifest.folder = folder;
  manifest.files = find_graph_files(folder, dtype, preferred);
  const Settings config(path, "config.json");
  read_config(config, manifest);
  read_streaming(config, manifest.streaming);
  read_guards(config, manifest);
  if (const Json* text = config.find("text_config")) {
    config.guarded([&] {
      const Json* const size = text->find("text_vocab_size");
      if (size == nullptr || size->is_null()) return;
      manifest.text_vocab_size = size->as_int64();
      if (manifest.text_vocab_size < 1 || manifest.text_vocab_size > static_cast<int64_t>(kMaxId)) {
        throw Error(ErrorKind::kModel,
                    "text_vocab_size cannot be " + std::to_string(manifest.text_vocab_size));
      }
    });
  }
  read_generation_config(Settings(path, "generation_config.json"), manifest);
  return manifest;
}

}  // namespace loquor
