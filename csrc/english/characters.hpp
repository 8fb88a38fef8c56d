// A text in the room's bytes, one a character: ASCII, signs that rules read, and what else patterns name.
// Others share the byte of their kind.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "english/pattern.hpp"

namespace loquor::english {

class Coded {
 public:
  Coded() = default;
  explicit Coded(std::string_view utf8);

  const std::string& bytes() const { return bytes_; }
  char32_t character(std::size_t at) const;
  std::string utf8(std::size_t start, std::size_t end) const;

  void append(std::u32string_view characters);
  // Of ASCII, or of bytes that one character has for itself.
  void append(std::string_view bytes);
  void append(const Coded& from, std::size_t start, std::size_t end);

  // As Python's sub: `write(out, match)` appends what is written for a match.
  template <class Write>
  Coded replaced(const Pattern& pattern, Write&& write) const {
    Coded out;
    std::size_t kept = 0;
    Match found;
    for (Pattern::Place place; pattern.next(bytes_, found, place); kept = found.end()) {
      out.append(*this, kept, found.start());
      write(out, static_cast<const Match&>(found));
    }
    out.append(*this, kept, bytes_.size());
    return out;
  }

 private:
  void append_shared(char byte, char32_t character);

  std::string bytes_;
  std::u32string characters_;  // all of them, or none: each has a byte for itself
};

// Of ASCII and the signs that rules read. Adds to `left_out` the characters without a sound, each once.
std::string in_ascii(Coded text, std::vector<std::string>& left_out);

}  // namespace loquor::english
