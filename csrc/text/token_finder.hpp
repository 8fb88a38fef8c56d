// Tokens that are found in a text by their spelling: the leftmost, and of those that begin there the longest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace loquor {

class TokenFinder {
 public:
  struct Token {
    std::string text;
    int32_t id;
  };
  struct Match {
    const Token* token;  // nullptr: there are no more
    std::size_t at;      // in bytes; the text's size where there are no more
  };

  // Tokens without text are left out.
  void add(Token token);
  Match find(std::string_view text, std::size_t from) const;

 private:
  std::unordered_map<uint32_t, std::vector<Token>> by_start_;  // the longest first
};

}  // namespace loquor
