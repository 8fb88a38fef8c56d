#include "model/generation_options.hpp"

#include "base/option.hpp"

namespace loquor {

static_assert(GenerationOptions{}.guards == kAllGuards);

void validate(const GenerationOptions& options) {
  using namespace ranges;
#define OPTION(type, name, initial, origin, range, words, sentence) \
  check_option(#name, options.name, range, words);
#include "model/generation_options.def"
}

}  // namespace loquor
