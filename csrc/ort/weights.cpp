#include "ort/weights.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>

#include "base/error.hpp"
#include "ort/graph_file.hpp"

namespace loquor::ort {
namespace {

namespace fs = std::filesystem;

void require(const std::error_code& error, const fs::path& path) {
  if (error) throw Error(ErrorKind::kModel, path.u8string() + " cannot be reached: " + error.message());
}

fs::path absolute_path(const fs::path& path) {
  std::error_code error;
  fs::path absolute = fs::absolute(path, error);
  require(error, path);
  return absolute;
}

// Also of what is missing.
fs::path real_path(const fs::path& path) {
  std::error_code error;
  fs::path real = fs::weakly_canonical(absolute_path(path), error);
  require(error, path);
  return real;
}

bool lies_in(const fs::path& file, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), file.begin(), file.end()).first == folder.end();
}

// The folders, all real, that hold a bundle.
class Bundle {
 public:
  explicit Bundle(const fs::path& file) : graph_(real_path(file)) {
    const fs::path folder = absolute_path(file).lexically_normal().parent_path();
    folders_.push_back(real_path(folder.filename() == "onnx" ? folder.parent_path() : folder));
    if (folders_[0].parent_path().filename() != "snapshots") {
      folders_.push_back(graph_.parent_path());
      return;
    }
    in_hub_ = true;  // <cache>/models--<owner>--<name>/snapshots/<commit>
    const fs::path repository = folders_[0].parent_path().parent_path();
    folders_.push_back(real_path(repository / "blobs"));
    if (repository.filename().u8string().rfind("models--", 0) == 0)
      folders_.push_back(real_path(repository.parent_path() / "blobs"));
    if (!holds(graph_)) refuse(file.u8string(), graph_);
  }

  bool holds(const fs::path& real) const {
    return std::any_of(folders_.begin(), folders_.end(),
                       [&](const fs::path& folder) { return lies_in(real, folder); });
  }

  [[noreturn]] void refuse(const std::string& what, const fs::path& real) const {
    throw Error(ErrorKind::kModel,
                what + " leads to " + real.u8string() + ", outside " +
                    (in_hub_ ? "the blobs of its repository and of the cache: delete it and fetch it again"
                             : "the bundle " + folders_[0].u8string() + ": copy the file into it"));
  }

 private:
  const fs::path graph_;
  std::vector<fs::path> folders_;
  bool in_hub_ = false;
};

fs::path checked_file(const Bundle& bundle, const fs::path& file, const std::string& location) {
  const fs::path named = fs::u8path(location);
  const std::string what = "the weights '" + location + "' of " + file.u8string();
  if (location.find('\0') != std::string::npos || named.is_absolute() || named.has_root_path())
    throw Error(ErrorKind::kModel, what + " should be named by a relative path: fetch the bundle again");
  const fs::path real = real_path(file.parent_path() / named);
  if (!bundle.holds(real)) bundle.refuse(what, real);
  std::error_code error;
  const auto status = fs::status(real, error);
  if (!fs::exists(status)) throw Error(ErrorKind::kModel, what + " are missing: fetch the bundle again");
  if (!fs::is_regular_file(status)) throw Error(ErrorKind::kModel, what + " are no regular file");
  return real;
}

// The deepest folder that lies above all of them.
fs::path common_folder(const std::vector<WeightFile>& weights) {
  fs::path common = fs::u8path(weights[0].file).parent_path();
  for (const WeightFile& weight : weights) {
    while (!lies_in(fs::u8path(weight.file), common)) common = common.parent_path();
  }
  return common;
}

}  // namespace

std::vector<WeightFile> find_weights(const std::string& file, const std::string& graph) {
  const auto path = fs::u8path(file);
  const Bundle bundle(path);
  std::vector<WeightFile> weights;
  for (const std::string& location : external_locations(graph))
    weights.push_back({location, checked_file(bundle, path, location).u8string()});
  return weights;
}

LoadableGraph open_graph(const std::string& file, const std::string& prepared) {
  const std::string& graph = prepared.empty() ? file : prepared;
  const std::vector<WeightFile> weights = find_weights(file, graph);
  const fs::path real = real_path(fs::u8path(file));
  const bool direct = real == real_path(fs::u8path(file).parent_path()) / fs::u8path(file).filename();
  const bool beside = std::all_of(weights.begin(), weights.end(), [&](const WeightFile& weight) {
    return fs::u8path(weight.file) == real.parent_path() / fs::u8path(weight.location).lexically_normal();
  });
  if (prepared.empty() && (weights.empty() || (direct && beside))) return {};
  LoadableGraph loadable;
  std::map<std::string, std::string> places;
  if (!weights.empty()) {
    const fs::path folder = common_folder(weights);
    for (const WeightFile& weight : weights)
      places[weight.location] = fs::u8path(weight.file).lexically_relative(folder).generic_u8string();
    loadable.weights_folder = folder.u8string();
  }
  loadable.bytes = relocated_graph(graph, places);
  if (loadable.bytes.empty()) throw Error(ErrorKind::kModel, graph + " is empty");
  return loadable;
}

}  // namespace loquor::ort
