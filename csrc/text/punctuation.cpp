#include "text/punctuation.hpp"

#include "base/span.hpp"
#include "base/unicode.hpp"
#include "base/utf8.hpp"
#include "text/characters.hpp"

namespace loquor {
namespace {

struct Replacement {
  std::string_view old, now;
};

// In upstream's order: a later one sees what an earlier one wrote.
constexpr Replacement kTurboFirst[] = {{"\u2026", ", "}, {":", ","}};
constexpr Replacement kLlamaFirst[] = {
    {"...", ", "}, {"\u2026", ", "}, {":", ","}, {" - ", ", "}, {";", ", "}};
constexpr Replacement kDashesAndQuotes[] = {{"\u2014", "-"},  {"\u2013", "-"},  {" ,", ","},
                                            {"\u201C", "\""}, {"\u201D", "\""}, {"\u2018", "'"},
                                            {"\u2019", "'"}};
using Replacements = Span<const Replacement>;

template <std::size_t N>
Replacements all(const Replacement (&list)[N]) {
  return {list, N};
}

void replace(std::string& text, Replacements replacements) {
  for (const auto& [old, now] : replacements) {
    std::string next;
    std::size_t at = 0;
    for (std::size_t found; (found = text.find(old, at)) != std::string::npos; at = found + old.size())
      next.append(text, at, found - at).append(now);
    text = next.append(text, at, std::string::npos);
  }
}

std::string with_marks(std::string_view text, Replacements first) {
  std::string joined = joined_words(text);
  replace(joined, first);
  replace(joined, all(kDashesAndQuotes));
  joined.erase(joined.find_last_not_of(' ') + 1);
  return joined;
}

}  // namespace

bool has_punctuation(std::string_view profile) { return profile == "turbo" || profile == "english"; }

std::string punctuated(std::string_view text, std::string_view profile) {
  std::string_view rest = text;
  std::u32string first;
  if (!rest.empty()) first.push_back(take_utf8(rest));
  std::string written = with_marks(utf8_of(capitalized(first)).append(rest),
                                   profile == "english" ? all(kLlamaFirst) : all(kTurboFirst));
  if (written.empty() || std::string_view(".!?-,").find(written.back()) == std::string_view::npos)
    written += '.';
  return written;
}

std::string with_llama_marks(std::string_view text) { return with_marks(text, all(kLlamaFirst)); }

}  // namespace loquor
