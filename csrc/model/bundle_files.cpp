#include "model/bundle_files.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "base/error.hpp"
#include "base/utf8.hpp"

namespace loquor {
namespace {

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// What exporters append to a graph's name: weights too big for one file are numbered, and some write
// ".data".
bool is_weights_suffix(const std::string& suffix) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (suffix.compare(0, 5, "_data") != 0 && suffix.compare(0, 5, ".data") != 0) return false;
  if (suffix.size() == 5) return true;
  return suffix.size() > 6 && suffix[5] == '_' && std::all_of(suffix.begin() + 6, suffix.end(), is_digit);
}

}  // namespace

std::string graph_path(std::size_t graph, const Precision& precision) {
  return std::string("onnx/") + kGraphNames[graph] + precision.suffix + ".onnx";
}

Listing::Listing(std::vector<std::string> paths)
    : paths_(std::make_move_iterator(paths.begin()), std::make_move_iterator(paths.end())) {}

Listing Listing::of_folder(const std::string& folder) {
  const auto root = std::filesystem::u8path(folder);
  std::error_code error;
  if (!std::filesystem::is_directory(root / "onnx", error)) {
    throw Error(ErrorKind::kModel,
                "'" + folder + "' is no bundle: it has no folder 'onnx' with the four graphs");
  }
  std::vector<std::string> paths;
  for (std::size_t graph = 0; graph < kGraphCount; ++graph) {
    for (const Precision& precision : kPrecisions) {
      std::string path = graph_path(graph, precision);
      if (std::filesystem::is_regular_file(root / path, error)) paths.push_back(std::move(path));
    }
  }
  return Listing(std::move(paths));
}

std::vector<const Precision*> Listing::offered(std::size_t graph) const {
  std::vector<const Precision*> found;
  for (const Precision& precision : kPrecisions) {
    if (paths_.count(graph_path(graph, precision)) != 0) found.push_back(&precision);
  }
  return found;
}

std::string Listing::offer() const {
  std::string list;
  for (std::size_t graph = 0; graph < kGraphCount; ++graph) {
    list += (graph == 0 ? "" : "; ") + std::string(kGraphNames[graph]) + ":";
    for (const Precision* precision : offered(graph)) list += std::string(" ") + precision->name;
  }
  return list;
}

DtypeSpec Listing::choose(const std::string& dtype, const std::string& advised,
                          const std::string& place) const {
  DtypeSpec chosen = parse_dtype(dtype);
  for (std::size_t graph = 0; graph < kGraphCount; ++graph) {
    if (!offered(graph).empty()) continue;
    throw Error(ErrorKind::kModel,
                place + " is not a four-graph bundle: it has no onnx/" + kGraphNames[graph] +
                    "*.onnx of any dtype (found: " + offer() +
                    "); choose a repository or folder that has all four, or fetch the bundle again");
  }
  for (std::size_t graph = 0; graph < kGraphCount; ++graph) {
    const std::vector<const Precision*> offers = offered(graph);
    const auto has = [&](const Precision* precision) {
      return std::find(offers.begin(), offers.end(), precision) != offers.end();
    };
    if (chosen[graph] == nullptr) {
      const Precision* const preferred = find_precision(advised);
      chosen[graph] = has(preferred) ? preferred : offers[0];
    } else if (!has(chosen[graph])) {
      throw Error(ErrorKind::kInvalidInput,
                  place + " has no " + kGraphNames[graph] + " of dtype " + chosen[graph]->name +
                      " (found: " + offer() +
                      "); dtype 'auto' takes what is there, and graphs may differ, as in "
                      "q4,conditional_decoder=fp32");
    }
  }
  return chosen;
}

bool needs(const DtypeSpec& chosen, const std::string& path) {
  if (path.find_first_of("/\\") == std::string::npos) return path.size() > 5 && ends_with(path, ".json");
  for (std::size_t graph = 0; graph < kGraphCount; ++graph) {
    const std::string file = graph_path(graph, *chosen[graph]);
    if (path == file) return true;
    if (path.compare(0, file.size(), file) == 0 && is_weights_suffix(path.substr(file.size()))) return true;
  }
  return false;
}

std::array<GraphFile, kGraphCount> find_graph_files(const std::string& folder, const std::string& dtype,
                                                    const std::string& advised) {
  parse_dtype(dtype);  // a mistake of the caller's comes before the folder's
  const DtypeSpec chosen = Listing::of_folder(folder).choose(dtype, advised, "'" + folder + "'");
  const auto onnx = std::filesystem::u8path(folder) / "onnx";
  std::array<GraphFile, kGraphCount> files;
  for (std::size_t graph = 0; graph < kGraphCount; ++graph) {
    const std::string name = graph_path(graph, *chosen[graph]).substr(5);
    files[graph] = {(onnx / name).u8string(), chosen[graph]->name, {}, {}};
  }
  return files;
}

std::vector<VoiceFile> find_voices(const std::string& folder) {
  std::vector<VoiceFile> found;
  std::error_code error;
  std::filesystem::directory_iterator entry(std::filesystem::u8path(folder) / "voices", error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::filesystem::path name = entry->path().filename();
    std::error_code gone;
    if (name.extension() != kVoiceSuffix || !entry->is_regular_file(gone)) continue;
    if (is_utf8(name.u8string())) found.push_back({name.stem().u8string(), entry->path().u8string()});
  }
  std::sort(found.begin(), found.end(),
            [](const VoiceFile& a, const VoiceFile& b) { return a.name < b.name; });
  return found;
}

std::optional<std::string> find_default_voice(const std::string& folder, const std::vector<VoiceFile>& voices,
                                              const std::optional<std::string>& name) {
  if (name) {
    const auto named = std::find_if(voices.begin(), voices.end(),
                                    [&](const VoiceFile& voice) { return voice.name == *name; });
    return named != voices.end() ? std::optional(named->path) : std::nullopt;
  }
  for (const char* suffix : {kVoiceSuffix, ".wav"}) {
    const auto path = std::filesystem::u8path(folder) / (std::string("default_voice") + suffix);
    std::error_code error;
    if (std::filesystem::is_regular_file(path, error)) return path.u8string();
  }
  return std::nullopt;
}

}  // namespace loquor
