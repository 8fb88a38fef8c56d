// How an engine is opened.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/manifest.hpp"

namespace loquor {

struct EngineOptions {
#define OPTION(type, name, initial, origin, range, words, sentence) type name = initial;
#include "engine/engine_options.def"
  std::vector<std::pair<std::string, std::string>> provider_options;
  std::array<std::string, kGraphCount> prepared = {};  // paths of rewritten graphs; empty: the published one
  std::string vocoder;  // path of the second part of a decoder that was cut in two, or empty
  // Without work, until the memory that runs needed is given back; requests in a row come sooner.
  std::chrono::milliseconds quiet{2000};
};

// Throws kInvalidInput naming the option, the range and the value.
void validate(const EngineOptions& options);

}  // namespace loquor
