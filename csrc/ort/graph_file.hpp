// An .onnx file, looked at without a protobuf library: what its graph takes, its weights and the files that
// it names for them, and the same graph naming others. Weights inside the file are passed over, so that
// memory and time grow with the graph's structure alone, which is bounded.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace loquor::ort {

// Names of what the graph takes, in the order of the file; those that it has weights for are left out, as the
// runtime does. Throws kModel naming the file, for one that is no ONNX graph, or larger than any real one.
std::vector<std::string> declared_inputs(const std::string& file);

// A weight of the model's own graph, and where its values lie.
struct DeclaredWeight {
  std::string name;
  int32_t type = 0;  // onnx.proto's TensorProto.DataType: 1 is float32, 10 float16
  std::vector<int64_t> dims;
  std::string location;  // external data; "": its values lie in the graph's own file
  uint64_t offset = 0;   // of the first value, in either file
  uint64_t bytes = 0;    // 0: it does not say, or they are no raw data
};

// In the order of the file. Throws as above.
std::vector<DeclaredWeight> declared_weights(const std::string& file);

// Each location of external data once, in the order of the file. Throws as above.
std::vector<std::string> external_locations(const std::string& file);

// The file's content with each location replaced by what `places` has for it. Throws as above, also for a
// location that `places` lacks.
std::string relocated_graph(const std::string& file, const std::map<std::string, std::string>& places);

}  // namespace loquor::ort
