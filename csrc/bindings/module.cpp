#include <atomic>
#include <chrono>
#include <thread>

#include "bindings/bindings.hpp"

namespace loquor::bindings {
namespace {

std::atomic<std::thread::id> g_exiting{};  // the thread that ends the interpreter
std::atomic<int> g_wanting{0};             // threads on their way to the GIL
int g_forks = 0;                           // changed in a child's only thread

// The core's threads and pybind11's books are the main interpreter's; elsewhere its locks would never open.
bool refuse_subinterpreter() {
  if (PyInterpreterState_Get() == PyInterpreterState_Main()) return false;
  PyErr_SetString(PyExc_ImportError,
                  "loquor cannot be used in a sub-interpreter: import it in the main one, or in a process of "
                  "its own");
  return true;
}

}  // namespace

void begin_exit() {
  g_exiting = std::this_thread::get_id();
  while (g_wanting > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void want_gil() {
  ++g_wanting;
  const std::thread::id exiting = g_exiting;
  if (exiting == std::thread::id() || exiting == std::this_thread::get_id()) return;
  --g_wanting;
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

void have_gil() { --g_wanting; }

void after_fork() {
  ++g_forks;
  g_wanting = 0;
  g_exiting = std::thread::id();
  forget_log();
}

int forks() { return g_forks; }

}  // namespace loquor::bindings

PYBIND11_MODULE_PYINIT(core)

// Python calls this; what pybind11 defines takes the main interpreter's GIL and would wait for ever
// elsewhere.
PYBIND11_PLUGIN_IMPL(_core) { return loquor::bindings::refuse_subinterpreter() ? nullptr : PyInit_core(); }

PYBIND11_MODULE_EXEC(core, module) {
  namespace bindings = loquor::bindings;
  // Since 3.13 Python calls the above in the main interpreter, and only this one in the module's own.
  if (bindings::refuse_subinterpreter()) throw pybind11::error_already_set();
  module.doc() = "Loquor's C++ core, through its C ABI. Private: use the loquor package.";
  if (loquor_abi_version() != LOQUOR_ABI_VERSION) {
    throw pybind11::import_error("loquor._core and libloquor come from different versions; reinstall loquor");
  }
  module.def("version", &loquor_version, "Version of the loaded libloquor.");
  module.def("abi_version", &loquor_abi_version, "Version of its C ABI.");
  const auto os = pybind11::module_::import("os");
  if (pybind11::hasattr(os, "register_at_fork")) {  // not on Windows
    os.attr("register_at_fork")(pybind11::arg("after_in_child") =
                                    pybind11::cpp_function(&bindings::after_fork));
  }
  module.def("forks", &bindings::forks,
             "How many forks lie behind this process since the module was loaded.");
  bindings::bind_errors(module);
  bindings::bind_log(module);
  bindings::bind_options(module);
  bindings::bind_bundle(module);
  bindings::bind_engine(module);
  bindings::bind_prefix(module);
  bindings::bind_stream(module);
  bindings::bind_tools(module);
}
