// English as the built-in voice gets it, which knows letters alone. Numbers, symbols and what is written
// short become words by the rules of python/loquor/english; the core reads what they leave as it is, and
// titles.
#pragma once

#include <string>
#include <string_view>

namespace loquor {

// What the rules make of a text that is in words already. Throws kInvalidInput, with what it stopped at, for
// any other: never does it differ from the rules.
std::string spelled_english(std::string_view text);

}  // namespace loquor
