#include "text/word_split.hpp"

#include <array>

#include "base/unicode.hpp"
#include "base/utf8.hpp"

namespace loquor {
namespace {

constexpr uint32_t kNoMark = kWhiteSpace | kLetter | kNumber;

// The end of the run of characters from `at` on that `is_part` holds for.
template <class IsPart>
std::size_t run_end(std::string_view text, std::size_t at, IsPart is_part) {
  while (at < text.size()) {
    std::string_view rest = text.substr(at);
    if (!is_part(take_utf8(rest))) break;
    at = text.size() - rest.size();
  }
  return at;
}

// The length of the contraction that `text` begins with: 's, 't, 're, 've, 'm, 'll or 'd.
std::size_t contraction(std::string_view text) {
  for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}) {
    if (text.substr(0, ending.size()) == ending) return ending.size();
  }
  return 0;
}

std::size_t gpt2_word_end(std::string_view text, std::size_t at) {
  if (const std::size_t length = contraction(text.substr(at))) return at + length;
  const std::size_t start = at + (text[at] == ' ' ? 1 : 0);
  for (const uint32_t kind : {kLetter, kNumber}) {
    const std::size_t end = run_end(text, start, [kind](char32_t each) { return is(each, kind); });
    if (end > start) return end;
  }
  const std::size_t marks = run_end(text, start, [](char32_t each) { return !is(each, kNoMark); });
  if (marks > start) return marks;
  std::size_t last = at;  // character of the white space
  std::size_t end = at;
  for (std::size_t next = at; next < text.size();) {
    std::string_view rest = text.substr(next);
    if (!is(take_utf8(rest), kWhiteSpace)) break;
    last = next;
    next = end = text.size() - rest.size();
  }
  return end == text.size() || last == at ? end : last;
}

// The printable characters of Latin-1 stand for themselves, the other bytes for those from U+0100 on.
std::array<std::string, 256> byte_symbols() {
  std::array<std::string, 256> symbols;
  char32_t other = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool stays = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    append_utf8(symbols[byte], stays ? byte : other++);
  }
  return symbols;
}

}  // namespace

std::vector<std::string_view> words_and_marks(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < text.size();) {
    std::string_view rest = text.substr(at);
    const char32_t first = take_utf8(rest);
    const bool is_word = is(first, kWord);
    if (!is_word && is(first, kWhiteSpace)) {
      at = text.size() - rest.size();
      continue;
    }
    const std::size_t end = run_end(text, at, [is_word](char32_t each) {
      return is_word ? is(each, kWord) : !is(each, kWord | kWhiteSpace);
    });
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

std::vector<std::string_view> gpt2_words(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = gpt2_word_end(text, at);
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

std::string as_byte_symbols(std::string_view bytes) {
  static const std::array<std::string, 256> kSymbols = byte_symbols();
  std::string symbols;
  symbols.reserve(2 * bytes.size());
  for (const char byte : bytes) symbols += kSymbols[static_cast<unsigned char>(byte)];
  return symbols;
}

}  // namespace loquor
