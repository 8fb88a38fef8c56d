// Which files of a bundle serve each graph, by their published names: of a folder, or of a hub's listing
// before anything is downloaded; and the voices that a folder brings.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/graphs.hpp"
#include "model/precision.hpp"

namespace loquor {

struct GraphFile {
  std::string path;
  std::string dtype;     // name of the Precision: which published file it is
  std::string prepared;  // path of the rewritten graph to load instead, or empty
  std::string vocoder;   // path of the second part of it, where a decoder was cut in two, or empty
};

// A voice that was saved in a bundle.
struct VoiceFile {
  std::string name;
  std::string path;
};

// Paths within a bundle, with forward slashes.
class Listing {
 public:
  explicit Listing(std::vector<std::string> paths);
  // The graphs of a bundle's folder. Throws kModel for one that is none.
  static Listing of_folder(const std::string& folder);

  // The precisions of a graph, in the order that "auto" takes them.
  std::vector<const Precision*> offered(std::size_t graph) const;

  // The precision to use for each graph: the one that `dtype` asks for, and for "auto" `advised` where that
  // is on offer, else (or if it is "") the first, since some published sets are mixtures. `place` names the
  // bundle in errors. Throws kModel for a graph that is missing altogether, kInvalidInput for a dtype that
  // does not exist or is not on offer.
  DtypeSpec choose(const std::string& dtype, const std::string& advised, const std::string& place) const;

 private:
  std::string offer() const;

  std::set<std::string> paths_;
};

// Path of a graph's file within a bundle.
std::string graph_path(std::size_t graph, const Precision& precision);

// Whether a bundle needs the file for these precisions: the root's JSON, the graphs, and their weights.
bool needs(const DtypeSpec& chosen, const std::string& path);

// The files of a folder for a dtype. Throws as Listing does.
std::array<GraphFile, kGraphCount> find_graph_files(const std::string& folder, const std::string& dtype,
                                                    const std::string& advised = "");

// Of a saved voice.
constexpr const char* kVoiceSuffix = ".safetensors";

// The voice files in a folder's `voices`, by name. A name that is no UTF-8 cannot be asked for and is left
// out.
std::vector<VoiceFile> find_voices(const std::string& folder);

// The file of the voice to speak in when none is asked for: of `voices` the one with the `name` that the
// settings give, or where they give none the file `default_voice.*` at the root.
std::optional<std::string> find_default_voice(const std::string& folder, const std::vector<VoiceFile>& voices,
                                              const std::optional<std::string>& name);

}  // namespace loquor
