// The KV of voices' prefixes, as arrays.
#include <string>
#include <vector>

#include "bindings/shared.hpp"

namespace loquor::bindings {
namespace {

// The core's name of a cache's type, and numpy's.
struct KvType {
  std::string name;
  py::dtype numpy;
};

std::vector<KvType> kv_types() {
  std::vector<KvType> types;
  loquor_kv_dtype_info info = {};
  info.struct_size = sizeof(info);
  for (std::size_t i = 0; loquor_kv_dtype_get_info(i, &info) == LOQUOR_OK; ++i)
    types.push_back({info.name, numpy_type(info.type)});
  return types;
}

py::dtype numpy_of(const std::string& name) {
  for (const KvType& type : kv_types()) {
    if (type.name == name) return type.numpy;
  }
  throw StatusError(LOQUOR_ERROR_INTERNAL, "a cache of " + name + " has no type in numpy");
}

// Numpy's name where the core has none, which then says so.
std::string name_of(const py::dtype& numpy) {
  for (const KvType& type : kv_types()) {
    if (type.numpy.equal(numpy)) return type.name;
  }
  return py::str(numpy);
}

py::array prefix_of(const Engine& engine, const PyVoice& voice, const OptionalCancel& cancel) {
  const Prefix prefix = without_gil([&] { return engine.prefix(voice.handle.get(), raw(cancel)); });
  const auto info = info_of<loquor_prefix_info>(loquor_prefix_get_info, prefix.get());
  const std::vector<py::ssize_t> shape = {info.tensors, info.heads, info.positions, info.head_dim};
  return copied(numpy_of(info.dtype), shape, info.data);
}

void keep_prefix(const Engine& engine, const PyVoice& voice, const py::array& kv) {
  if ((kv.flags() & py::array::c_style) == 0 || kv.ndim() != 4) {
    throw StatusError(LOQUOR_ERROR_INVALID_INPUT, "the prefix must be a contiguous array of rank 4");
  }
  const std::string dtype = name_of(kv.dtype());
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
