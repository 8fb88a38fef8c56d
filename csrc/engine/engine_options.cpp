#include "engine/engine_options.hpp"

#include "base/option.hpp"

namespace loquor {

void validate(const EngineOptions& options) {
  using namespace ranges;
#define OPTION(type, name, initial, origin, range, words, sentence) \
  check_option(#name, options.name, range, words);
#include "engine/engine_options.def"
}

}  // namespace loquor
