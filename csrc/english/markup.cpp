#include "english/markup.hpp"

#include <algorithm>
#include <utility>

#include "base/unicode.hpp"
#include "base/utf8.hpp"
#include "english/programs.hpp"
#include "english/strings.hpp"
#include "english/words.hpp"

namespace loquor::english {
namespace {

constexpr int kEncodings = 2;  // what passed through two programs is encoded twice
constexpr int kLayers = 3;     // one mark may hide another
constexpr std::pair<std::string_view, std::string_view> kNotText[] = {
    {"<!--", "-->"}, {"<script", "</script>"}, {"<style", "</style>"}};

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// --- Entities ---

// Windows' characters, as browsers read numbers that are no characters of Unicode.
constexpr char32_t kWindows[] = {0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021,
                                 0x2C6,  0x2030, 0x160,  0x2039, 0x152,  0x8D,   0x17D,  0x8F,
                                 0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                 0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178};
constexpr char32_t kNoCharacter = 0xFFFD;

bool is_no_character(uint32_t number) {
  return number <= 0x8 || number == 0xB || (number >= 0xE && number <= 0x1F) ||
         (number >= 0x7F && number <= 0x9F) || (number >= 0xFDD0 && number <= 0xFDEF) ||
         (number & 0xFFFE) == 0xFFFE;
}

// By number, as HTML reads it.
std::u32string numbered(uint32_t number) {
  if (number == 0) return {kNoCharacter};
  if (number == 0xD) return U"\r";
  if (number >= 0x80 && number <= 0x9F) return {kWindows[number - 0x80]};
  if ((number >= 0xD800 && number <= 0xDFFF) || number > 0x10FFFF) return {kNoCharacter};
  return is_no_character(number) ? std::u32string() : std::u32string{static_cast<char32_t>(number)};
}

std::u32string with_entity(std::string_view written, std::size_t kept, std::u32string of) {
  for (const char byte : written.substr(kept)) of += static_cast<unsigned char>(byte);
  return of;
}

// What "&#8364;" or "&euro;" stands for; itself if nothing.
std::u32string unescaped(std::string_view written) {
  if (written[1] == '#') {
    const bool is_hexadecimal = written.size() > 2 && small(written[2]) == 'x';
    const std::size_t start = is_hexadecimal ? 3 : 2;
    std::size_t end = start;
    uint32_t number = 0;
    for (; end < written.size() && (is_digit(written[end]) || (is_hexadecimal && is_letter(written[end])));
         ++end) {
      const char digit = small(written[end]);
      number = number * (is_hexadecimal ? 16 : 10) +
               static_cast<uint32_t>(is_digit(digit) ? digit - '0' : digit - 'a' + 10);
    }
    if (end == start) return with_entity(written, 0, {});
    return with_entity(written, end + (end < written.size() && written[end] == ';' ? 1 : 0),
                       numbered(number));
  }
  const std::string_view name = written.substr(1);
  for (std::size_t size = name.size(); size > 1; --size) {  // the longest that its begin is
    if (const Entry* const entity = kEntities.find(name.substr(0, size)))
      return with_entity(name, size, characters_of(entity->value));
  }
  return with_entity(written, 0, {});
}

Coded without_entities(const Coded& text) {
  return text.replaced(kEntity, [&text](Coded& out, const Match& match) {
    // Digits of other scripts are none here, and stay.
    const std::string_view written = match[0];
    const auto other =
        std::find_if(written.begin(), written.end(), [](char byte) { return byte == kOtherDigit; });
    const auto plain = static_cast<std::size_t>(other - written.begin());
    const std::u32string said = unescaped(written.substr(0, plain));
    const bool is_printable =
        std::all_of(said.begin(), said.end(), [](char32_t c) { return is(c, kPrintable); });
    if (is_printable) {
      out.append(said);
      out.append(text, match.start() + plain, match.end());
    } else {
      out.append(" ");
    }
  });
}

// --- Tags ---

// Without what stands between the two, them included.
Coded without_blocks(const Coded& text, std::string_view opened, std::string_view closed) {
  const std::string& bytes = text.bytes();
  Coded out;
  std::size_t place = 0;
  for (;;) {
    const std::size_t start = bytes.find(opened, place);
    const std::size_t end = start == std::string::npos ? start : bytes.find(closed, start);
    if (end == std::string::npos) break;
    out.append(text, place, start);
    place = end + closed.size();
  }
  out.append(text, place, bytes.size());
  return out;
}

std::string name_of(const Coded& text, const Match& tag) {
  return utf8_of(loquor::lowered(characters_of(text.utf8(tag.start(2), tag.end(2)))));
}

bool is_blank(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return kSpaceBytes.has(byte); });
}

