// English text in words, for voices that know letters only: numbers, dates, money, abbreviations, symbols.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace loquor::english {

// Well-formed UTF-8: English letters, `',.?!;:-`, spaces and tags; and what it has lost.
struct Spelled {
  std::string text;
  std::vector<std::string> left_out;  // characters that have no sound, each once
  std::vector<std::string> markup;    // the names of HTML's or SSML's tags that went
};

// Writes well-formed UTF-8 out in words, in the style of American news: "nineteen oh five", no "and" in
// numbers. Tags such as [laugh] stay as they are. What comes out stays the same when it is spelled again.
Spelled spell(std::string_view text);

// About the length of what `spell` writes, in characters, for half its cost: what a second look changes is
// little.
std::size_t spelled_length(std::string_view text);

// The names of the tags of HTML or SSML in a text, each once.
std::vector<std::string> markup_in(std::string_view text);

}  // namespace loquor::english
