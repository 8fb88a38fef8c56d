// What the rules for Roman numbers write.
#include <algorithm>
#include <string>
#include <string_view>

#include "english/numbers.hpp"
#include "english/programs.hpp"
#include "english/strings.hpp"
#include "english/words.hpp"

namespace loquor::english {
namespace {

int64_t value_of_letter(char letter) {
  switch (letter) {
    case 'I':
      return 1;
    case 'V':
      return 5;
    case 'X':
      return 10;
    case 'L':
      return 50;
    case 'C':
      return 100;
    case 'D':
      return 500;
    default:
      return 1000;
  }
}

int64_t value_of_roman(std::string_view roman) {
  int64_t value = 0;
  for (std::size_t at = 0; at < roman.size(); ++at) {
    const int64_t one = value_of_letter(roman[at]);
    const bool less = at + 1 < roman.size() && one < value_of_letter(roman[at + 1]);
    value += less ? -one : one;
  }
  return value;
}

bool has_other_than(std::string_view letters, std::string_view roman) {
  return roman.find_first_not_of(letters) != std::string_view::npos;
}

// Whether a single I, V or X behind "Chapter" is its number: not in "the Book I wrote".
bool is_number_behind(std::string_view word, const Match& match) {
  if (!is_capital(word[0]) || word == "No.") return false;
  return match[1] != "I" || !kNumberedWork.matches_at(word) || !is_followed(match, kDoing);
}

// Whether the I behind a ruler's name is a number: "Charles I of Spain", not "Charles I think".
bool is_first_of_name(const Match& match, std::string_view near) {
  if (!match[2].empty() || is_followed(match, kEndsName)) return true;
  if (kReigns.search(near) && is_followed(match, kDoes)) return true;
  return kTitleBefore.search(near) && is_followed(match, kVerb);
}

// A first name or initial and a surname: "Davis Love III", not "Final Fantasy III".
bool is_person(std::string_view first, const Match& match) {
  const bool known = kRulers.has(right_stripped(first, ".")) || (first.size() == 2 && first[1] == '.') ||
                     kFirstNames.has(first);
  return known && is_followed(match, kFamily);
}

// Look Roman and are more often something else: numbers only behind a word that is numbered, or a name.
bool is_rarely_number(std::string_view roman) {
  return roman == "XXX" || roman == "XXL" || roman == "LIV" || roman == "IV" || roman == "VI";
}

}  // namespace

std::string roman(const Match& match) {
  const std::string_view roman = match[1];
  const std::string whole(match[0]);
  const bool single = roman.size() == 1;
  if (!kRomanShape.matches_all(roman) || (single && starts_with(behind(match), "-"))) return whole;
  if ((single && has_other_than("IVX", roman)) ||
      (roman.size() < 4 && roman.find_first_of("DM") != std::string_view::npos)) {
    return whole;
  }
  const std::string_view near = before(match, 40);
  Match found;
  const std::string_view word = kWordBefore.search(near, found) ? found[1] : std::string_view();
  const int64_t value = value_of_roman(roman);
  const std::string number = cat(std::to_string(value), match[2]);
  const auto nth = [&](std::string_view the) { return cat(the, ordinal(value), match[2]); };
  if (kNumbered.has(right_stripped(lowered(word), ".")) && (!single || is_number_behind(word, match)))
    return number;
  if (single && is_followed(match, kInitialAhead)) return whole;
  if (is_followed(match, kOrderedByRoman)) return nth("");
  if (value < 30 && kRulers.has(word)) {
    const bool ruler = !single || (word != "Malcolm" && (roman != "I" || is_first_of_name(match, near)));
    return ruler ? nth("the ") : whole;
  }
  const std::size_t shortest = has_other_than("IVXL", roman) ? 5 : has_other_than("IVX", roman) ? 3 : 2;
  if (roman.size() < shortest) return whole;
  Match two;
  if ((roman == "II" || roman == "III" || roman == "IV") && kTwoBefore.search(near, two) &&
      is_person(two[1], match)) {
    return nth("the ");
  }
  const bool named = !word.empty() && is_capital(word[0]) && !ends_with(word, ",") && !kStarters.has(word) &&
                     !in_capitals(word);
  if (is_rarely_number(roman) && !(named && roman.size() < 3)) return whole;
  return number;
}

// "Chapters I-IV".
std::string romans(const Match& match) {
  const std::string_view word = match[1], first = match[2], last = match[3];
  if (!kNumbered.has(lowered(word)) || !kRomanShape.matches_all(first) || !kRomanShape.matches_all(last)) {
    return std::string(match[0]);
  }
  return cat(word, " ", std::to_string(value_of_roman(first)), " to ", std::to_string(value_of_roman(last)));
}

}  // namespace loquor::english
