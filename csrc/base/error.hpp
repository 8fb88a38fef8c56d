// One exception type for the whole core; capi/ turns it into a status code.
#pragma once

#include <stdexcept>
#include <string>

namespace loquor {

// What a caller can do about it. The numbers are those of loquor_status.
enum class ErrorKind : int {
  kCancelled = 1,
  kInvalidInput = 2,
  kRuntimeMissing = 3,
  kModel = 4,
  kExecution = 5,
  kInternal = 6,
  kBusy = 7,
  kClosed = 10,
};

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
};

constexpr const char* kMemoryRanOut =
    "memory ran out: give the process more, or open the engine with fewer slots or a smaller dtype";

}  // namespace loquor
