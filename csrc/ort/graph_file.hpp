// An .onnx file, looked at without a protobuf library: what its graph takes, which files it names for its
// weights, and the same graph naming others. Weights inside the file are passed over, so that memory and time
// grow with the graph's structure alone, which is bounded.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace loquor::ort {

// Names of what the graph takes, in the order of the file; those that it has weights for are left out, as the
// runtime does. Throws kModel naming the file, for one that is no ONNX graph, or larger than any real one.
std::vector<std::string> declared_inputs(const std::string& file);

// Each location of external data once, in the order of the file. Throws as above.
std::vector<std::string> external_locations(const std::string& file);

// The file's content with each location replaced by what `places` has for it. Throws as above, also for a
// location that `places` lacks.
std::string relocated_graph(const std::string& file, const std::map<std::string, std::string>& places);

}  // namespace loquor::ort
