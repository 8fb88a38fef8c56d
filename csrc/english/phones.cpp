// What the rules for telephone numbers and other rows of digits write.
#include <string>
#include <string_view>

#include "english/letters.hpp"
#include "english/numbers.hpp"
#include "english/programs.hpp"
#include "english/strings.hpp"

namespace loquor::english {

// A long telephone number: its groups of digits, with short pauses between.
std::string groups_of_digits(const Match& match) {
  std::string words = match[0][0] == '+' ? " plus " : " ";
  bool first = true;
  std::string_view rest = match[0];
  constexpr std::string_view kDigits = "0123456789";
  for (std::size_t at = rest.find_first_of(kDigits); at != std::string_view::npos;
       at = rest.find_first_of(kDigits)) {
    rest.remove_prefix(at);
    const std::string_view group = rest.substr(0, rest.find_first_not_of(kDigits));
    if (!first) words += ", ";
    words += digit_words(group);
    first = false;
    rest.remove_prefix(group.size());
  }
  return words += ' ';
}

// 1-2-3: small groups as numbers, others digit by digit.
std::string run_of_numbers(const Match& match) {
  std::string words;
  for (const std::string_view group : split(match[0], '-')) {
    const bool small = group.size() < 3 && (group[0] != '0' || group == "0");
    (words += ' ') += small ? cardinal(group) : digit_words(group);
  }
  return words += ' ';
}

// "1-800-FLOWERS": a telephone number that ends in a word.
std::string vanity_number(const Match& match) {
  const std::string_view code = match[2];
  std::string words =
      cat(match[1].empty() ? " " : " one, ",
          ends_with(code, "00") ? cardinal(code.substr(0, 1)) + " hundred" : digit_words(code), ",");
  for (const std::string_view part : split(match[3], '-')) {
    (words += ' ') += all_letters(part) && part.size() > 3 ? lowered(part) : spell_code(part);
  }
  return words += ' ';
}

std::string seven_digits(const Match& match) {
  return cat(" ", digit_words(match[1]), " ", digit_words(match[2]), " ");
}

std::string without_spaces(const Match& match) { return without(match[0], " "); }

std::string without_commas(const Match& match) { return without(match[0], ","); }

std::string called(const Match& match) { return cat(match[1], " ", digit_words(match[2]), " "); }

// "50-50".
std::string shares(const Match& match) {
  const auto [first, second] = partition(match[0], '-');
  return cat(cardinal(first), " ", cardinal(second));
}

}  // namespace loquor::english
