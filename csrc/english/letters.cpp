#include "english/letters.hpp"

#include <vector>

#include "english/numbers.hpp"
#include "english/programs.hpp"
#include "english/strings.hpp"
#include "english/words.hpp"

namespace loquor::english {
namespace {

constexpr std::size_t kLongestLengthened = 19, kLongestInitials = 6, kLongestNumber = 4;

// "NOOO": a vowel, a letter three times, and not it alone.
bool is_lengthened(std::string_view capitals) {
  const auto count_at = [capitals](std::size_t at) {
    const std::size_t end = capitals.find_first_not_of(capitals[at], at);
    return std::min(end, capitals.size()) - at;
  };
  bool is_long = false;
  for (std::size_t at = 0; at < capitals.size(); at += count_at(at)) is_long = is_long || count_at(at) > 2;
  return is_long && count_at(0) < capitals.size() &&
         capitals.find_first_of("AEIOUY") != std::string_view::npos &&
         std::all_of(capitals.begin(), capitals.end(), is_capital);
}

constexpr std::size_t kLongestOnset = 3, kMostVowels = 3, kMostConsonants = 5;
constexpr std::string_view kVowels = "AEIOUY";

bool is_consonant(char c) { return is_capital(c) && (c == 'Y' || kVowels.find(c) == kVowels.npos); }

// Whether consonants and vowels take turns as in English: an onset, vowels, consonants and vowels, a coda. Y
// is both, so that it is noted where vowels may end, letter after letter.
bool is_sayable(std::string_view capitals) {
  const std::size_t size = capitals.size();
  std::vector<bool> may_end(size + 1);
  const auto note_vowels = [&](std::size_t at) {
    for (std::size_t n = 0; n < kMostVowels && at < size && kVowels.find(capitals[at]) != kVowels.npos; ++n)
      may_end[++at] = true;
  };
  for (std::size_t onset = 0; onset <= std::min(kLongestOnset, size); ++onset) {
    if (kOnset.matches_all(capitals.substr(0, onset))) note_vowels(onset);
  }
  for (std::size_t end = 1; end <= size; ++end) {
    if (!may_end[end]) continue;
    if (kCoda.matches_all(capitals.substr(end))) return true;
    for (std::size_t n = 0; n < kMostConsonants && end + n < size && is_consonant(capitals[end + n]); ++n)
      note_vowels(end + n + 1);
  }
  return false;
}

std::string spell_digits(std::string_view run) {
  if (run[0] == '0' || run.size() > kLongestNumber) return digit_words(run);
  const int64_t value = value_of(run), rest = value % 100;
  if (run.size() < 3 || rest == 0) return cardinal(value);
  if (run.size() == 4) return value >= 1900 && value < 2100 ? year(value) : digit_words(run);
  return cat(cardinal(value / 100), rest < 10 ? " oh " : " ", cardinal(rest));
}

std::string spell_run(std::string_view run) {
  if (all_digits(run)) return spell_digits(run);
  const bool is_spelled = run.size() == 1 || uppered(run).find_first_of("AEIOUY") == std::string::npos;
  if (is_spelled || (in_capitals(run) && run.size() <= kLongestInitials && !is_said_as_word(run)))
    return spell_letters(run);
  const Entry* const spoken = kSpoken.find(run);
  return std::string(spoken != nullptr ? spoken->value : run);
}

}  // namespace

bool is_said_as_word(std::string_view capitals) {
  if (kSpelled.has(capitals)) return false;
  if (kShortWords.has(capitals) || kSpoken.has(capitals) || kWordsOfOddShape.has(capitals)) return true;
  if (capitals.size() > 3 && is_sayable(capitals)) return true;
  return capitals.size() <= kLongestLengthened && is_lengthened(capitals);
}

std::string spell_letters(std::string_view letters) {
  std::string out;
  for (const char letter : letters) {
    if (!out.empty()) out += ' ';
    const char name = small(letter);
    out += kLetterNames[{&name, 1}];
  }
  return out;
}

std::string spell_code(std::string_view code) {
  std::string out;
  Match run;
  for (Pattern::Place place; kRunsOfCode.next(code, run, place);) {
    if (!out.empty()) out += ' ';
    out += spell_run(run[0]);
  }
  return out;
}

}  // namespace loquor::english
