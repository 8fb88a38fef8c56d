// The Python module is a list of small files; this is what they share.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <string>
#include <utility>

#include "loquor/loquor.hpp"

namespace loquor::bindings {

namespace nb = nanobind;

void bind_errors(nb::module_& module);
void bind_log(nb::module_& module);
void bind_options(nb::module_& module);
void bind_bundle(nb::module_& module);
void bind_engine(nb::module_& module);
void bind_prefix(nb::module_& module);
void bind_stream(nb::module_& module);
void bind_text(nb::module_& module);
void bind_tools(nb::module_& module);

// Hands the core's waiting log lines to Python's logging, on this thread. Needs the GIL.
void flush_log();

// The interpreter is ending: a thread that wants the GIL now would be ended in the middle of C++ frames.
// Returns when those have it that wanted it before. Without the GIL.
void begin_exit();
// Around taking the GIL. The first blocks the calling thread for ever once the interpreter is ending.
void want_gil();
void have_gil();

// In a forked child, before Python runs in it: no thread waits for the GIL or holds the log's lock any more.
void after_fork();
void forget_log();
// How many forks lie behind this process since the module was loaded.
int forks();

// The process that an object was made in.
class Home {
 public:
  bool here() const { return made_after_ == forks(); }
  // Throws as the core does for its handles.
  void require(const char* what) const {
    if (here()) return;
    throw StatusError(LOQUOR_ERROR_INVALID_INPUT, std::string("this ") + what +
                                                      " was made before fork, in another process, whose "
                                                      "threads this one does not have: open one here");
  }

 private:
  int made_after_ = forks();
};

// Runs plain C++ `work` with the GIL released, then lets the log catch up.
template <class Work>
auto without_gil(Work work) {
  struct Flush {
    ~Flush() {
      have_gil();
      flush_log();
    }
  } const flush{};
  const nb::gil_scoped_release release;
  struct Want {
    ~Want() { want_gil(); }
  } const want{};
  return work();
}

}  // namespace loquor::bindings
