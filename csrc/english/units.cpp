// What the rules for units, temperatures and fractions write.
#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "english/numbers.hpp"
#include "english/programs.hpp"
#include "english/quantities.hpp"
#include "english/strings.hpp"
#include "english/words.hpp"

namespace loquor::english {
namespace {

constexpr std::string_view kSingleCapitals = "VWAL";

bool follows_article(const Match& match) { return kArticle.search(before(match, 12)); }

bool is_one(const Match& match, std::string_view amount, char joint, std::string_view unit) {
  if (amount == "1" || joint == '-') return true;
  if (joint != unit[0] && !is_followed(match, kNounAhead)) return false;
  if (!follows_article(match)) return false;
  return is_followed(match, kNounAhead) ||
         (joint == unit[0] && all_letters(stripped(behind(match).substr(0, 2))));
}

// A capital behind a number is a letter in "Gate 4 W" and in "the 7 V. Smith club".
bool is_name(const Match& match) {
  return kLabel.search(before(match, 16)) || kInitial.matches_at(match.text(), match.end(2)) ||
         kCapitalAhead.matches_at(match.text(), match.end(2)) || kCapitalBefore.search(before(match, 2));
}

std::string_view power_of(std::string_view power) {
  return power.empty() ? "" : power == "2" ? "square " : "cubic ";
}

// The stop behind a unit, if a sentence ends there.
std::string_view kept(std::string_view stop, const Match& match) {
  return !stop.empty() && is_followed(match, kEnds) ? stop : std::string_view();
}

// "3/4ths" -> "three fourths".
std::string parts(std::string_view top, int64_t bottom) {
  const bool one = value_of(top) == 1;
  if (bottom == 2) return cat(cardinal(top), one ? " half" : " halves");
  return cat(cardinal(top), " ", bottom == 1 ? "first" : ordinal(bottom), one ? "" : "s");
}

bool is_said_as_pair(std::string_view top, std::string_view bottom) {
  struct Pair {
    std::string_view top, bottom;
  };
  constexpr Pair kPairs[] = {{"24", "7"}, {"9", "11"}, {"7", "11"}, {"50", "50"}, {"20", "20"}, {"60", "40"}};
  return std::any_of(std::begin(kPairs), std::end(kPairs),
                     [&](const Pair& pair) { return pair.top == top && pair.bottom == bottom; });
}

bool is_rating(const Match& match, std::string_view top, std::string_view bottom) {
  if (bottom.size() > 3 || top.size() > 3) return false;
  const int64_t most = value_of(bottom);
  if (value_of(top) > most + 1 || most < 5) return false;
  Match ahead;
  const bool rated = kRatedAhead.matches_at(match.text(), ahead, match.end());
  if (most == 5 && !rated && follows_article(match)) return false;
  if (most == 5 || most == 10 || most == 100) return rated || kRatedBefore.search(before(match, 16));
  constexpr std::string_view kCounted[] = {"right",     "correct", "wrong",  "points",
                                           "questions", "votes",   "people", "times"};
  return rated && std::count(std::begin(kCounted), std::end(kCounted), stripped(ahead[0])) != 0;
}

bool has_nice_denominator(int64_t bottom) {
  return (bottom >= 2 && bottom <= 10) || bottom == 12 || bottom == 16 || bottom == 20 || bottom == 32 ||
         bottom == 64 || bottom == 100;
}

}  // namespace

std::string unit(const Match& match) {
  const std::string_view amount = match[1], unit = match[2], stop = match[5];
  const char joint = match[0][amount.size()];
  const std::string whole(match[0]);
  if (unit.size() == 1 && contains(kSingleCapitals, unit) && joint != unit[0] && is_name(match)) return whole;
  const Entry& names = *kUnits.find(unit);
  if (unit == "s" && joint == 's') return cat(" ", plural(number(amount)), stop, " ");  // "the B-52s"
  if (unit == "mm" && joint == ' ' && kSignBefore.search(before(match, 12))) return whole;
  const std::string_view words = is_one(match, amount, joint, unit) ? names.value : names.many;
  return cat(" ", number(amount), " ", power_of(match[3]), words, per(match[4]), kept(stop, match), " ");
}

std::string degrees(const Match& match) {
  const std::string_view scale = match[2] == "C" ? " Celsius" : match[2] == "F" ? " Fahrenheit" : "";
  return cat(" ", number(match[1]), match[1] == "1" ? " degree" : " degrees", scale, " ");
}

std::string fraction_in_words(const Match& match) {
  const std::string_view whole = match[1], top = match[2], bottom = match[3];
  const std::string amount = whole.empty() ? std::string() : number(whole);
  const int64_t above = value_of(top), below = value_of(bottom);
  if (!match[4].empty()) return cat(" ", amount, whole.empty() ? "" : " and ", parts(top, below), " ");
  if (whole.empty() && is_said_as_pair(top, bottom)) return cat(" ", number(top), " ", number(bottom), " ");
  if (whole.empty() && is_rating(match, top, bottom)) {
    return cat(" ", number(top), " out of ", number(bottom), " ");
  }
  const bool proper =
      top.size() < 4 && bottom.size() < 4 && has_nice_denominator(below) && above > 0 && above < below;
  if (!proper) return cat(" ", amount, " ", number(top), " over ", number(bottom), " ");
  const std::string words = fraction(above, below);
  if (whole.empty()) return cat(" ", words, " ");
  if (top != "1") return cat(" ", amount, " and ", words, " ");
  return cat(" ", amount, words[4] == 'e' ? " and an" : " and a", std::string_view(words).substr(3), " ");
}

// "1/2 tsp" -> "1/2 teaspoon", "2 1/2 lb" -> "2 1/2 pounds".
std::string unit_of_part(const Match& match) {
  const std::string_view part = match[1];
  const std::size_t space = part.find(' ');
  const bool mixed = space != std::string_view::npos;
  const auto [top, bottom] = partition(mixed ? part.substr(space + 1) : part, '/');
  const bool many = match[2] != "-" && (mixed || value_of(top) > value_of(bottom));
  const Entry& names = *kUnits.find(match[3]);
  return cat(part, " ", many ? names.many : names.value, kept(match[4], match));
}

std::string feet_and_inches(const Match& match) {
  return cat(" ", number(match[1]), match[1] == "1" ? " foot " : " feet ", number(match[2]),
             match[2] == "1" ? " inch " : " inches ");
}

// 'a 24" monitor'; where it ends in a quotation, the mark may be its end.
std::string inch_mark(const Match& match) {
  const std::string_view near = before(match, 400);
  if (std::count(near.begin(), near.end(), '"') % 2 != 0 && (match[3].empty() || near.back() == '"')) {
    return std::string(match[0]);
  }
  const bool one = match[1] == "1" || (!match[3].empty() && !is_followed(match, kExtent));
  return cat(" ", contains(match[1], "/") ? std::string(match[1]) : number(match[1]),
             one ? " inch " : " inches ");
}

std::string feet(const Match& match) {
  return cat(" ", number(match[1]), match[1] == "1" ? " foot " : " feet ");
}

// "10' by 12'".
std::string feet_by(const Match& match) { return cat(match[match.has(1) ? 1 : 2], " feet"); }

std::string inches_to_a_power(const Match& match) {
  return cat(" ", number(match[1]), " ", power_of(match[2]), "inches ");
}

std::string thousands_and_more(const Match& match) {
  if (match[2] == "M" && is_name(match)) return std::string(match[0]);
  return cat(" ", number(match[1]), " ", kScales[match[2]], " ");
}

std::string rate(const Match& match) { return cat(" ", number(match[1]), per(match[2]), " "); }

std::string unit_and_rate(const Match& match) { return cat(kUnits.find(match[1])->many, per(match[2])); }

}  // namespace loquor::english
