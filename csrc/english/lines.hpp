// What the ends of lines mean: a line that was wrapped goes on, a heading or an item of a list does not. The
// rules are those of python/loquor/text/lines.py, of a whole text in the room's bytes.
#pragma once

#include <string>
#include <string_view>

namespace loquor::english {

// One line: a break within a word goes, one that ends a line on purpose becomes a pause.
std::string join_lines(std::string_view text);

}  // namespace loquor::english
