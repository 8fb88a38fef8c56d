#include "english/stage.hpp"

namespace loquor::english {

uint64_t needs_of(std::string_view text) {
  uint64_t needs = 0;
  for (const char byte : text) needs |= kNeeds[static_cast<unsigned char>(byte)];
  return needs;
}

std::string filled(std::string_view written, const Match& match) {
  std::string out;
  for (const char byte : written) {
    if (byte > 0 && byte <= static_cast<char>(kMostGroups)) {
      out += match[static_cast<std::size_t>(byte)];
    } else {
      out += byte;
    }
  }
  return out;
}

std::string Stage::applied(std::string text) const {
  const uint64_t had = needs_of(text);
  for (const Rule* rule = rules; rule != rules + count; ++rule) {
    if ((rule->needs & ~had) != 0 || !rule->pattern.search(text)) continue;
    text = rule->function != nullptr ? rule->pattern.replaced(text, rule->function)
                                     : rule->pattern.replaced(text, [rule](const Match& match) {
                                         return filled(rule->written, match);
                                       });
  }
  return text;
}

}  // namespace loquor::english
