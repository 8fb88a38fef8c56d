// Where a graph's weights lie, and whether they may lie there.
#pragma once

#include <string>
#include <vector>

namespace loquor::ort {

struct WeightFile {
  std::string location;  // as the graph has it
  std::string file;      // the real path: no part of it is a link
};

// The files that `graph` names for its weights, which lie beside `file`: the published graph, or the one
// that it was made from. They must lie inside the bundle (the folder above `onnx`), or in the folder to which
// a link leads that stands for `file`; in a hub's cache, where a bundle is links, among the blobs of its own
// repository or of the cache's shared store, and so must `file`. Throws kModel.
std::vector<WeightFile> find_weights(const std::string& file, const std::string& graph);

// A graph as the runtime can load it, whatever its version thinks of links.
struct LoadableGraph {
  std::string bytes;           // empty: `file` itself, whose weights lie beside it without links
  std::string weights_folder;  // that the locations in `bytes` start from
};

// `prepared`: path of the rewritten graph to load instead of `file`, or empty. Throws as find_weights does.
LoadableGraph open_graph(const std::string& file, const std::string& prepared);

}  // namespace loquor::ort
