// The KV of voices' prefixes, as arrays.
#include <string>
#include <vector>

#include "bindings/shared.hpp"

namespace loquor::bindings {
namespace {

py::array prefix_of(const Engine& engine, const PyVoice& voice, const OptionalCancel& cancel) {
  const Prefix prefix = without_gil([&] { return engine.prefix(voice.handle.get(), raw(cancel)); });
  const auto info = info_of<loquor_prefix_info>(loquor_prefix_get_info, prefix.get());
  const std::vector<py::ssize_t> shape = {info.tensors, info.heads, info.positions, info.head_dim};
  return copied(py::dtype(info.dtype), shape, info.data);
}

void keep_prefix(const Engine& engine, const PyVoice& voice, const py::array& kv) {
  if ((kv.flags() & py::array::c_style) == 0 || kv.ndim() != 4) {
    throw StatusError(LOQUOR_ERROR_INVALID_INPUT, "the prefix must be a contiguous array of rank 4");
  }
  const auto dtype = py::str(kv.dtype()).cast<std::string>();
  const loquor_prefix_info prefix = {sizeof(prefix), kv.data(),    static_cast<std::size_t>(kv.nbytes()),
                                     kv.shape(0),    kv.shape(1),  kv.shape(2),
                                     kv.shape(3),    dtype.c_str()};
  without_gil([&] { engine.keep_prefix(voice.handle.get(), prefix); });
}

}  // namespace

void bind_prefix(py::module_& module) {
  module.def(
      "prefix_of", &prefix_of, py::arg("engine"), py::arg("voice"), py::arg("cancel") = py::none(),
      "KV of a voice's prefix, [tensors, heads, positions, head_dim], in the type of the engine's cache.");
  module.def("keep_prefix", &keep_prefix, py::arg("engine"), py::arg("voice"), py::arg("kv"),
             "Gives an engine what prefix_of gave, from the same graph.");
}

}  // namespace loquor::bindings
