// The core logs on any thread, also on threads that Python does not know and after the interpreter began to
// end. So lines wait in a bounded queue until a call of ours returns to Python, which then logs them on its
// own thread.
#include <atomic>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include "bindings/bindings.hpp"

namespace loquor::bindings {
namespace {

constexpr std::size_t kMostWaiting = 1000;

struct Queue {
  std::mutex mutex;
  std::deque<std::pair<int, std::string>> lines;
};

// Never destroyed: it outlives every thread that may still log.
std::atomic<Queue*> g_queue{new Queue};

Queue& queue() { return *g_queue; }

void enqueue(void*, int level, const char* message) {
  Queue& waiting = queue();
  const std::lock_guard<std::mutex> lock(waiting.mutex);
  if (waiting.lines.size() == kMostWaiting) waiting.lines.pop_front();
  waiting.lines.emplace_back(level, message);
}

}  // namespace

void forget_log() { g_queue = new Queue; }

void flush_log() {
  std::deque<std::pair<int, std::string>> lines;
  {
    Queue& waiting = queue();
    const std::lock_guard<std::mutex> lock(waiting.mutex);
    lines.swap(waiting.lines);
  }
  if (lines.empty()) return;
  const nb::error_scope keep_pending_error;
  try {
    const nb::object logger = nb::module_::import_("logging").attr("getLogger")("loquor");
    for (const auto& [level, message] : lines) logger.attr("log")((level + 1) * 10, "%s", message);
  } catch (nb::python_error& error) {
    error.discard_as_unraisable("loquor's log");
  }
}

void bind_log(nb::module_& module) {
  module.def(
      "set_log_level",
      [](int level) {
        const int least = level <= 10   ? LOQUOR_LOG_DEBUG
                          : level <= 20 ? LOQUOR_LOG_INFO
                          : level <= 30 ? LOQUOR_LOG_WARNING
                                        : LOQUOR_LOG_ERROR;
        loquor_set_log(&enqueue, nullptr, static_cast<loquor_log_level>(least));
      },
      nb::arg("level"),
      "Least level, by Python's logging numbers, that the core hands to the logger 'loquor'.");
}

}  // namespace loquor::bindings
