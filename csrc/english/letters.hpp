// What is spelled letter by letter and what is said as a word: BBC, NASA, codes such as A380.
#pragma once

#include <string>
#include <string_view>

namespace loquor::english {

// Whether capitals are a word, or initials that are said as one.
bool is_said_as_word(std::string_view capitals);
// "BBC" -> "bee bee see".
std::string spell_letters(std::string_view letters);
// Letters and digits in one word: "A380" -> "ay three eighty", "mp3" -> "em pee three".
std::string spell_code(std::string_view code);

}  // namespace loquor::english
