#include "english/characters.hpp"

#include <algorithm>
#include <iterator>

#include "base/unicode.hpp"
#include "base/utf8.hpp"
#include "english/programs.hpp"
#include "english/strings.hpp"
#include "english/words.hpp"

namespace loquor::english {
namespace {

bool is_ascii(char byte) { return static_cast<unsigned char>(byte) < 0x80; }
bool is_shared(char byte) {
  return byte == kOther || byte == kOtherLetter || byte == kOtherDigit || byte == kOtherSpace;
}

char byte_of(char32_t character) {
  if (character < 0x80) return static_cast<char>(character);
  const auto code =
      std::lower_bound(std::begin(kCodes), std::end(kCodes), character,
                       [](const Code& each, char32_t sought) { return each.character < sought; });
  if (code != std::end(kCodes) && code->character == character) return code->byte;
  if (is(character, kDecimal)) return kOtherDigit;
  if (is(character, kLetterOrNumber)) return kOtherLetter;
  return is(character, kSpace) ? kOtherSpace : kOther;
}

char32_t character_of(char byte) {
  if (is_ascii(byte)) return static_cast<unsigned char>(byte);
  return std::find_if(std::begin(kCodes), std::end(kCodes),
                      [byte](const Code& each) { return each.byte == byte; })
      ->character;
}

}  // namespace

Coded::Coded(std::string_view utf8) {
  bytes_.reserve(utf8.size());
  while (!utf8.empty()) {
    const auto plain =
        static_cast<std::size_t>(std::find_if_not(utf8.begin(), utf8.end(), is_ascii) - utf8.begin());
    append(utf8.substr(0, plain));
    utf8.remove_prefix(plain);
    if (utf8.empty()) return;
    const char32_t character = take_utf8(utf8);
    append({&character, 1});
  }
}

char32_t Coded::character(std::size_t at) const {
  return characters_.empty() ? character_of(bytes_[at]) : characters_[at];
}

std::string Coded::utf8(std::size_t start, std::size_t end) const {
  std::string out;
  for (std::size_t at = start; at < end; ++at) append_utf8(out, character(at));
  return out;
}

void Coded::append_shared(char byte, char32_t character) {
  if (is_shared(byte) && characters_.empty()) {
    for (const char each : bytes_) characters_ += character_of(each);
  }
  bytes_ += byte;
  if (is_shared(byte) || !characters_.empty()) characters_ += character;
}

void Coded::append(std::u32string_view characters) {
  for (const char32_t character : characters) append_shared(byte_of(character), character);
}

void Coded::append(std::string_view bytes) {
  bytes_ += bytes;
  if (characters_.empty()) return;
  for (const char byte : bytes) characters_ += character_of(byte);
}

void Coded::append(const Coded& from, std::size_t start, std::size_t end) {
  if (from.characters_.empty()) return append(std::string_view(from.bytes_).substr(start, end - start));
  for (std::size_t at = start; at < end; ++at) append_shared(from.bytes_[at], from.characters_[at]);
}

namespace {

constexpr std::u32string_view kPowers = U"⁰¹²³⁴⁵⁶⁷⁸⁹⁻";
constexpr char32_t kMinus = U'−', kSlash = U'⁄';

bool is_vulgar(char32_t character) {
  return (character >= U'¼' && character <= U'¾') || (character >= U'⅐' && character <= U'⅞');
}

// 5°30′ is an angle.
void write_angle(Coded& out, const Coded& text, const Match& match) {
  const auto copy = [&](std::size_t group) { out.append(text, match.start(group), match.end(group)); };
  copy(1);
  out.append(" degrees ");
  copy(2);
  out.append(" minutes");
  if (match.has(3)) {
    out.append(" ");
    copy(3);
    out.append(" seconds");
  }
  if (!match.has(4)) return;
  const char side = match[4][0];
  out.append(side == 'N' ? " north" : side == 'S' ? " south" : side == 'E' ? " east" : " west");
}

std::u32string with_powers(const std::u32string& text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::size_t place = kPowers.find(text[at]);
    const char32_t before = at > 0 ? text[at - 1] : U' ';
    const bool begins = before < 0x80 && (is_alphanumeric(static_cast<char>(before)) || before == U')');
    if (place == std::u32string_view::npos || !begins) {
      out += text[at];
      continue;
    }
    out += U'^';
    for (std::size_t power; at < text.size() && (power = kPowers.find(text[at])) != kPowers.npos; ++at)
      out += U"0123456789-"[power];
    --at;
  }
  return out;
}

std::u32string with_minus(const std::u32string& text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool is_between =
        at > 0 && at + 1 < text.size() && is(text[at - 1], kDecimal) && is(text[at + 1], kDecimal);
    if (text[at] != kMinus) {
      out += text[at];
    } else {
      out += is_between ? U"-" : U" minus ";
    }
  }
  return out;
}

