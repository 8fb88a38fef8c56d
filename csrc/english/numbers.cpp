#include "english/numbers.hpp"

#include <algorithm>
#include <iterator>

#include "english/strings.hpp"

namespace loquor::english {
namespace {

constexpr int64_t kLimit = 1'000'000'000'000'000;  // from here on numbers are read digit by digit
constexpr std::size_t kDigitsOfLimit = 16;

constexpr std::string_view kOnes[] = {"zero",    "one",     "two",       "three",    "four",
                                      "five",    "six",     "seven",     "eight",    "nine",
                                      "ten",     "eleven",  "twelve",    "thirteen", "fourteen",
                                      "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
constexpr std::string_view kTens[] = {"",      "",      "twenty",  "thirty", "forty",
                                      "fifty", "sixty", "seventy", "eighty", "ninety"};

struct Scale {
  int64_t size;
  std::string_view name;
};
constexpr Scale kScales[] = {{1'000'000'000'000, "trillion"},
                             {1'000'000'000, "billion"},
                             {1'000'000, "million"},
                             {1000, "thousand"},
                             {100, "hundred"}};

struct Pair {
  std::string_view one, other;
};
constexpr Pair kOrdinals[] = {{"one", "first"},  {"two", "second"},   {"three", "third"},   {"five", "fifth"},
                              {"nine", "ninth"}, {"eight", "eighth"}, {"twelve", "twelfth"}};

void add_cardinal(std::string& words, int64_t value) {
  const auto index = static_cast<std::size_t>(value);
  if (value < 20) {
    words += kOnes[index];
  } else if (value < 100) {
    words += kTens[index / 10];
    if (value % 10 != 0) (words += '-') += kOnes[index % 10];
  } else {
    const Scale& scale = *std::find_if(std::begin(kScales), std::end(kScales),
                                       [value](const Scale& s) { return value >= s.size; });
    add_cardinal(words, value / scale.size);
    (words += ' ') += scale.name;
    if (value % scale.size != 0) add_cardinal(words += ' ', value % scale.size);
  }
}

// The second half of a year or a time: "oh five", "forty-two".
void add_pair(std::string& words, int64_t value) {
  if (value < 10) words += "oh ";
  add_cardinal(words, value);
}

std::string_view without_zeros(std::string_view digits) {
  const std::size_t first = digits.find_first_not_of('0');
  return first == std::string_view::npos ? "0" : digits.substr(first);
}

std::string ordinal_of(std::string words) {
  const std::size_t last = words.find_last_of(" -") + 1;  // 0 where there is none
  const std::string_view word = std::string_view(words).substr(last);
  for (const Pair& known : kOrdinals) {
    if (word == known.one) return words.replace(last, std::string::npos, known.other);
  }
  if (words.back() == 'y') return words.replace(words.size() - 1, 1, "ieth");
  return words += "th";
}

}  // namespace

int64_t value_of(std::string_view digits) {
  int64_t value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return value;
}

std::string cardinal(int64_t value) {
  if (value >= kLimit) return digit_words(std::to_string(value));
  std::string words;
  add_cardinal(words, value);
  return words;
}

std::string cardinal(std::string_view digits) {
  digits = without_zeros(digits);
  return digits.size() < kDigitsOfLimit ? cardinal(value_of(digits)) : digit_words(digits);
}

std::string ordinal(std::string_view digits) { return ordinal_of(cardinal(digits)); }

std::string ordinal(int64_t value) { return ordinal_of(cardinal(value)); }

std::string plural(std::string_view words) {
  if (ends_with(words, "y")) return cat(words.substr(0, words.size() - 1), "ies");
  return cat(words, ends_with(words, "x") || ends_with(words, "s") || ends_with(words, "ch") ? "es" : "s");
}

std::string digit_words(std::string_view digits) {
  std::string words;
  words.reserve(digits.size() * 5);
  for (const char c : digits) {
    if (!words.empty()) words += ' ';
    words += kOnes[static_cast<std::size_t>(c - '0')];
  }
  return words;
}

std::string year(int64_t value) {
  if (value < 1100 || value > 2099 || (value >= 2000 && value <= 2009)) return cardinal(value);
  std::string words = cardinal(value / 100);
  words += ' ';
  if (value % 100 == 0) return words += "hundred";
  add_pair(words, value % 100);
  return words;
}

std::string decade(int64_t value) {
  if (value == 100) return "hundreds";
  return value == 1000 ? "thousands" : plural(year(value));
}

std::string clock(int64_t hours, int64_t minutes) {
  std::string words = cardinal(hours);
  if (minutes != 0) add_pair(words += ' ', minutes);
  return words;
}

std::string money(std::string_view whole, std::string_view cents, std::string_view unit,
                  std::string_view small, bool one) {
  whole = without_zeros(whole);
  cents = without_zeros(cents);
  const auto amount = [one](std::string_view count, std::string_view name) {
    return cat(cardinal(count), " ", one || count == "1" ? std::string(name) : unit_plural(name));
  };
  if (cents == "0") return amount(whole, unit);
  if (whole == "0") return amount(cents, small);
  return cat(amount(whole, unit), " and ", amount(cents, small));
}

std::string unit_plural(std::string_view unit) {
  if (unit == "yen" || unit == "yuan" || unit == "won") return std::string(unit);
  return unit == "penny" ? "pence" : cat(unit, "s");
}

std::string fraction(int64_t top, int64_t bottom) {
  std::string name = bottom == 2   ? (top == 1 ? "half" : "halves")
                     : bottom == 4 ? (top == 1 ? "quarter" : "quarters")
                                   : ordinal(bottom) + (top == 1 ? "" : "s");
  return cat(cardinal(top), " ", name);
}

std::string number(std::string_view text) {
  const std::string plain = without(text, ",");
  const std::size_t point = plain.find('.');
  const std::string_view whole = std::string_view(plain).substr(0, point);
  const std::string_view rest =
      point == std::string::npos ? std::string_view() : std::string_view(plain).substr(point + 1);
  std::string words;
  if (!whole.empty()) {
    const bool spelled = whole.size() > kDigitsOfLimit || (whole.size() > 1 && whole[0] == '0');
    words = spelled ? digit_words(whole) : cardinal(whole);
  }
  if (rest.empty()) return words;
  return cat(words, words.empty() ? "point " : " point ", digit_words(rest));
}

}  // namespace loquor::english
