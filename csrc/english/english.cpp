#include "english/english.hpp"

#include <utility>

#include "english/capitals.hpp"
#include "english/characters.hpp"
#include "english/lines.hpp"
#include "english/marks.hpp"
#include "english/markup.hpp"
#include "english/programs.hpp"
#include "english/strings.hpp"
#include "english/words.hpp"

namespace loquor::english {
namespace {

constexpr int kMoreLooks = 3;
constexpr std::size_t kShortTag = 6;

// One line of ASCII with places for tags, the tags, and what was lost.
struct Prepared {
  std::string plain;
  std::vector<std::string> tags, left_out, markup;
};

Prepared prepared(std::string_view utf8) {
  Prepared out;
  Coded text = without_markup(Coded(utf8), out.markup);
  const std::string_view place(&kTagPlace, 1);
  if (contains(text.bytes(), place)) {
    Coded free;
    for (std::size_t at = 0; at < text.bytes().size(); ++at) {
      if (text.bytes()[at] == kTagPlace) {
        free.append(" ");
      } else {
        free.append(text, at, at + 1);
      }
    }
    text = std::move(free);
  }
  if (contains(text.bytes(), "[")) {
    text = text.replaced(kVoiceTag, [&](Coded& with, const Match& match) {
      out.tags.emplace_back(match[0]);
      with.append(place);
    });
  }
  out.plain = join_lines(lower_shouted_lines(in_ascii(std::move(text), out.left_out)));
  return out;
}

std::string in_words(std::string_view text) {
  std::string words = lower_if_shouted(text);
  for (const Stage* const stage : {&kTechnical, &kComparisons, &kShort, &kWords})
    words = stage->applied(std::move(words));
  std::string out;
  for (const char byte : words) {
    const Entry* const symbol = is_letter(byte) || byte == ' ' ? nullptr : kSymbols.find({&byte, 1});
    if (symbol == nullptr) {
      out += byte;
    } else {
      out += symbol->value;
    }
  }
  return out;
}

// Puts the tags where they were. A short one behind a letter would be taken for a part of the word:
// "alter[ed]".
std::string with_tags(std::string_view plain, const std::vector<std::string>& tags) {
  std::string out;
  auto tag = tags.begin();
  for (const char byte : plain) {
    if (byte != kTagPlace) {
      out += byte;
      continue;
    }
    if (tag == tags.end()) continue;
    if (!out.empty() && is_letter(out.back()) && tag->size() < kShortTag) out += ' ';
    out += *tag++;
  }
  return out;
}

}  // namespace

Spelled spell(std::string_view text) {
  Prepared look = prepared(text);
  std::string plain = tidy(in_words(look.plain));
  for (int i = 0; i < kMoreLooks; ++i) {  // what a dropped sign was between may be read by a rule now
    std::string again = tidy(in_words(plain));
    const bool same = again == plain;
    plain = std::move(again);
    if (same) break;
  }
  if (!look.tags.empty()) plain = with_tags(plain, look.tags);
  return {std::move(plain), std::move(look.left_out), std::move(look.markup)};
}

std::size_t spelled_length(std::string_view text) {
  const Prepared look = prepared(text);
  std::size_t length = tidy(in_words(look.plain)).size();
  for (const std::string& tag : look.tags) length += tag.size() - 1;
  return length;
}

std::vector<std::string> markup_in(std::string_view text) {
  std::vector<std::string> names;
  if (contains(text, "<")) without_markup(Coded(text), names);
  return names;
}

}  // namespace loquor::english
