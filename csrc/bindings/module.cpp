#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "bindings/bindings.hpp"

namespace loquor::bindings {
namespace {

std::atomic<std::thread::id> g_exiting{};  // the thread that ends the interpreter
std::atomic<int> g_wanting{0};             // threads on their way to the GIL
int g_forks = 0;                           // changed in a child's only thread

// The core's threads and nanobind's books are the main interpreter's.
bool refuse_subinterpreter() {
  if (PyInterpreterState_GetID(PyInterpreterState_Get()) == 0) return false;
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

NB_MODULE(core, module) {
  namespace bindings = loquor::bindings;
  namespace nb = nanobind;
  // A daemon thread that the end of the process finds in a call keeps what it holds, which is not worth a
  // word.
  nb::set_leak_warnings(false);
  module.doc() = "Loquor's C++ core, through its C ABI. Private: use the loquor package.";
  if (loquor_abi_version() != LOQUOR_ABI_VERSION) {
    throw nb::import_error("loquor._core and libloquor come from different versions; reinstall loquor");
  }
  module.def("version", &loquor_version, "Version of the loaded libloquor.");
  module.def("abi_version", &loquor_abi_version, "Version of its C ABI.");
  const auto os = nb::module_::import_("os");
  if (nb::hasattr(os, "register_at_fork")) {  // not on Windows
    os.attr("register_at_fork")(nb::arg("after_in_child") = nb::cpp_function(&bindings::after_fork));
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
  bindings::bind_text(module);
  bindings::bind_tools(module);
}

// Python calls this, since 3.13 in the main interpreter. In the module's own it then runs a list, where ours
// goes first: nanobind's part would make the sub-interpreter the one that all calls belong to.
PyMODINIT_FUNC PyInit__core() {
  using loquor::bindings::refuse_subinterpreter;
  if (refuse_subinterpreter()) return nullptr;
  PyObject* const definition = PyInit_core();
  static std::vector<PyModuleDef_Slot> slots;
  if (definition == nullptr || !slots.empty()) return definition;
  int (*const refuse)(PyObject*) = [](PyObject*) { return refuse_subinterpreter() ? -1 : 0; };
  slots.push_back({Py_mod_exec, reinterpret_cast<void*>(refuse)});
  PyModuleDef_Slot*& theirs = reinterpret_cast<PyModuleDef*>(definition)->m_slots;
  for (const PyModuleDef_Slot* slot = theirs; slot->slot != 0; ++slot) slots.push_back(*slot);
  slots.push_back({0, nullptr});
  theirs = slots.data();
  return definition;
}
