// What the rules for initials and initialisms write, and what becomes of text that is shouted.
#include "english/capitals.hpp"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "english/letters.hpp"
#include "english/numbers.hpp"
#include "english/programs.hpp"
#include "english/strings.hpp"
#include "english/words.hpp"

namespace loquor::english {
namespace {

bool stands_behind(const Match& match, char c) { return starts_with(behind(match), std::string_view(&c, 1)); }

bool ends_with_any(std::string_view text, std::initializer_list<std::string_view> ends) {
  return std::any_of(ends.begin(), ends.end(), [text](std::string_view end) { return ends_with(text, end); });
}

// Said otherwise than it is written.
bool is_spoken(std::string_view word) {
  const Entry* spoken = kSpoken.find(word);
  return spoken != nullptr && spoken->value != word;
}

// A word of a text in capitals.
std::string lowered_word(const Match& match) {
  const std::string_view word = match[1];
  if (word == "US") {
    const std::string_view near = before(match, 4);
    return stripped(near).empty() || near == "THE " ? "US" : "us";
  }
  if (word.size() == 1 && (word != "A" || stands_behind(match, '.'))) return std::string(word);
  if (is_spoken(word)) return std::string(word);
  return word.size() == 1 || !in_capitals(word) || is_said_as_word(word) ? lowered(word) : std::string(word);
}

bool has_two_capitals(std::string_view text) {
  return std::adjacent_find(text.begin(), text.end(),
                            [](char a, char b) { return is_capital(a) && is_capital(b); }) != text.end();
}

bool is_word_here(std::string_view capitals, const Match& match) {
  const std::string_view near = before(match, 8);
  if (capitals == "WHO" && ends_with_any(near, {"the ", "The "})) return false;
  if (capitals == "IT") {
    return !ends_with_any(near, {"the ", "The ", "an ", "our ", "your ", "their ", "my "}) &&
           !is_followed(match, kItWork);
  }
  if (capitals == "AM") return ends_with(near, "I ") || starts_with(behind(match), " I");
  return is_said_as_word(capitals);
}

}  // namespace

std::string lower_if_shouted(std::string_view text) {
  if (!has_two_capitals(text)) return std::string(text);
  std::size_t words = 0, shouted = 0, plain = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    while (at < text.size() && is_letter(text[at])) ++at;
    const std::string_view word = text.substr(start, at - start);
    if (word.empty()) ++at;
    if (word.size() < 2) continue;
    ++words;
    if (!in_capitals(word)) continue;
    ++shouted;
    plain += is_said_as_word(word) && !kSpoken.has(word);
  }
  // of a row of initialisms, few are words
  if (shouted < 3 || 10 * shouted < 6 * words || 2 * plain < shouted) return std::string(text);
  return kWordWithEnding.replaced(
      text, [](const Match& match) { return cat(lowered_word(match), lowered(match[2])); });
}

std::string lower_shouted_lines(std::string_view text) {
  if (!contains(text, "\n")) return std::string(text);
  const std::vector<std::string_view> lines = split(text, '\n');
  std::string all;
  for (std::size_t place = 0; place < lines.size(); ++place) {
    const std::string_view line = lines[place];
    if (place != 0) all += '\n';
    all += lower_if_shouted(line);
    if (place + 1 == lines.size() || !in_capitals(line)) continue;
    const std::string_view following = stripped(lines[place + 1]);
    if (!following.empty() && is_letter(following[0]) && !in_capitals(following) &&
        is_alphanumeric(stripped(line).back())) {
      all += ',';
    }
  }
  return all;
}

std::string initials_and_initials(const Match& match) {
  return cat(spell_letters(match[1]), " and ", spell_letters(match[2]));
}

std::string capitals(const Match& match) {
  const std::string_view capitals = match[1], ending = match[2];
  if (is_spoken(capitals)) return cat(kSpoken[capitals], ending);
  if (ending != "s" && is_word_here(capitals, match)) return std::string(match[0]);
  if (ending == "s" && is_said_as_word(capitals) && !kShortWords.has(capitals) && capitals != "CD") {
    return cat(capitals, ending);
  }
  const std::string spelled = spell_letters(capitals);
  if (ending != "s") return cat(spelled, ending);
  const std::size_t last = spelled.rfind(' ') + 1;
  const std::string_view letter = std::string_view(spelled).substr(last);
  if (letter == "ay" || letter == "why") return cat(spelled, "s");
  return cat(std::string_view(spelled).substr(0, last), plural(letter));
}

// A capital alone: its name; the stop of an initial goes, that of a sentence stays.
std::string capital_alone(const Match& match) {
  const std::string_view letter = match[1];
  const bool is_word = letter == "A" || letter == "I";
  if (match[2].empty()) return is_word ? std::string(match[0]) : spell_letters(letter);
  Match following;
  bool is_initial = false;
  if (kWordAfter.matches_at(match.text(), following, match.end())) {
    const std::string_view word = following[1];
    is_initial = !kStarters.has(word) && ((word != "I" && word != "A") || stands_behind(following, '.'));
  }
  if (!is_word) return cat(spell_letters(letter), is_initial ? "" : ".");
  return is_initial && kInitialBefore.search(before(match, 16)) ? spell_letters(letter)
                                                                : std::string(match[0]);
}

std::string letters_with_stops(const Match& match) {
  const std::string spelled = spell_letters(cat(without(match[1], "."), match[2]));
  if (match.has(3)) return cat(" ", spelled, match[3] == "-" ? " " : "");
  bool stop = false;
  if (match[2].empty()) {
    Match following;
    stop = is_followed(match, kEndsText) || (kWordAfter.matches_at(match.text(), following, match.end()) &&
                                             kStarters.has(following[1]) && in_capitals(match[1]));
  }
  return cat(" ", spelled, stop ? "." : " ");
}

// "b-but" is said once.
std::string stammer(const Match& match) {
  const std::string_view sound = match[1];
  std::string word(match[2]);
  if (kLimbs.has(cat(sound, "-", word)) || (sound.size() == 1 && word.size() < 2 && word != "I")) {
    return std::string(match[0]);
  }
  if (is_capital(sound[0])) word[0] = capital(word[0]);
  return word;
}

}  // namespace loquor::english
