// How tokenizers part a text into words before they encode them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace loquor {

// Runs of \w, and of what is neither that nor white space (`Whitespace` of tokenizers).
std::vector<std::string_view> words_and_marks(std::string_view text);

// GPT-2's words, as its pattern has them: English contractions, and letters, digits or marks with the space
// before them; white space that is left, but for the last of it where a word follows.
std::vector<std::string_view> gpt2_words(std::string_view text);

// Each byte as the printable character that stands for it in byte-level vocabularies.
std::string as_byte_symbols(std::string_view bytes);

}  // namespace loquor
