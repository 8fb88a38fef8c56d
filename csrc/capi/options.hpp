// The public option structs and the core's own, field by field, as the tables have them.
#pragma once

#include <string>

#include "loquor/loquor.h"
#include "model/decode_options.hpp"
#include "model/generation_options.hpp"
#include "model/stream_options.hpp"

namespace loquor::capi {

// A value of the public struct as the core has it. A text that is NULL keeps the default.
inline void take(std::string& to, const char* from) {
  if (from != nullptr) to = from;
}
inline void take(bool& to, int32_t from) { to = from != 0; }
template <class T>
void take(T& to, T from) {
  to = from;
}

loquor_generation_options to_public(const GenerationOptions& options);
loquor_stream_options to_public(const StreamOptions& options);

// NULL means the defaults, and so does what an older caller's shorter struct lacks.
GenerationOptions read_options(const loquor_generation_options* given, const GenerationOptions& defaults);
StreamOptions read_options(const loquor_stream_options* given, const StreamOptions& defaults);
DecodeOptions read_options(const loquor_decode_options* given);

}  // namespace loquor::capi
