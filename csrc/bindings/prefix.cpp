// The KV of voices' prefixes, as arrays.
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "bindings/shared.hpp"

namespace loquor::bindings {
namespace {

// The core's name of a cache's type, and how the same tensors are known otherwise.
struct KvType {
  std::string name;
  TensorType tensor;
};

std::vector<KvType> kv_types() {
  std::vector<KvType> types;
  loquor_kv_dtype_info info = {};
  info.struct_size = sizeof(info);
  for (std::size_t i = 0; loquor_kv_dtype_get_info(i, &info) == LOQUOR_OK; ++i)
    types.push_back({info.name, tensor_type(info.type)});
  return types;
}

nb::dlpack::dtype type_of(const std::string& name) {
  for (const KvType& type : kv_types()) {
    if (type.name == name) return type.tensor.dlpack;
  }
  throw StatusError(LOQUOR_ERROR_INTERNAL, "a cache of " + name + " has no type in numpy");
}

// Numpy's name where the core has none, which then says so.
std::string name_of(const AnyArray& kv, const nb::dlpack::dtype& dtype) {
  for (const KvType& type : kv_types()) {
    if (type.tensor.dlpack == dtype) return type.name;
  }
  return type_name(kv);
}

AnyArray prefix_of(const Engine& engine, const PyVoice& voice, PyCancelToken* cancel) {
  const Prefix prefix = without_gil([&] { return engine.prefix(voice.handle.get(), raw(cancel)); });
  const auto info = info_of<loquor_prefix_info>(loquor_prefix_get_info, prefix.get());
  return copied(type_of(info.dtype), {info.tensors, info.heads, info.positions, info.head_dim}, info.data);
}

void keep_prefix(const Engine& engine, const PyVoice& voice, const AnyArray& kv) {
  if (!nb::cast<bool>(kv.attr("flags").attr("c_contiguous")) || nb::cast<int64_t>(kv.attr("ndim")) != 4) {
    throw StatusError(LOQUOR_ERROR_INVALID_INPUT, "the prefix must be a contiguous array of rank 4");
  }
  View view;
  const bool known = nb::try_cast(kv, view);  // not of types that only numpy has
  const std::string dtype = known ? name_of(kv, view.dtype()) : type_name(kv);
  const auto shape = nb::cast<Shape>(kv.attr("shape"));
  const loquor_prefix_info prefix = {sizeof(prefix),
                                     known ? view.data() : nullptr,
                                     known ? view.nbytes() : 0,
                                     shape[0],
                                     shape[1],
                                     shape[2],
                                     shape[3],
                                     dtype.c_str()};
  without_gil([&] { engine.keep_prefix(voice.handle.get(), prefix); });
}

}  // namespace

void bind_prefix(nb::module_& module) {
  module.def(
      "prefix_of", &prefix_of, nb::arg("engine"), nb::arg("voice"), nb::arg("cancel").none() = nb::none(),
      "KV of a voice's prefix, [tensors, heads, positions, head_dim], in the type of the engine's cache.");
  module.def("keep_prefix", &keep_prefix, nb::arg("engine"), nb::arg("voice"), nb::arg("kv"),
             "Gives an engine what prefix_of gave, from the same graph.");
}

}  // namespace loquor::bindings
