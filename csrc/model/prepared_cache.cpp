#include "model/prepared_cache.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/sha256.hpp"
#include "ort/weights.hpp"

namespace loquor {
namespace {

namespace fs = std::filesystem;

// The environment variable that names the folder for what Loquor makes for itself.
constexpr const char* kCacheVariable = "LOQUOR_CACHE";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// As Python's storage.cache_folder has it; empty where nothing says where the user's home is.
fs::path cache_folder() {
#ifdef _WIN32
  const std::string home = variable("USERPROFILE");
#else
  const std::string home = variable("HOME");
#endif
  if (const std::string given = variable(kCacheVariable); !given.empty()) {
    const bool from_home = given == "~" || given.rfind("~/", 0) == 0;
    std::error_code error;
    return fs::absolute(fs::u8path(from_home ? home + given.substr(1) : given), error) / "prepared";
  }
  if (home.empty()) return {};
#if defined(_WIN32)
  const std::string local = variable("LOCALAPPDATA");
  const fs::path root = local.empty() ? fs::u8path(home) / "AppData" / "Local" : fs::u8path(local);
#elif defined(__APPLE__)
  const fs::path root = fs::u8path(home) / "Library" / "Caches";
#else
  const std::string given = variable("XDG_CACHE_HOME");
  const fs::path root = given.empty() ? fs::u8path(home) / ".cache" : fs::u8path(given);
#endif
  return root / "loquor" / "prepared";
}

// `moved_by_owners`: others may write to a folder in which only owners may move things.
void require_private(const fs::path& path, bool moved_by_owners) {
  const std::string problem = who_else_writes(path.u8string(), moved_by_owners);
  if (problem.empty()) return;
  throw Error(ErrorKind::kInvalidInput,
              path.u8string() + " is not trusted with prepared graphs, which run in this process: " +
                  problem + "; remove it, or name another folder by " + kCacheVariable);
}

std::string sha256_of_file(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw Error(ErrorKind::kModel, "cannot read " + path.u8string() + ": fetch the bundle again");
  Sha256 sha;
  std::vector<char> block(std::size_t{1} << 16);
  while (stream) {
    stream.read(block.data(), static_cast<std::streamsize>(block.size()));
    sha.add(block.data(), static_cast<std::size_t>(std::max<std::streamsize>(0, stream.gcount())));
  }
  return sha.finish();
}

std::string sha256_of(const std::string& bytes) {
  Sha256 sha;
  sha.add(bytes.data(), bytes.size());
  return sha.finish();
}

// What is noted of a graph beside it.
struct Note {
  std::string sha256;
  std::string refused;
  bool cut = false;
  double window_prompt = 0;
};

std::string text_in(const Json& note, const char* name) {
  const Json* found = note.find(name);
  return found != nullptr ? found->as_string() : std::string();
}

std::optional<Note> read_note(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return std::nullopt;
  require_private(path, false);
  try {
    const Json json = Json::parse(read_file(path.u8string(), Json::kMostBytes));
    Note note = {text_in(json, "sha256"), text_in(json, "refused")};
    if (const Json* cut = json.find("cut")) note.cut = cut->as_bool();
    if (const Json* seconds = json.find("window_prompt")) note.window_prompt = seconds->as_double();
    fs::last_write_time(path, fs::file_time_type::clock::now(),
                        error);  // it serves: Python clears the others
    return note;
  } catch (const Error& problem) {
    log::write(log::Level::kWarning, "the note " + path.u8string() + " cannot be used: " + problem.what());
    return std::nullopt;
  }
}

// The graph of a note, if it is the one that was noted.
std::string whole_graph(const fs::path& path, const Note& note) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return {};
  require_private(path, false);
  if (sha256_of_file(path) == note.sha256) return path.u8string();
  log::write(log::Level::kWarning,
             "the prepared graph " + path.u8string() + " is damaged: `loquor prepare` makes it again");
  return {};
}

}  // namespace

std::string prepared_key(const std::string& source, const PreparedUse& use) {
  const auto flag = [](bool value) { return value ? "True" : "False"; };  // as Python writes them
  std::vector<std::string> facts = {sha256_of_file(fs::u8path(source)),
                                    use.graph,
                                    use.kv_dtype,
                                    flag(use.own_operators),
                                    use.vector_unit,
                                    use.device,
                                    flag(use.int16),
                                    std::to_string(use.version),
                                    LOQUOR_VERSION,
                                    use.runtime,
                                    use.scaled_for};
  auto weights = ort::find_weights(source, source);
  std::sort(weights.begin(), weights.end(),
            [](const ort::WeightFile& a, const ort::WeightFile& b) { return a.location < b.location; });
  for (const ort::WeightFile& file : weights) {
    facts.push_back(file.location + " " + sha256_of(sample_of_file(file.file)));
  }
  std::string joined;
  for (const std::string& fact : facts) {
    if (&fact != &facts.front()) joined += '\0';
    joined += fact;
  }
  return sha256_of(joined).substr(0, 32);
}

std::optional<PreparedEntry> find_prepared(const std::string& source, const PreparedUse& use) {
  const fs::path folder = cache_folder();
  std::error_code error;
  if (folder.empty() || !fs::is_directory(folder, error)) return std::nullopt;
  require_private(folder, false);
  require_private(folder.parent_path(), true);
  const std::string stem = fs::u8path(source).stem().u8string();
  const std::string key = prepared_key(source, use);
  const auto place = [&](const std::string& name, const char* suffix) {
    return folder / fs::u8path(name + "-" + key + suffix);
  };
  const std::optional<Note> note = read_note(place(stem, ".json"));
  if (!note) return std::nullopt;
  PreparedEntry entry;
  entry.refused = note->refused;
  if (!note->refused.empty() || note->sha256.empty()) return entry;
  entry.file = whole_graph(place(stem, ".onnx"), *note);
  entry.window_prompt = note->window_prompt;
  if (note->cut) {
    const std::string second = stem + "_vocoder";
    const std::optional<Note> its = read_note(place(second, ".json"));
    if (its) entry.vocoder = whole_graph(place(second, ".onnx"), *its);
  }
  const bool whole = !entry.file.empty() && note->cut == !entry.vocoder.empty();
  return whole ? std::optional(entry) : std::nullopt;
}

}  // namespace loquor
