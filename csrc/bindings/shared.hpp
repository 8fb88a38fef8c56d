// Types that several files of the module use.
#pragma once

#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "bindings/bindings.hpp"

namespace loquor::bindings {

// Arrays must already have the right dtype; Python prepares them, nothing is converted here in silence.
template <class T>
using Array = py::array_t<T, py::array::c_style>;

// Names to facts, in the type stubs too.
using Facts = py::typing::Dict<py::str, py::object>;
using OnProgress = py::typing::Callable<void(int)>;

// The handle types are aliases of unique_ptr, which pybind11 takes for holders: give each a class of its own.
struct PyRuntime {
  Runtime handle;
};
struct PyVoice {
  Voice handle;
};
struct PyCancelToken {
  CancelToken handle;
  Home home;
};
using OptionalCancel = std::optional<PyCancelToken*>;

inline loquor_cancel* raw(const OptionalCancel& token) { return token ? (*token)->handle.get() : nullptr; }

// The copy is made here: where numpy has no memory for it, pybind11's own (3.0) is an array of nothing, which
// nobody can name. Throws StatusError.
inline py::array copied(const py::dtype& type, std::vector<py::ssize_t> shape, const void* data) {
  try {
    py::array made(type, std::move(shape));
    if (made.nbytes() > 0) std::memcpy(made.mutable_data(), data, static_cast<std::size_t>(made.nbytes()));
    return made;
  } catch (const py::error_already_set& error) {
    if (!error.matches(PyExc_MemoryError)) throw;
    throw StatusError(LOQUOR_ERROR_INTERNAL,
                      "handing an array to Python: memory ran out: give the process more");
  }
}

// The types of tensors that arrays can have.
struct TensorType {
  int32_t onnx;
  const char* numpy;
};
constexpr TensorType kTensorTypes[] = {{1, "float32"}, {2, "uint8"}, {3, "int8"},    {6, "int32"},
                                       {7, "int64"},   {9, "bool"},  {10, "float16"}};

inline const char* numpy_name(int32_t onnx) {
  for (const TensorType& type : kTensorTypes) {
    if (type.onnx == onnx) return type.numpy;
  }
  throw StatusError(LOQUOR_ERROR_INVALID_INPUT, "a graph returned ONNX type " + std::to_string(onnx));
}

inline py::dtype numpy_type(int32_t onnx) { return py::dtype(numpy_name(onnx)); }

template <class T>
Array<T> copied(const T* data, std::vector<py::ssize_t> shape) {
  return Array<T>(copied(py::dtype::of<T>(), std::move(shape), data));
}

template <class T>
const T* array_data(const Array<T>& array, const char* name, py::ssize_t axes) {
  if (array.ndim() != axes) {
    throw StatusError(LOQUOR_ERROR_INVALID_INPUT, std::string(name) + " should have " + std::to_string(axes) +
                                                      (axes == 1 ? " axis" : " axes") + ", not " +
                                                      std::to_string(array.ndim()));
  }
  return array.data();
}

// An option struct as a dict, by what the core's tables say of its fields.
Facts to_dict(const loquor_generation_options& options);
Facts to_dict(const loquor_stream_options& options);

// The other way round. Python has filled the dict, in full and in the right types. A struct's strings live in
// `texts`.
using Texts = std::list<std::string>;
loquor_generation_options generation_options(const Facts& values);
loquor_stream_options stream_options(const Facts& values);
void set_engine_options(loquor_engine_options& options, const Facts& values, Texts& texts);

const char* finish_reason_name(loquor_finish_reason reason);

// Between two tokens: Ctrl-C is noticed, and Python's progress callback called, at most this often.
constexpr auto kPythonInterval = std::chrono::milliseconds(50);

// Lives for one request, on its caller's thread.
class Progress {
 public:
  // `abort` ends the request; it is called without the GIL's need.
  Progress(std::optional<OnProgress> callback, std::function<void()> abort)
      : callback_(std::move(callback)), abort_(std::move(abort)) {}

  static void step(void* self, int32_t tokens) { static_cast<Progress*>(self)->on_step(tokens); }
  // What the callback or a signal raised meanwhile.
  void rethrow();

 private:
  void on_step(int32_t tokens);

  std::optional<OnProgress> callback_;
  std::function<void()> abort_;
  std::chrono::steady_clock::time_point last_{};
  std::optional<py::error_already_set> error_;
};

}  // namespace loquor::bindings
