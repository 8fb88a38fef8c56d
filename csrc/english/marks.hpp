// What is left of a text when all rules have run.
#pragma once

#include <string>

namespace loquor::english {

// Letters, `',.?!;:-` and places of tags, with one space between words and one mark at a time.
std::string tidy(std::string text);

}  // namespace loquor::english
