// How speech tokens become a waveform. Every value of every option is good.
#pragma once

#include <cstdint>

namespace loquor {

struct DecodeOptions {
#define OPTION(type, name, initial, origin, range, words, sentence) type name = initial;
#include "model/decode_options.def"
};

}  // namespace loquor
