// What stands beside a word with a full stop.
#pragma once

#include <string>
#include <string_view>

#include "english/pattern.hpp"

namespace loquor::english {

// Whether what follows begins a sentence, by its first word; the end of the text counts.
bool starts_sentence(const Match& match);
// The words with a capital if what was written has one.
std::string like(std::string_view written, std::string_view words);
// The text just before: so many characters at most.
constexpr std::size_t kNear = 40;
std::string_view near_before(const Match& match);

}  // namespace loquor::english
