#include "base/unicode.hpp"

#include <algorithm>
#include <iterator>

#include "base/utf8.hpp"

namespace loquor {
namespace {

// What holds from `first` up to the next one's.
struct Range {
  char32_t first;
  uint16_t value;
};
// What becomes of a character: `length` of its table's pool, from `at` on.
struct Mapping {
  char32_t from;
  uint16_t at;
  uint16_t length;
};
#include "base/unicode_data.inc"

template <std::size_t N>
uint32_t value_at(const Range (&ranges)[N], char32_t character) {
  const auto after = std::upper_bound(std::begin(ranges), std::end(ranges), character,
                                      [](char32_t left, const Range& right) { return left < right.first; });
  return std::prev(after)->value;
}

template <std::size_t N>
std::u32string_view mapped(const Mapping (&mappings)[N], const char32_t* pool, const char32_t& character) {
  const auto found = std::lower_bound(std::begin(mappings), std::end(mappings), character,
                                      [](const Mapping& left, char32_t right) { return left.from < right; });
  if (found == std::end(mappings) || found->from != character) return {&character, 1};
  return {pool + found->at, found->length};
}

constexpr char32_t kCapitalSigma = 0x3A3;

// Whether a letter is next to `at`, by the first in that direction that is not passed over.
template <class Step>
bool has_letter(std::u32string_view text, std::size_t at, Step step) {
  for (at = step(at); at < text.size(); at = step(at)) {
    if (!is(text[at], kPassedOver)) return is(text[at], kCased);
  }
  return false;
}

bool ends_word(std::u32string_view text, std::size_t at) {
  return has_letter(text, at, [](std::size_t i) { return i - 1; }) &&  // below the first: beyond the last
         !has_letter(text, at, [](std::size_t i) { return i + 1; });
}

// Hangul, whose syllables are counted (The Unicode Standard, 3.12).
constexpr char32_t kSyllables = 0xAC00, kLeads = 0x1100, kVowels = 0x1161, kTails = 0x11A7;
constexpr char32_t kVowelCount = 21, kTailCount = 28, kSyllableCount = 11172;

void append_syllable(std::u32string& out, char32_t index) {
  out.push_back(kLeads + index / (kVowelCount * kTailCount));
  out.push_back(kVowels + index / kTailCount % kVowelCount);
  if (index % kTailCount != 0) out.push_back(kTails + index % kTailCount);
}

}  // namespace

bool is(char32_t character, uint32_t kinds) { return (value_at(kKinds, character) & kinds) != 0; }

uint32_t decimal_value(char32_t character) { return value_at(kDecimals, character); }

std::u32string characters_of(std::string_view utf8) {
  std::u32string characters;
  characters.reserve(utf8.size());
  while (!utf8.empty()) characters.push_back(take_utf8(utf8));
  return characters;
}

std::string utf8_of(std::u32string_view characters) {
  std::string utf8;
  utf8.reserve(characters.size());
  for (const char32_t character : characters) append_utf8(utf8, character);
  return utf8;
}

std::u32string capitalized(std::u32string_view text) {
  if (text.empty()) return {};
  std::u32string out(mapped(kUpper, kUpperPool, text[0]));
  return out.append(text.substr(1));
}

std::u32string lowered(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == kCapitalSigma && ends_word(text, at)) {
      out.push_back(0x3C2);
    } else {
      out.append(mapped(kLower, kLowerPool, text[at]));
    }
  }
  return out;
}

std::u32string decomposed(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (const char32_t& character : text) {
    if (character >= kSyllables && character < kSyllables + kSyllableCount) {
      append_syllable(out, character - kSyllables);
    } else {
      out.append(mapped(kDecomposed, kDecomposedPool, character));
    }
  }
  // Marks on one letter have an order of their own.
  const auto order = [](char32_t character) { return value_at(kCombining, character); };
  for (auto at = out.begin(); at != out.end();) {
    at = std::find_if(at, out.end(), order);
    const auto end = std::find_if_not(at, out.end(), order);
    std::stable_sort(at, end, [&order](char32_t left, char32_t right) { return order(left) < order(right); });
    at = end;
  }
  return out;
}

}  // namespace loquor
