// What a graph must declare. A mismatch is an error that names the graph, the tensor, what was expected and
// what was found.
#pragma once

#include <string>
#include <vector>

#include "ort/session.hpp"

namespace loquor {

class Contract {
 public:
  explicit Contract(const ort::Session& session) : session_(session) {}

  static constexpr int64_t kFree = -1;  // in an expected shape: any extent

  // The port of that name, which must have one of the types and a shape that can match. Throws kModel.
  const ort::Port& input(const std::string& name, const std::vector<ort::ElementType>& types,
                         const std::vector<int64_t>& dims) const;
  const ort::Port& output(const std::string& name, const std::vector<ort::ElementType>& types,
                          const std::vector<int64_t>& dims) const;
  // The same for a port already found (where spellings differ).
  void check(const ort::Port& port, const char* kind, const std::vector<ort::ElementType>& types,
             const std::vector<int64_t>& dims) const;

  bool has_input(const std::string& name) const;
  bool has_output(const std::string& name) const;
  // A graph that wants more than we feed cannot run.
  void no_other_inputs(const std::vector<std::string>& known) const;

  // dims[axis] must be a number, not free.
  int64_t fixed(const ort::Port& port, std::size_t axis, const char* meaning) const;
  void equal(const std::string& what, int64_t expected, int64_t found) const;
  [[noreturn]] void fail(const std::string& problem) const;

 private:
  const ort::Session& session_;
};

// The float precisions that may stand at a boundary.
const std::vector<ort::ElementType>& float_types();

}  // namespace loquor
