// Text of the languages that Chatterbox Multilingual speaks, as its tokenizer wants it: the rules of
// python/loquor/languages/profile.py, but for what needs a dictionary.
#pragma once

#include <string>
#include <string_view>

namespace loquor {

// The language's code; it may be in capitals, with a script or a region behind it. Throws kInvalidInput for
// what is none, and for "".
std::string checked_language(std::string_view language);
// Its name for people, such as "German".
std::string_view language_name(std::string_view code);

struct InLanguage {
  std::string text;     // but for the tag in front
  std::string warning;  // ""; or what was not as it should be
};

// Well-formed text in a language. Throws kInvalidInput for kanji and for Chinese characters,
// whose readings are in Python's libraries.
InLanguage in_language(std::string_view text, std::string_view code);

}  // namespace loquor
