// The Python module is a list of small files; this is what they share.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <utility>

#include "loquor/loquor.hpp"

namespace loquor::bindings {

namespace py = pybind11;

void bind_errors(py::module_& module);
void bind_log(py::module_& module);
void bind_engine(py::module_& module);
void bind_prefix(py::module_& module);
void bind_stream(py::module_& module);
void bind_tools(py::module_& module);

constexpr const char* kGraphNames[LOQUOR_GRAPH_COUNT] = {"speech_encoder", "embed_tokens", "language_model",
                                                         "conditional_decoder"};

// Hands the core's waiting log lines to Python's logging, on this thread. Needs the GIL.
void flush_log();

// The interpreter is ending: a thread that wants the GIL now would be ended in the middle of C++ frames.
void begin_exit();
// Blocks the calling thread for ever, without the GIL, once the interpreter is ending.
void stay_behind();

// Runs plain C++ `work` with the GIL released, then lets the log catch up.
template <class Work>
auto without_gil(Work work) {
  struct Flush {
    ~Flush() { flush_log(); }
  } const flush{};
  const py::gil_scoped_release release;
  struct Stay {
    ~Stay() { stay_behind(); }
  } const stay{};
  return work();
}

}  // namespace loquor::bindings
