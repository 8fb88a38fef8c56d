// Words and what they stand for, sorted when Loquor was built: tables.inc names them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace loquor::english {

// A set of words.
struct Words {
  const std::string_view* words;
  std::size_t count;

  bool has(std::string_view word) const { return std::binary_search(words, words + count, word); }
};

// Words, and for each what stands for it: one text, or two (one thing, and many).
struct Entry {
  std::string_view key, value, many;
};

struct Table {
  const Entry* entries;
  std::size_t count;

  const Entry* find(std::string_view key) const {
    const Entry* const end = entries + count;
    const Entry* const found = std::lower_bound(
        entries, end, key, [](const Entry& entry, std::string_view sought) { return entry.key < sought; });
    return found == end || found->key != key ? nullptr : found;
  }
  bool has(std::string_view key) const { return find(key) != nullptr; }
  // Nothing where there is no such key.
  std::string_view operator[](std::string_view key) const {
    const Entry* const found = find(key);
    return found == nullptr ? std::string_view() : found->value;
  }
};

// Characters beside ASCII, and the room's bytes that they become before any rule.
struct Folded {
  char32_t character;
  std::string_view bytes;
};

struct FoldedCharacters {
  const Folded* characters;
  std::size_t count;

  const Folded* find(char32_t character) const {
    const Folded* const end = characters + count;
    const Folded* const found =
        std::lower_bound(characters, end, character,
                         [](const Folded& each, char32_t sought) { return each.character < sought; });
    return found == end || found->character != character ? nullptr : found;
  }
};

}  // namespace loquor::english
