// Log lines go to one process-wide sink, set by whoever embeds the library; without one they are dropped.
#pragma once

#include <string>

namespace loquor::log {

enum class Level : int { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };

// Called on whichever thread logs, one call at a time.
using Sink = void (*)(void* user, int level, const char* message);

void set_sink(Sink sink, void* user, Level least);
bool enabled(Level level) noexcept;
void write(Level level, const std::string& message) noexcept;

}  // namespace loquor::log
