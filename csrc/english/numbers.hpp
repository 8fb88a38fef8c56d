// English number words, as the built-in voice learned them: no "and", "nineteen oh five", "twenty-one".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace loquor::english {

// What digits are worth; there are 18 at most.
int64_t value_of(std::string_view digits);

// 42 -> "forty-two". From 10^15 on it is read digit by digit. Not negative.
std::string cardinal(int64_t value);
// Of any number of digits; zeros before it do not count.
std::string cardinal(std::string_view digits);
// 42 -> "forty-second".
std::string ordinal(std::string_view digits);
std::string ordinal(int64_t value);
// "twenty" -> "twenties", "six" -> "sixes", "hundred" -> "hundreds".
std::string plural(std::string_view words);
// "205" -> "two zero five".
std::string digit_words(std::string_view digits);

// 1905 -> "nineteen oh five", 2000 -> "two thousand".
std::string year(int64_t value);
// 1990 -> "nineteen nineties", 90 -> "nineties", 1900 -> "nineteen hundreds", 100 -> "hundreds".
std::string decade(int64_t value);
// (7, 5) -> "seven oh five"; a full hour is the hour alone.
std::string clock(int64_t hours, int64_t minutes);

// ("1", "50") -> "one dollar and fifty cents"; of no digits is none. The units are given in the singular, and
// stay so if `one`.
std::string money(std::string_view whole, std::string_view cents, std::string_view unit,
                  std::string_view small, bool one = false);
std::string unit_plural(std::string_view unit);
// (3, 4) -> "three quarters". `bottom` is 2 or more.
std::string fraction(int64_t top, int64_t bottom);
// A number as it is written: "12.05" -> "twelve point zero five", "007" -> "zero zero seven".
std::string number(std::string_view text);

}  // namespace loquor::english
