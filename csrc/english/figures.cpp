// What the rules for formulas, signs beside numbers, codes and what numbers are left write.
#include <string>
#include <string_view>

#include "english/letters.hpp"
#include "english/numbers.hpp"
#include "english/programs.hpp"
#include "english/strings.hpp"
#include "english/words.hpp"

namespace loquor::english {

// "out-of-5".
std::string words_with_spaces(const Match& match) {
  std::string words = cat(" ", match[1], " ");
  for (char& c : words) c = c == '-' ? ' ' : c;
  return words;
}

std::string function_of(const Match& match) {
  const std::string_view power = match[2], letter = match[3];
  const std::string_view name = power == "-1"  ? " inverse"
                                : power == "2" ? " squared"
                                : power == "3" ? " cubed"
                                               : "";
  return cat(" ", spell_letters(match[1]), name, " of ",
             letter.empty() ? std::string(match[4]) : spell_letters(letter), " ");
}

std::string to_the_power(const Match& match) {
  if (match[1] == "2") return " squared ";
  return match[1] == "3" ? " cubed " : cat(" to the power of ", match[1], " ");
}

// "3x": a number and a letter of a formula, by one of three patterns.
std::string number_and_letter(const Match& match) {
  const std::size_t first = match.has(1) ? 1 : match.has(3) ? 3 : 5;
  return cat(match[first], " ", spell_letters(match[first + 1]), " ");
}

std::string letter_of_formula(const Match& match) { return spell_letters(match[match.has(1) ? 1 : 2]); }

std::string part_of_second(const Match& match) { return cat("one ", ordinal(match[1]), " of a second"); }

// The minus before a number is said once: not where the word stands before it.
std::string minus(const Match& match) {
  return ends_with(match.text().substr(0, match.start()), "minus ") ? "" : " minus ";
}

// "the 2d Cavalry" and "72d Street", but "a 3d printer".
std::string short_ordinal(const Match& match) {
  const bool the = lowered(before(match, 4)) == "the ";
  const bool ordered = match[1].size() > 1 || is_followed(match, kOrderedThing) ||
                       (the && !is_followed(match, kThingOfThreeDimensions));
  return ordered ? cat(" ", ordinal(match[1]), " ") : std::string(match[0]);
}

std::string written_ordinal(const Match& match) { return cat(" ", ordinal(without(match[1], ",")), " "); }

// "1.2.3".
std::string numbers_with_points(const Match& match) {
  std::string words;
  for (const std::string_view part : split(match[0], '.'))
    words += cat(words.empty() ? " " : " point ", number(part));
  return words += ' ';
}

// "Chapter 01" is chapter one.
std::string without_zeros(const Match& match) {
  return kNumberedBefore.search(before(match, 12)) ? " " : std::string(match[0]);
}

// "A380", and more than one of them: "MP4s".
std::string code(const Match& match) {
  const std::string words = spell_code(match[1]);
  if (match[2].empty()) return cat(" ", words, " ");
  const std::size_t last = words.rfind(' ') + 1;  // 0 where there is none
  return cat(" ", std::string_view(words).substr(0, last), plural(std::string_view(words).substr(last)), " ");
}

std::string double_oh(const Match& match) { return cat(" double oh ", cardinal(match[1]), " "); }

std::string number_alone(const Match& match) { return cat(" ", number(match[0]), " "); }

}  // namespace loquor::english
