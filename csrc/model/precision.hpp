// The precisions that bundles are published in: their names, what users ask of them, and which to take where.
#pragma once

#include <array>
#include <string>

#include "model/graphs.hpp"

namespace loquor {

struct Precision {
  const char* name;    // of users
  const char* suffix;  // of files
};

// "auto" takes the first that a graph offers: q4 is the fastest on a CPU, fp16 the slowest but for int8,
// whose activations are rounded too: nothing but size speaks for that.
inline constexpr std::array<Precision, 7> kPrecisions = {{{"q4", "_q4"},
                                                          {"q4f16", "_q4f16"},
                                                          {"int8_mixed", "_int8_mixed"},
                                                          {"q8", "_quantized"},
                                                          {"fp32", ""},
                                                          {"fp16", "_fp16"},
                                                          {"int8", "_int8"}}};

// Null for a name that none has.
const Precision* find_precision(const std::string& name);

// What a dtype asks of each graph; null: "auto".
using DtypeSpec = std::array<const Precision*, kGraphCount>;

// `dtype`: "auto", one precision for all graphs, or a list with exceptions as "q4,conditional_decoder=fp32",
// where spaces do not matter and nothing is said twice. Throws kInvalidInput for anything else.
DtypeSpec parse_dtype(const std::string& dtype);

struct PrecisionAdvice {
  const char* device;
  const char* dtype;   // one precision
  const char* reason;  // a clause, for people
};

// The advice for a device by our name; for what no test here ran on the reason says so.
const PrecisionAdvice& precision_advice(const std::string& device);

}  // namespace loquor
