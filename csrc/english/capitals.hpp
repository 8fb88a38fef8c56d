// Texts and lines in capitals.
#pragma once

#include <string>
#include <string_view>

namespace loquor::english {

// Each line that is in capitals loses them: it is a heading, with a pause behind it.
std::string lower_shouted_lines(std::string_view text);
// A text in capitals loses them, so that it is read and not spelled; BBC and the like stay.
std::string lower_if_shouted(std::string_view text);

}  // namespace loquor::english
