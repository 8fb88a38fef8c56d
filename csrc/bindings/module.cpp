#include <atomic>
#include <chrono>
#include <thread>

#include "bindings/bindings.hpp"

namespace loquor::bindings {
namespace {

std::atomic<std::thread::id> g_exiting{};  // the thread that ends the interpreter
std::atomic<int> g_wanting{0};             // threads on their way to the GIL

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

}  // namespace loquor::bindings

PYBIND11_MODULE(_core, module) {
  namespace bindings = loquor::bindings;
  module.doc() = "Loquor's C++ core, through its C ABI. Private: use the loquor package.";
  if (loquor_abi_version() != LOQUOR_ABI_VERSION) {
    throw pybind11::import_error("loquor._core and libloquor come from different versions; reinstall loquor");
  }
  module.def("version", &loquor_version, "Version of the loaded libloquor.");
  module.def("abi_version", &loquor_abi_version, "Version of its C ABI.");
  bindings::bind_errors(module);
  bindings::bind_log(module);
  bindings::bind_engine(module);
  bindings::bind_prefix(module);
  bindings::bind_stream(module);
  bindings::bind_tools(module);
}
