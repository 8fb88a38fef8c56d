// Appending nodes to a graph while it is loaded, with the runtime's Model Editor API: nodes can be added,
// what is there cannot be changed.
#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "ort/value.hpp"

namespace loquor::ort {

struct Attribute {
  const char* name;
  std::variant<int, int64_t, std::vector<int64_t>> value;
};

// What will be appended. Names are made unique by a prefix; a Model Editor that meets one twice says nothing.
class GraphEdit {
 public:
  GraphEdit(const Api& api, std::vector<Port> inputs, std::vector<Port> outputs, int opset);

  const std::vector<Port>& outputs() const { return outputs_; }  // of the graph as it was
  std::vector<std::string> input_names() const;                  // of those added
  int opset() const { return opset_; }                           // of the standard domain

  // A new input must be a constant too, which is its value when nothing is fed: graphs that know nothing of
  // it still run. -1 is a free dimension, as in Port.
  std::string input(const std::string& name, ElementType type, std::vector<int64_t> dims);
  void output(const std::string& name, ElementType type, std::vector<int64_t> dims);
  // Without a name one is made up.
  std::string constant(const std::vector<float>& values, std::vector<int64_t> dims,
                       const std::string& name = "");
  std::string constant(const std::vector<double>& values, std::vector<int64_t> dims,
                       const std::string& name = "");
  std::string constant(const std::vector<int64_t>& values, std::vector<int64_t> dims,
                       const std::string& name = "");
  // Adds a node with one output and returns its name, which is `name` unless that is empty.
  std::string node(const char* op, const std::vector<std::string>& inputs,
                   std::initializer_list<Attribute> attributes = {}, const std::string& name = "");
  // The same with several outputs.
  std::vector<std::string> nodes(const char* op, const std::vector<std::string>& inputs, std::size_t count,
                                 std::initializer_list<Attribute> attributes = {});

  // Hands it all to a session that was opened for editing. Returns the runtime's status.
  abi::OrtStatus* apply(abi::OrtSession* session);

 private:
  std::string add_constant(ElementType type, const void* data, std::size_t bytes, std::vector<int64_t> dims,
                           const std::string& name);
  void add_node(const char* op, const std::vector<std::string>& inputs,
                const std::vector<std::string>& outputs, std::initializer_list<Attribute> attributes);
  std::string unique();
  std::vector<abi::OrtValueInfo*> value_infos(const std::vector<Port>& ports) const;

  const Api& api_;
  const abi::OrtModelEditorApi& editor_;
  Handle<abi::OrtGraph> graph_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
  std::vector<Port> new_inputs_;
  std::vector<Port> new_outputs_;
  int opset_;
  int made_ = 0;
};

using GraphExtension = std::function<void(GraphEdit&)>;

}  // namespace loquor::ort
