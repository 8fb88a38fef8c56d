// What is written for machines or the eye: tags, entities, links, footnote marks.
#pragma once

#include <string>
#include <vector>

#include "english/characters.hpp"

namespace loquor::english {

// The text that is left. Adds the names of the tags that went, each once.
Coded without_markup(Coded text, std::vector<std::string>& dropped);

}  // namespace loquor::english
