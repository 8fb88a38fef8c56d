#include "model/fingerprint.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/sha256.hpp"
#include "model/kv_dtype.hpp"
#include "model/model.hpp"
#include "ort/weights.hpp"

namespace loquor {
namespace {

namespace fs = std::filesystem;

// Parts, each with its length, so that moving bytes from one to the next shows.
class Parts {
 public:
  void add(const std::string& bytes) {
    add_length(bytes.size());
    sha_.add(bytes.data(), bytes.size());
  }
  void add_file(const std::string& path) {
    std::error_code error;
    const fs::path file = fs::u8path(path);
    const uint64_t size = fs::file_size(file, error);
    std::ifstream stream(file, std::ios::binary);
    if (error || !stream) throw Error(ErrorKind::kModel, "cannot read " + path + ": fetch the bundle again");
    add_length(size);
    std::vector<char> block(std::size_t{1} << 16);
    while (stream) {
      stream.read(block.data(), static_cast<std::streamsize>(block.size()));
      sha_.add(block.data(), static_cast<std::size_t>(std::max<std::streamsize>(0, stream.gcount())));
    }
  }
  // Of the weights that a graph names: location, size and samples, by location.
  void add_weights(const std::string& graph) {
    auto files = ort::find_weights(graph, graph);
    std::sort(files.begin(), files.end(),
              [](const ort::WeightFile& a, const ort::WeightFile& b) { return a.location < b.location; });
    for (const ort::WeightFile& file : files) add(file.location + " " + sample_of_file(file.file));
  }
  std::string finish() { return sha_.finish(); }

 private:
  void add_length(uint64_t length) {
    unsigned char bytes[8];
    for (int i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(length >> (8 * i));
    sha_.add(bytes, sizeof bytes);
  }
  Sha256 sha_;
};

}  // namespace

std::string describe(const Fingerprint& fingerprint) {
  return "bundle " + fingerprint.bundle.substr(0, 12) + " (" + fingerprint.dtype + " encoder " +
         fingerprint.encoder.substr(0, 12) + ")";
}

LazyFingerprint::LazyFingerprint(const Model& model) : folder_(model.manifest.folder) {
  const GraphFile& encoder = model.manifest.files[static_cast<std::size_t>(Graph::kSpeechEncoder)];
  encoder_ = encoder.path;
  dtype_ = encoder.dtype;
  contract_ = std::string(model.manifest.family->name) + " " +
              std::to_string(model.language_model.signature().hidden_size) + " " +
              std::to_string(model.conditional_decoder.speaker_embedding_size()) + " " +
              std::to_string(model.conditional_decoder.speaker_feature_size());
}

const Fingerprint& LazyFingerprint::get() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (found_) return *found_;
  const fs::path folder = fs::u8path(folder_);
  Parts bundle;
  std::error_code error;
  if (fs::exists(folder / "config.json", error)) {
    bundle.add_file((folder / "config.json").u8string());
  } else {
    bundle.add("");  // some have none
  }
  bundle.add_file((folder / "tokenizer.json").u8string());
  bundle.add(contract_);
  Parts encoder;
  encoder.add_file(encoder_);
  encoder.add_weights(encoder_);
  found_ = Fingerprint{bundle.finish(), encoder.finish(), dtype_};
  return *found_;
}

std::string prefix_fingerprint(const Model& model) {
  const GraphFile& graph = model.manifest.files[static_cast<std::size_t>(Graph::kLanguageModel)];
  Parts parts;
  parts.add("prefix 1");
  parts.add_file(graph.prepared.empty() ? graph.path : graph.prepared);
  parts.add_weights(graph.path);
  parts.add(kv_dtype_name(model.language_model.signature().kv.type));
  return parts.finish();
}

}  // namespace loquor
