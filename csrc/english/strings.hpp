// Small things that the readers do with texts, where a byte is a character: ASCII, or a sign as
// characters.hpp codes it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "english/pattern.hpp"

namespace loquor::english {

constexpr bool is_small(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_letter(char c) { return is_small(c) || is_capital(c); }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alphanumeric(char c) { return is_letter(c) || is_digit(c); }
constexpr char small(char c) { return is_capital(c) ? static_cast<char>(c - 'A' + 'a') : c; }
constexpr char capital(char c) { return is_small(c) ? static_cast<char>(c - 'a' + 'A') : c; }

// As Python's methods of the same names; false for what is empty.
inline bool all_letters(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_letter);
}
inline bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}
inline bool all_alphanumeric(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_alphanumeric);
}
// isupper and islower: there are letters, and all of them are.
inline bool in_capitals(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_capital) &&
         std::none_of(text.begin(), text.end(), is_small);
}
inline bool in_small_letters(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_small) &&
         std::none_of(text.begin(), text.end(), is_capital);
}

inline std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), small);
  return out;
}
inline std::string uppered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), capital);
  return out;
}
// Python's capitalize: the first letter is a capital, the others small.
inline std::string capitalized(std::string_view text) {
  std::string out = lowered(text);
  if (!out.empty()) out[0] = capital(out[0]);
  return out;
}

constexpr bool starts_with(std::string_view text, std::string_view begin) {
  return text.substr(0, begin.size()) == begin;
}
constexpr bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}
constexpr bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// White space of ASCII, as Python has it.
constexpr std::string_view kSpaces = " \t\n\v\f\r\x1c\x1d\x1e\x1f";

// Python's rstrip, lstrip and strip.
constexpr std::string_view right_stripped(std::string_view text, std::string_view of) {
  const std::size_t last = text.find_last_not_of(of);
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}
constexpr std::string_view left_stripped(std::string_view text, std::string_view of) {
  const std::size_t first = text.find_first_not_of(of);
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}
constexpr std::string_view stripped(std::string_view text, std::string_view of = kSpaces) {
  return left_stripped(right_stripped(text, of), of);
}

// Without any of some characters, as Python's replace of each with nothing.
inline std::string without(std::string_view text, std::string_view dropped) {
  std::string out;
  for (const char c : text) {
    if (dropped.find(c) == std::string_view::npos) out += c;
  }
  return out;
}

// Python's split by a character, and by white space.
inline std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  for (std::size_t end; (end = text.find(by)) != std::string_view::npos; text.remove_prefix(end + 1)) {
    parts.push_back(text.substr(0, end));
  }
  parts.push_back(text);
  return parts;
}
// Python's partition, without the separator: all and nothing where there is none.
constexpr std::pair<std::string_view, std::string_view> partition(std::string_view text, char at) {
  const std::size_t place = text.find(at);
  if (place == std::string_view::npos) return {text, {}};
  return {text.substr(0, place), text.substr(place + 1)};
}
std::vector<std::string_view> words_of(std::string_view text);

// One text of many parts.
template <class... Parts>
std::string cat(const Parts&... parts) {
  std::string out;
  out.reserve((std::string_view(parts).size() + ... + 0));
  (out.append(std::string_view(parts)), ...);
  return out;
}

// At most so many characters just before the match; and what follows it.
inline std::string_view before(const Match& match, std::size_t count) {
  const std::size_t start = match.start();
  return match.text().substr(start - std::min(start, count), std::min(start, count));
}
inline std::string_view behind(const Match& match) { return match.text().substr(match.end()); }
// Python's PATTERN.match(match.string, match.end()).
inline bool is_followed(const Match& match, const Pattern& by) {
  return by.matches_at(match.text(), match.end());
}

}  // namespace loquor::english
