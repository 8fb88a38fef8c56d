// Types that several files of the module use.
#pragma once

#include <nanobind/stl/optional.h>
#include <nanobind/typing.h>

#include <chrono>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "bindings/arrays.hpp"

namespace loquor::bindings {

// Names to facts, in the type stubs too.
using Facts = nb::typed<nb::dict, nb::str, nb::any>;
using OnProgress = nb::typed<nb::callable, void(int)>;

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

inline loquor_cancel* raw(const PyCancelToken* token) {
  return token == nullptr ? nullptr : token->handle.get();
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

  nb::handle callback() const { return callback_ ? nb::handle(*callback_) : nb::handle(); }
  void forget_callback() { callback_.reset(); }

 private:
  void on_step(int32_t tokens);

  std::optional<OnProgress> callback_;
  std::function<void()> abort_;
  std::chrono::steady_clock::time_point last_{};
  std::optional<nb::python_error> error_;
};

}  // namespace loquor::bindings
