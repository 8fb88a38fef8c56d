// The characters of a user's text: what may not be spoken, and what looks like a tag. The rules are those of
// python/loquor/text/characters.py.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace loquor {

// The token that closes a prompt. Inside it, it would end the text early, so users may not write it.
constexpr std::string_view kEndOfText = "<|endoftext|>";
// Of one call. Plain English costs at most one token a character; the engine checks the prompt itself as
// well.
constexpr std::size_t kMostCharacters = 5000;

// Throws kInvalidInput for what cannot be spoken: bytes that are not UTF-8, control characters that are no
// white space, kEndOfText, more than kMostCharacters, or nothing that shows.
void check_text(std::string_view text);

// The length of the tag that begins there, such as `[laugh]`; 0: none does.
std::size_t tag_length(std::string_view text);
// All that look like one, each once, in order.
std::vector<std::string> tags_in(std::string_view text);

// The words with one space between them; white space is what Python takes for it.
std::string joined_words(std::string_view text);

}  // namespace loquor
