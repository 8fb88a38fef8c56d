// Which published precision to take on which device: data for dtype "auto" and for whoever gives advice.
#pragma once

#include <string>

namespace loquor {

struct PrecisionAdvice {
  const char* device;
  const char* dtype;   // one precision
  const char* reason;  // a clause, for people
};

// The advice for a device by our name; for what no test here ran on the reason says so.
const PrecisionAdvice& precision_advice(const std::string& device);

}  // namespace loquor
