#include "model/bundle_files.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <sstream>

#include "base/error.hpp"

namespace loquor {

const std::array<const char*, kGraphCount> kGraphNames = {"speech_encoder", "embed_tokens", "language_model",
                                                          "conditional_decoder"};

namespace {

struct Dtype {
  const char* name;
  const char* suffix;
};
// "auto" takes the first that a graph offers: q4 is the fastest on a CPU, fp16 the slowest.
constexpr Dtype kDtypes[] = {
    {"q4", "_q4"}, {"q4f16", "_q4f16"}, {"q8", "_quantized"}, {"fp32", ""}, {"fp16", "_fp16"}};

const Dtype* find_dtype(const std::string& name) {
  for (const Dtype& dtype : kDtypes) {
    if (name == dtype.name) return &dtype;
  }
  return nullptr;
}

class Folder {
 public:
  explicit Folder(const std::string& path) : onnx_(std::filesystem::u8path(path) / "onnx") {
    std::error_code error;
    if (!std::filesystem::is_directory(onnx_, error)) {
      throw Error(ErrorKind::kModel,
                  "'" + path + "' is no bundle: it has no folder 'onnx' with the four graphs");
    }
  }

  std::optional<GraphFile> find(std::size_t graph, const Dtype& dtype) const {
    std::error_code error;
    const auto file = onnx_ / (std::string(kGraphNames[graph]) + dtype.suffix + ".onnx");
    if (!std::filesystem::is_regular_file(file, error)) return std::nullopt;
    return GraphFile{file.u8string(), dtype.name, {}};
  }

  std::vector<GraphFile> all(std::size_t graph) const {
    std::vector<GraphFile> files;
    for (const Dtype& dtype : kDtypes) {
      if (auto file = find(graph, dtype)) files.push_back(*file);
    }
    return files;
  }

  [[noreturn]] void missing(std::size_t graph, const std::string& dtype) const {
    std::string found;
    for (const GraphFile& file : all(graph)) found += (found.empty() ? "" : ", ") + file.dtype;
    const std::string asked = dtype == "auto" ? "any dtype" : "dtype " + dtype;
    throw Error(ErrorKind::kModel, "there is no " + std::string(kGraphNames[graph]) + " of " + asked +
                                       " in " + onnx_.u8string() +
                                       " (found: " + (found.empty() ? "none" : found) +
                                       "); dtype 'auto' takes what is there");
  }

 private:
  std::filesystem::path onnx_;
};

// "q4,conditional_decoder=fp32": one dtype for all graphs, and others for some. Graphs without one of their
// own are "".
struct Wanted {
  std::string common = "auto";
  std::array<std::string, kGraphCount> single;
};

std::string trimmed(const std::string& text) {
  const char* const spaces = " \t\n\r";
  const auto first = text.find_first_not_of(spaces);
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(spaces) - first + 1);
}

Wanted parse(const std::string& spec) {
  Wanted wanted;
  std::istringstream items(spec + ',');  // so that an empty last item counts
  for (std::string item; std::getline(items, item, ',');) {
    const auto equals = item.find('=');
    const std::string dtype = trimmed(equals == std::string::npos ? item : item.substr(equals + 1));
    const auto graph = std::find(kGraphNames.begin(), kGraphNames.end(), trimmed(item.substr(0, equals)));
    if ((dtype != "auto" && find_dtype(dtype) == nullptr) ||
        (equals != std::string::npos && graph == kGraphNames.end())) {
      throw Error(ErrorKind::kInvalidInput, "dtype '" + spec + "' is not understood at '" + trimmed(item) +
                                                "': give auto, fp32, fp16, q8, q4 or q4f16, or a list like "
                                                "q4,conditional_decoder=fp32");
    }
    if (equals == std::string::npos) {
      wanted.common = dtype;
    } else {
      wanted.single[static_cast<std::size_t>(graph - kGraphNames.begin())] = dtype;
    }
  }
  return wanted;
}

GraphFile pick(const Folder& folder, std::size_t graph, const std::string& dtype,
               const std::string& preferred) {
  const Dtype* const only = find_dtype(dtype);
  const Dtype* const first = only != nullptr ? only : find_dtype(preferred);
  if (first != nullptr) {
    if (auto file = folder.find(graph, *first)) return *file;
  }
  if (only != nullptr) folder.missing(graph, dtype);
  const auto files = folder.all(graph);
  if (files.empty()) folder.missing(graph, "auto");
  return files[0];
}

}  // namespace

std::array<GraphFile, kGraphCount> find_graph_files(const std::string& folder_path, const std::string& spec,
                                                    const std::string& preferred) {
  const Wanted wanted = parse(spec);
  const Folder folder(folder_path);
  std::array<GraphFile, kGraphCount> files;
  for (std::size_t graph = 0; graph < kGraphCount; ++graph) {
    files[graph] =
        pick(folder, graph, wanted.single[graph].empty() ? wanted.common : wanted.single[graph], preferred);
  }
  return files;
}

}  // namespace loquor
