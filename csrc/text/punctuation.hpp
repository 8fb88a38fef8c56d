// The punctuation that each family of models was trained on: upstream's `punc_norm`, in the three forms that
// python/loquor/text/profiles.py has.
#pragma once

#include <string>
#include <string_view>

namespace loquor {

// Whether there is such a profile, by the name that a family's record gives; "multilingual" is for
// in_language.
bool has_punctuation(std::string_view profile);

// Well-formed text as the profile writes it; without one, as most models want it.
std::string punctuated(std::string_view text, std::string_view profile = "");

// The replacements of English and Multilingual alone, with one space between words.
std::string with_llama_marks(std::string_view text);

}  // namespace loquor
