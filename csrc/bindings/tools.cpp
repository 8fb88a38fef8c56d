// Below the engine: a graph's weights, and single graphs run with arrays by name. Preparation stands on
// these.
#include <string>
#include <utility>
#include <vector>

#include "bindings/shared.hpp"

namespace loquor::bindings {
namespace {

using Arrays = nb::typed<nb::dict, nb::str, AnyArray>;
using Paths = nb::typed<nb::dict, nb::str, nb::str>;

struct PyGraph {
  Graph handle;
};

// The array must be in C order.
loquor_tensor tensor_of(const AnyArray& array, View& view) {
  if (nb::try_cast(array, view)) {
    for (const TensorType& type : kTensorTypes) {
      if (type.dlpack == view.dtype())
        return {nullptr, type.onnx, view.shape_ptr(), view.ndim(), view.data(), view.nbytes()};
    }
  }
  throw StatusError(LOQUOR_ERROR_INVALID_INPUT,
                    "arrays of " + type_name(array) + " cannot be given to a graph");
}

Arrays run(const PyGraph& self, const Arrays& inputs) {
  const nb::object asarray = nb::module_::import_("numpy").attr("asarray");
  std::vector<std::string> names;
  std::vector<View> views;
  std::vector<loquor_tensor> tensors;
  names.reserve(inputs.size());  // which the tensors point into
  for (const auto& [name, value] : inputs) {
    const auto array = nb::borrow<AnyArray>(asarray(value, nb::arg("order") = "C"));
    loquor_tensor& tensor = tensors.emplace_back(tensor_of(array, views.emplace_back()));
    tensor.name = names.emplace_back(nb::cast<std::string>(name)).c_str();
  }
  const Tensors outputs = without_gil([&] {
    return made<Tensors>(loquor_graph_run, self.handle.get(),
                         static_cast<const loquor_tensor*>(tensors.data()), tensors.size());
  });
  Arrays result;
  for (std::size_t i = 0; i < loquor_tensors_count(outputs.get()); ++i) {
    loquor_tensor tensor = {};
    check(loquor_tensors_get(outputs.get(), i, &tensor));
    const Shape shape(tensor.dims, tensor.dims + tensor.rank);
    result[tensor.name] = copied(tensor_type(tensor.type).dlpack, shape, tensor.data);
  }
  return result;
}

}  // namespace

void bind_tools(nb::module_& module) {
  module.def("vector_unit", &loquor_vector_unit,
             "The vector instructions that the core's own operators use on this processor.");
  module.def("matrix_unit", &loquor_matrix_unit,
             "The matrix instructions that they use besides: \"amx\", or \"none\".");
  module.def("preparation_version", &loquor_preparation_version,
             "The version of the rewrites that preparation makes.");
  module.def(
      "prepared_key",
      [](const std::string& graph_file, const std::string& graph, const std::string& kv_dtype,
         const std::string& vector_unit, const std::string& device, bool own_operators, bool int16,
         int32_t version, const std::string& runtime, const std::string& scaled_for) {
        const loquor_prepared_use use = {
            sizeof(use),           graph.c_str(), kv_dtype.c_str(), vector_unit.c_str(), device.c_str(),
            own_operators ? 1 : 0, int16 ? 1 : 0, version,          runtime.c_str(),     scaled_for.c_str()};
        char key[33];
        without_gil([&] { check(loquor_prepared_key(graph_file.c_str(), &use, key)); });
        return std::string(key);
      },
      nb::arg("graph_file"), nb::kw_only(), nb::arg("graph"), nb::arg("kv_dtype"), nb::arg("vector_unit"),
      nb::arg("device"), nb::arg("own_operators"), nb::arg("int16"), nb::arg("version"), nb::arg("runtime"),
      nb::arg("scaled_for"), "Name of a published graph's entry in the cache of prepared ones.");
  module.def(
      "weight_files",
      [](const std::string& graph_file) {
        const auto weights = made<Weights>(loquor_weights_find, graph_file.c_str());
        Paths paths;
        for (std::size_t i = 0; i < loquor_weights_count(weights.get()); ++i)
          paths[loquor_weights_location(weights.get(), i)] = loquor_weights_file(weights.get(), i);
        return paths;
      },
      nb::arg("graph_file"), "Real path of each file that a graph names for its weights, by that name.");

  nb::class_<PyGraph>(module, "Graph", "One graph on the CPU, run with arrays by name.",
                      nb::is_weak_referenceable())
      .def(
          "__init__",
          [](PyGraph* self, const PyRuntime& runtime, const std::string& file, const std::string& prepared,
             int32_t threads) {
            const char* const instead = prepared.empty() ? nullptr : prepared.c_str();
            new (self) PyGraph{without_gil([&] {
              return made<Graph>(loquor_graph_open, runtime.handle.get(), file.c_str(), instead, threads);
            })};
          },
          nb::arg("runtime"), nb::arg("file"), nb::kw_only(), nb::arg("prepared") = "",
          nb::arg("threads") = 0)
      .def("run", &run, nb::arg("inputs"));
}

}  // namespace loquor::bindings