Coded without_tags(Coded text, std::vector<std::string>& dropped) {
  const auto group = [&text](std::size_t number, std::string_view around) {
    return [&text, number, around](Coded& out, const Match& match) {
      out.append(around);
      out.append(text, match.start(number), match.end(number));
      out.append(around);
    };
  };
  text = text.replaced(kAngled, group(1, " "));
  for (const auto& [opened, closed] : kNotText) text = without_blocks(text, opened, closed);
  text = text.replaced(kAlias, group(1, ""));
  std::vector<std::string> ends;
  Match tag;
  for (Pattern::Place place; kMarkupTag.next(text.bytes(), tag, place);) {
    if (!tag[1].empty()) ends.push_back(name_of(text, tag));
  }
  text = text.replaced(kDeclaration, [](Coded&, const Match&) {});
  return text.replaced(kMarkupTag, [&](Coded& out, const Match& match) {
    const std::string name = name_of(text, match);
    if (kMarkupNames.has(name) || has(ends, name) || contains(name, ":")) {
      if (!has(dropped, name)) dropped.push_back(name);
      out.append(kMarkupPauses[name]);
    } else if (is_blank(match[3])) {
      group(2, " ")(out, match);
    } else {
      group(0, "")(out, match);
    }
  });
}

// --- Markdown and footnotes ---

void write(Coded& out, const Coded& text, const Rule& rule, const Match& match) {
  if (rule.function != nullptr) return out.append(rule.function(match));
  for (const char byte : rule.written) {
    const auto group = static_cast<std::size_t>(byte);
    if (byte > 0 && group <= kMostGroups) {
      if (match.has(group)) out.append(text, match.start(group), match.end(group));
    } else {
      out.append({&byte, 1});
    }
  }
}

Coded without_marks(Coded text) {
  const uint64_t had = needs_of(text.bytes());
  for (const Rule* rule = kMarkup.rules; rule != kMarkup.rules + kMarkup.count; ++rule) {
    if ((rule->needs & ~had) != 0 || !rule->pattern.search(text.bytes())) continue;
    text = text.replaced(rule->pattern,
                         [&text, rule](Coded& out, const Match& match) { write(out, text, *rule, match); });
  }
  return text;
}

}  // namespace

// The word alone, unless the raised number is a power of it.
std::string raised(const Match& match) {
  const std::string_view word = match[1], number = match[0].substr(word.size());
  const bool is_power =
      kPowersOf.has(word) ||
      (word.size() == 1 &&
       (!contains("aI", word) || (number.size() == 1 && (number[0] == kSquared || number[0] == kCubed))));
  return std::string(is_power ? match[0] : word);
}

std::string without_brackets(const Match& match) { return without(match[0], "[]"); }

Coded without_markup(Coded text, std::vector<std::string>& dropped) {
  if (contains(text.bytes(), "&")) {
    for (int i = 0; i < kEncodings; ++i) text = without_entities(text);
  }
  if (contains(text.bytes(), "<")) text = without_tags(std::move(text), dropped);
  for (int i = 0; i < kLayers; ++i) {
    Coded after = without_marks(text);
    const bool same = after.bytes() == text.bytes();
    text = std::move(after);
    if (same) break;
  }
  return text;
}

}  // namespace loquor::english
