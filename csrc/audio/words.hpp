// Numbers in sentences about sound, whatever the process's locale.
#pragma once

#include <cmath>
#include <locale>
#include <sstream>
#include <string>

namespace loquor {

// With so many places behind the point.
inline std::string fixed(double value, int places) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out.setf(std::ios::fixed);
  out.precision(places);
  out << value;
  return out.str();
}

// With six digits at most.
inline std::string significant(double value) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out << value;
  return out.str();
}

inline std::string full_scale(double amplitude) {
  return amplitude > 0 ? fixed(20 * std::log10(amplitude), 0) + " dBFS" : "-inf dBFS";
}

}  // namespace loquor
