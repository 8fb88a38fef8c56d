// Marks between words: dots in a row, dashes, slashes; and what is left.
#include "english/marks.hpp"

#include "english/letters.hpp"
#include "english/programs.hpp"
#include "english/strings.hpp"
#include "english/words.hpp"

namespace loquor::english {
namespace {

constexpr std::size_t kRemark = 60;

std::string_view weekday(std::string_view written) {
  const Entry* const day = kWeekdays.find(written);
  return day == nullptr ? written : day->value;
}

// Whether what one number counts is less than the other, of any length: no sign, no point.
bool is_less(std::string_view one, std::string_view other) {
  one = left_stripped(one, "0");
  other = left_stripped(other, "0");
  return one.size() != other.size() ? one.size() < other.size() : one < other;
}

}  // namespace

// An ellipsis: a pause in a sentence that goes on, its end before a capital.
std::string dots(const Match& match) {
  if (match.start() > 0 && contains("?!", match.text().substr(match.start() - 1, 1))) return " ";
  return is_followed(match, kAfterDots) ? ", " : ". ";
}

std::string weekdays(const Match& match) { return cat(weekday(match[1]), " to ", weekday(match[2])); }

// Between two numbers: "to", but a pause where it opens or closes a remark.
std::string dash(const Match& match) {
  const std::string_view low = match[1], high = match[2];
  if (is_followed(match, kDashOfEquation)) return cat(low, " minus ", high);
  const bool is_remark =
      is_followed(match, kDashOfRemark) || kDashInRemark.search(before(match, kRemark)) ||
      (all_digits(low) && all_digits(high) && is_less(high, low) && is_followed(match, kDashBeforeCounted));
  return cat(low, is_remark ? ", " : " to ", high);
}

std::string slang(const Match& match) { return std::string(kSlang[lowered(match[1])]); }

std::string letters_with_slashes(const Match& match) {
  return spell_letters(cat(match[1], match[2], match[3]));
}

std::string words_with_slash(const Match& match) {
  const std::string_view first = match[1], second = match[2];
  const std::string low = lowered(first), other = lowered(second);
  if (low == "either" && other == "or") return cat(first, " ", second);
  if (kOrPairs.has(low) && kOrPairs.has(other))
    return cat(first, is_followed(match, kOfBoth) ? " " : " or ", second);
  return cat(first, in_capitals(first) && in_capitals(second) ? " " : ", ", second);
}

namespace {

struct Tidied {
  std::string_view needed;  // one of them, or none
  const Pattern& pattern;
  std::string_view written;
};
const Tidied kTidied[] = {
    {"(", kPluralInBrackets, "\1"}, {")", kBracketBeforeMark, ""}, {"()", kBracket, ", "},
    {"'", kSpacedGenitive, "'s"},   {"", kWithoutSound, " "},      {"'", kLooseApostrophe, " "},
    {"-", kLooseHyphen, ", "},
};
const Tidied kMarks[] = {
    {"", kMarksBehindPause, "\1"},
    {"", kMarksBehindStop, "\1"},
    {"", kMarkBeforeLetter, "\1 "},
};

std::string tidied(std::string text, const Tidied& by) {
  if (!by.needed.empty() && text.find_first_of(by.needed) == std::string::npos) return text;
  return by.pattern.replaced(text, [&by](const Match& match) { return filled(by.written, match); });
}

// One space between words, and none before a mark.
std::string spaced(std::string_view text) {
  std::string out;
  for (const std::string_view word : words_of(text)) {
    if (!out.empty() && !contains(",.?!;:", word.substr(0, 1))) out += ' ';
    out += word;
  }
  return out;
}

}  // namespace

std::string tidy(std::string text) {
  if (!kUntidy.search(text)) return text;
  for (const Tidied& each : kTidied) text = tidied(std::move(text), each);
  text = spaced(text);
  if (!kUntidy.search(text)) return text;
  for (const Tidied& each : kMarks) text = tidied(std::move(text), each);
  return std::string(left_stripped(stripped(text), " ,;:.-"));
}

}  // namespace loquor::english
