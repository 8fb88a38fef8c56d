#include "text/token_finder.hpp"

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace loquor {
namespace {

// The first two bytes, or the only one.
uint32_t start_of(std::string_view text) {
  const auto byte = [text](std::size_t i) {
    return static_cast<uint32_t>(static_cast<unsigned char>(text[i]));
  };
  return text.size() == 1 ? 0x10000 + byte(0) : byte(0) << 8 | byte(1);
}

}  // namespace

void TokenFinder::add(Token token) {
  if (token.text.empty()) return;
  std::vector<Token>& tokens = by_start_[start_of(token.text)];
  const auto longer = [](const Token& left, const Token& right) {
    return left.text.size() > right.text.size();
  };
  tokens.insert(std::upper_bound(tokens.begin(), tokens.end(), token, longer), std::move(token));
}

TokenFinder::Match TokenFinder::find(std::string_view text, std::size_t from) const {
  if (by_start_.empty()) return {nullptr, text.size()};
  for (std::size_t at = from; at < text.size(); ++at) {
    const std::string_view rest = text.substr(at);
    for (const std::string_view start : {rest.substr(0, 2), rest.substr(0, 1)}) {
      const auto tokens = by_start_.find(start_of(start));
      if (tokens == by_start_.end()) continue;
      for (const Token& token : tokens->second) {
        if (rest.substr(0, token.text.size()) == token.text) return {&token, at};
      }
    }
  }
  return {nullptr, text.size()};
}

}  // namespace loquor
