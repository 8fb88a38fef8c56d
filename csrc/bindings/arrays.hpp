// numpy's arrays, in and out.
#pragma once

#include <nanobind/ndarray.h>

#include <string>
#include <vector>

#include "bindings/bindings.hpp"

namespace loquor::bindings {

// Needs the GIL, as all here does.
inline bool is_numpy_array(PyObject* object) noexcept {
  static PyObject* type = nullptr;  // kept for ever; no guard, whose holder could wait for the GIL meanwhile
  try {
    if (type == nullptr) type = nb::getattr(nb::module_::import_("numpy"), "ndarray").release().ptr();
    return nb::isinstance(object, type);
  } catch (const nb::python_error&) {  // a numpy that cannot be imported has made no array
    return false;
  }
}

// An array of any type.
class AnyArray : public nb::object {
  NB_OBJECT(AnyArray, nb::object, "numpy.ndarray", is_numpy_array)
};

// An array of T in C order, read where it lies. Python prepares it: nothing is converted in silence, and
// arrays of other libraries, which nanobind would take, are refused.
template <class T>
struct Array : nb::ndarray<const T, nb::c_contig, nb::device::cpu> {
  using Base = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;
  Array() = default;
  explicit Array(const Base& array) : Base(array) {}
};

template <class T>
const T* array_data(const Array<T>& array, const char* name, std::size_t axes) {
  if (array.ndim() != axes) {
    throw StatusError(LOQUOR_ERROR_INVALID_INPUT, std::string(name) + " should have " + std::to_string(axes) +
                                                      (axes == 1 ? " axis" : " axes") + ", not " +
                                                      std::to_string(array.ndim()));
  }
  return array.data();
}

// The types of tensors that arrays can have.
struct TensorType {
  int32_t onnx;
  const char* numpy;
  nb::dlpack::dtype dlpack;
};
constexpr nb::dlpack::dtype kFloat16 = {static_cast<uint8_t>(nb::dlpack::dtype_code::Float), 16, 1};
constexpr TensorType kTensorTypes[] = {
    {1, "float32", nb::dtype<float>()}, {2, "uint8", nb::dtype<uint8_t>()}, {3, "int8", nb::dtype<int8_t>()},
    {6, "int32", nb::dtype<int32_t>()}, {7, "int64", nb::dtype<int64_t>()}, {9, "bool", nb::dtype<bool>()},
    {10, "float16", kFloat16},
};

inline const TensorType& tensor_type(int32_t onnx) {
  for (const TensorType& type : kTensorTypes) {
    if (type.onnx == onnx) return type;
  }
  throw StatusError(LOQUOR_ERROR_INVALID_INPUT, "a graph returned ONNX type " + std::to_string(onnx));
}

using View = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;

// By numpy's name.
inline std::string type_name(const AnyArray& array) {
  const nb::object dtype = array.attr("dtype");
  return nb::str(dtype).c_str();
}

using Shape = std::vector<int64_t>;

// A numpy array with a copy of `data`. Throws StatusError where numpy has no memory for it.
inline AnyArray copied(const nb::dlpack::dtype& type, const Shape& shape, const void* data) {
  try {
    const std::vector<std::size_t> sizes(shape.begin(), shape.end());
    const nb::ndarray<nb::numpy, nb::ro> seen(data, sizes.size(), sizes.data(), {}, nullptr, type);
    return nb::borrow<AnyArray>(nb::cast(seen));  // as it has no owner, numpy copies it to memory of its own
  } catch (const nb::python_error& error) {
    if (!error.matches(PyExc_MemoryError)) throw;
    throw StatusError(LOQUOR_ERROR_INTERNAL,
                      "handing an array to Python: memory ran out: give the process more");
  }
}

// The same, of which type stubs tell the type.
template <class T>
using NewArray = nb::typed<nb::object, nb::ndarray<nb::numpy, T>>;

template <class T>
NewArray<T> copied(const T* data, const Shape& shape) {
  return NewArray<T>(copied(nb::dtype<T>(), shape, data));
}

}  // namespace loquor::bindings

namespace nanobind::detail {

template <class T>
struct type_caster<loquor::bindings::Array<T>> {
  using Array = loquor::bindings::Array<T>;
  NB_TYPE_CASTER(Array, (make_caster<ndarray<numpy, T, c_contig>>::Name))

  bool from_python(handle source, uint32_t, cleanup_list* cleanup) noexcept {
    make_caster<typename Array::Base> found;
    if (!loquor::bindings::is_numpy_array(source.ptr()) || !found.from_python(source, 0, cleanup))
      return false;
    value = Array(found.value);
    return true;
  }
};

}  // namespace nanobind::detail