std::u32string translated(const std::u32string& text) {
  std::u32string out;
  for (const char32_t character : text) {
    const Folded* const folded = character < 0x80 ? nullptr : kFolded.find(character);
    if (folded == nullptr) {
      out += character;
    } else {
      for (const char byte : folded->bytes) out += character_of(byte);
    }
  }
  return out;
}

// One half behind a digit has a space between.
std::u32string with_fractions(const std::u32string& text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!is_vulgar(text[at])) {
      out += text[at];
      continue;
    }
    if (at > 0 && is(text[at - 1], kDecimal)) out += U' ';
    for (const char32_t part : decomposed({&text[at], 1})) out += part == kSlash ? U'/' : part;
  }
  return out;
}

// What is neither ASCII nor read by a rule: a digit, nothing, or a space for what may be lost.
void write_other(std::string& out, char32_t character, std::vector<std::string>& left_out) {
  if (is(character, kDecimal)) {
    out += static_cast<char>('0' + decimal_value(character));
    return;
  }
  if (is(character, kMark | kFormat)) return;  // accents, joiners
  out += ' ';
  if (!is(character, kLetter | kSymbol | kNumber)) return;
  const std::string lost = utf8_of({&character, 1});
  if (std::find(left_out.begin(), left_out.end(), lost) == left_out.end()) left_out.push_back(lost);
}

std::string folded(const Coded& text, std::vector<std::string>& left_out) {
  if (std::all_of(text.bytes().begin(), text.bytes().end(),
                  [](char byte) { return is_ascii(byte) || kSigns.has(byte); }))
    return text.bytes();
  std::u32string characters;
  for (std::size_t at = 0; at < text.bytes().size(); ++at) characters += text.character(at);
  characters = with_fractions(translated(with_minus(with_powers(characters))));
  std::string out;
  for (const char32_t character : translated(decomposed(characters))) {
    if (character < 0x80 || kSigns.has(byte_of(character))) {
      out += byte_of(character);
    } else {
      write_other(out, character, left_out);
    }
  }
  return out;
}

bool is_odd_space(char byte) { return kSpaces.find(byte) != kSpaces.npos && byte != '\n' && byte != ' '; }

// One space for spaces in a row; ends of lines stay.
std::string with_single_spaces(const std::string& text) {
  if (!contains(text, "  ") && std::none_of(text.begin(), text.end(), is_odd_space)) return text;
  std::string out;
  for (const char byte : text) {
    const bool is_space = byte == ' ' || is_odd_space(byte);
    if (!is_space) {
      out += byte;
    } else if (out.empty() || out.back() != ' ') {
      out += ' ';
    }
  }
  return out;
}

std::string with_spaces_between(std::string_view digits) {
  std::string out;
  for (const char digit : digits) out.append(out.empty() ? "" : " ") += digit;
  return out;
}

}  // namespace

std::string in_ascii(Coded text, std::vector<std::string>& left_out) {
  if (contains(text.bytes(), {&kDegree, 1})) {
    text = text.replaced(kAngle, [&text](Coded& out, const Match& match) { write_angle(out, text, match); });
  }
  const std::string plain = with_single_spaces(folded(text, left_out));
  return kLongNumber.replaced(plain, [](const Match& match) { return with_spaces_between(match[0]); });
}

}  // namespace loquor::english
