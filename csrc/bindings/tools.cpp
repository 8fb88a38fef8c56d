// Below the engine: a graph's weights, and single graphs run with arrays by name. Preparation stands on
// these.
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <string>
#include <utility>
#include <vector>

#include "bindings/shared.hpp"

namespace loquor::bindings {
namespace {

using Arrays = py::typing::Dict<py::str, py::array>;
using Paths = py::typing::Dict<py::str, py::str>;

struct PyGraph {
  Graph handle;
};

int32_t onnx_type(const py::array& array) {
  for (const TensorType& type : kTensorTypes) {
    if (array.dtype().equal(py::dtype(type.numpy))) return type.onnx;
  }
  throw StatusError(LOQUOR_ERROR_INVALID_INPUT,
                    "arrays of " + std::string(py::str(array.dtype())) + " cannot be given to a graph");
}

Arrays run(const PyGraph& self, const Arrays& inputs) {
  std::vector<std::string> names;
  std::vector<py::array> arrays;  // contiguous
  std::vector<std::vector<int64_t>> dims;
  for (const auto& [name, value] : inputs) {
    names.push_back(py::cast<std::string>(name));
    arrays.push_back(py::array::ensure(value, py::array::c_style));
    if (!arrays.back()) throw py::error_already_set();
    dims.emplace_back(arrays.back().shape(), arrays.back().shape() + arrays.back().ndim());
  }
  std::vector<loquor_tensor> tensors;
  for (std::size_t i = 0; i < names.size(); ++i) {
    tensors.push_back({names[i].c_str(), onnx_type(arrays[i]), dims[i].data(), dims[i].size(),
                       arrays[i].data(), static_cast<std::size_t>(arrays[i].nbytes())});
  }
  const Tensors outputs = without_gil([&] {
    return made<Tensors>(loquor_graph_run, self.handle.get(),
                         static_cast<const loquor_tensor*>(tensors.data()), tensors.size());
  });
  Arrays result;
  for (std::size_t i = 0; i < loquor_tensors_count(outputs.get()); ++i) {
    loquor_tensor tensor = {};
    check(loquor_tensors_get(outputs.get(), i, &tensor));
    const std::vector<py::ssize_t> shape(tensor.dims, tensor.dims + tensor.rank);
    result[tensor.name] = copied(numpy_type(tensor.type), shape, tensor.data);
  }
  return result;
}

}  // namespace

void bind_tools(py::module_& module) {
  module.def("vector_unit", &loquor_vector_unit,
             "The vector instructions that the core's own operators use on this processor.");
  module.def(
      "weight_files",
      [](const std::string& graph_file) {
        const auto weights = made<Weights>(loquor_weights_find, graph_file.c_str());
        Paths paths;
        for (std::size_t i = 0; i < loquor_weights_count(weights.get()); ++i)
          paths[loquor_weights_location(weights.get(), i)] = loquor_weights_file(weights.get(), i);
        return paths;
      },
      py::arg("graph_file"), "Real path of each file that a graph names for its weights, by that name.");

  py::class_<PyGraph>(module, "Graph", "One graph on the CPU, run with arrays by name.")
      .def(py::init([](const PyRuntime& runtime, const std::string& file, const std::string& prepared,
                       int32_t threads) {
             const char* const instead = prepared.empty() ? nullptr : prepared.c_str();
             return PyGraph{without_gil([&] {
               return made<Graph>(loquor_graph_open, runtime.handle.get(), file.c_str(), instead, threads);
             })};
           }),
           py::arg("runtime"), py::arg("file"), py::kw_only(), py::arg("prepared") = "",
           py::arg("threads") = 0)
      .def("run", &run, py::arg("inputs"));
}

}  // namespace loquor::bindings
