// Numbers as messages write them, whatever the process's locale.
#pragma once

#include <cmath>
#include <limits>
#include <locale>
#include <sstream>
#include <string>

namespace loquor {

// The fewest digits, but 6, that tell a value just outside its range from the bound; no zeros behind them.
template <class T>
std::string decimal(T value) {
  if (std::isnan(value)) return "NaN";
  std::string text;
  for (int digits = 6; digits <= std::numeric_limits<T>::max_digits10; ++digits) {
    std::ostringstream out;
    out.imbue(std::locale::classic());
    out.precision(digits);
    out << value;
    text = out.str();
    T back = 0;
    std::istringstream in(text);
    in.imbue(std::locale::classic());
    if (in >> back && back == value) break;
  }
  return text;
}

}  // namespace loquor
