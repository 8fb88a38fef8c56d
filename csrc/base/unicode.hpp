// Characters by their Unicode properties, and text in other letters. The data are those of the Python that
// Loquor was built with, and what is made of them equals Python's str and unicodedata.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace loquor {

// Bits, in the order that unicode_data.py writes them.
enum Kind : uint32_t {
  kLetter = 1u << 0,           // category L*, Python's isalpha
  kNumber = 1u << 1,           // category N*
  kOtherLetter = 1u << 2,      // category Lo
  kFormat = 1u << 3,           // category Cf
  kDigit = 1u << 4,            // Python's isdigit
  kWord = 1u << 5,             // \w of Unicode's regular expressions (UTS 18)
  kWhiteSpace = 1u << 6,       // \s there: the property White_Space
  kSpace = 1u << 7,            // Python's isspace, which has the four separators of ASCII besides
  kCased = 1u << 8,            // has a case, and is not passed over
  kPassedOver = 1u << 9,       // where the end of a word is looked for
  kMark = 1u << 10,            // category M*
  kSymbol = 1u << 11,          // category S*
  kDecimal = 1u << 12,         // category Nd, Python's isdecimal
  kLetterOrNumber = 1u << 13,  // Python's isalnum
  kPrintable = 1u << 14,       // Python's isprintable
};

// Whether the character is of one of these kinds.
bool is(char32_t character, uint32_t kinds);

// What a decimal digit of any script is worth.
uint32_t decimal_value(char32_t character);

// Well-formed UTF-8 to characters, and back.
std::u32string characters_of(std::string_view utf8);
std::string utf8_of(std::u32string_view characters);

// As Python's `text[0].upper() + text[1:]` where the first letter is small.
std::u32string capitalized(std::u32string_view text);
// As Python's str.lower: with the small sigma of the end of a word, and of dotted capital I two characters.
std::u32string lowered(std::u32string_view text);
// Normalisation form KD (UAX 15).
std::u32string decomposed(std::u32string_view text);

}  // namespace loquor
