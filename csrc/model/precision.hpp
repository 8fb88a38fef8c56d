// Which published precision to take on which device: data for dtype "auto" and for whoever gives advice.
#pragma once

#include <string>

namespace loquor {

struct PrecisionAdvice {
  const char* device;
  const char* dtype;   // one precision
  const char* reason;  // a clause, for people
};

// Of a device by our name. What no test here ran on says so in its reason.
const PrecisionAdvice& precision_advice(const std::string& device);

}  // namespace loquor
