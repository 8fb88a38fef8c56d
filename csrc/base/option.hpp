// What a row of an options table says, and the check by it. The tables are the .def files beside the structs.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

#include "base/decimal.hpp"
#include "base/error.hpp"

namespace loquor {

// Whose word an option's default is: a bundle may have another, or it is the same for all.
enum class DefaultOf { kBundle, kCore };

// The values that an option takes; infinity is none.
struct Range {
  double least = std::numeric_limits<double>::lowest();
  double most = std::numeric_limits<double>::max();
  bool least_excluded = false;

  constexpr bool has_least() const { return least != Range{}.least; }
  constexpr bool has_most() const { return most != Range{}.most; }

  template <class T>
  constexpr bool holds(T value) const {
    if constexpr (std::is_floating_point_v<T>) {  // written so that NaN fails every comparison
      return (least_excluded ? value > least : value >= least) && value <= most;
    } else {  // in its own type: a double tells large numbers apart no more
      const bool enough = !has_least() || value >= static_cast<T>(least);
      return enough && !(least_excluded && value == static_cast<T>(least)) &&
             (!has_most() || value <= static_cast<T>(most));
    }
  }
};

// Ranges as the tables write them.
namespace ranges {
constexpr Range any() { return {}; }
constexpr Range between(double least, double most) { return {least, most, false}; }
constexpr Range at_least(double least) { return {least, Range{}.most, false}; }
constexpr Range above(double least, double most = Range{}.most) { return {least, most, true}; }
}  // namespace ranges

// A value as messages and the public tables write it.
inline std::string option_text(const std::string& value) { return value; }
inline std::string option_text(bool value) { return value ? "true" : "false"; }
template <class T>
std::string option_text(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    return decimal(value);
  } else {
    return std::to_string(value);
  }
}

// Throws kInvalidInput naming the option, its range in words, and the value. A text is checked by its user.
template <class T>
void check_option(const char* name, const T& value, const Range& range, const char* words) {
  if constexpr (std::is_arithmetic_v<T>) {
    if (range.holds(value)) return;
    throw Error(ErrorKind::kInvalidInput,
                std::string(name) + " must be " + words + ", not " + option_text(value));
  }
}

}  // namespace loquor
