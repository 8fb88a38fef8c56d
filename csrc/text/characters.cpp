#include "text/characters.hpp"

#include <algorithm>
#include <cstdio>

#include "base/error.hpp"
#include "base/unicode.hpp"
#include "base/utf8.hpp"

namespace loquor {
namespace {

[[noreturn]] void refuse(const std::string& why) { throw Error(ErrorKind::kInvalidInput, why); }

// Control characters, but for those that are white space to Python and so to upstream.
bool is_forbidden(char32_t character) {
  const bool is_control = character < 0x20 || (character >= 0x7F && character <= 0x9F);
  return is_control && !is(character, kSpace);
}

std::string code_name(char32_t character) {
  char name[16];
  std::snprintf(name, sizeof name, "U+%04lX", static_cast<unsigned long>(character));
  return name;
}

bool is_letter(char character) {
  return (character >= 'A' && character <= 'Z') || (character >= 'a' && character <= 'z');
}

}  // namespace

void check_text(std::string_view text) {
  std::size_t characters = 0;
  bool shows = false;
  for (std::string_view rest = text; !rest.empty(); ++characters) {
    if (utf8_length(rest) == 0) {
      refuse("text is not valid UTF-8 at byte " + std::to_string(text.size() - rest.size()) +
             ": decode it again");
    }
    const char32_t character = take_utf8(rest);
    if (is_forbidden(character)) {
      refuse("text holds the control character " + code_name(character) + " at index " +
             std::to_string(characters) + ": remove it");
    }
    shows = shows || !is(character, kSpace | kFormat);
  }
  const std::size_t end = text.find(kEndOfText);
  if (end != std::string_view::npos) {
    refuse("text holds " + std::string(kEndOfText) + " at byte " + std::to_string(end) +
           ", which marks the end of a prompt: remove it");
  }
  if (characters > kMostCharacters) {
    refuse("text has " + std::to_string(characters) + " characters, more than the limit of " +
           std::to_string(kMostCharacters) +
           " for one call: split it into sentences and speak them one after another");
  }
  if (!shows) refuse("text is empty or only white space: give it at least one word to speak");
}

std::size_t tag_length(std::string_view text) {
  if (text.substr(0, 1) != "[") return 0;
  std::size_t at = std::min(text.find_first_not_of(' ', 1), text.size());
  if (at == text.size() || !is_letter(text[at])) return 0;
  while (at < text.size() && (is_letter(text[at]) || text[at] == ' ')) ++at;
  return at < text.size() && text[at] == ']' ? at + 1 : 0;
}

std::vector<std::string> tags_in(std::string_view text) {
  std::vector<std::string> tags;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = tag_length(text.substr(at));
    if (length == 0) {
      ++at;
      continue;
    }
    std::string tag(text.substr(at, length));
    if (std::find(tags.begin(), tags.end(), tag) == tags.end()) tags.push_back(std::move(tag));
    at += length;
  }
  return tags;
}

std::string joined_words(std::string_view text) {
  std::string joined;
  bool in_word = false;
  while (!text.empty()) {
    const char32_t character = take_utf8(text);
    const bool is_space = is(character, kSpace);
    if (!is_space) {
      if (!in_word && !joined.empty()) joined += ' ';
      append_utf8(joined, character);
    }
    in_word = !is_space;
  }
  return joined;
}

}  // namespace loquor
