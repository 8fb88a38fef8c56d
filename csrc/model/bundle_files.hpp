// Which files of a bundle serve each graph, by their published names: of a folder, or of a hub's listing
// before anything is downloaded.
#pragma once

#include <array>
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

}  // namespace loquor
