// What the rules for dates, times of day, durations and years write.
#include <string>
#include <string_view>

#include "english/numbers.hpp"
#include "english/programs.hpp"
#include "english/strings.hpp"
#include "english/words.hpp"

namespace loquor::english {
namespace {

constexpr std::string_view kMonths[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};

std::string whole(const Match& match) { return std::string(match[0]); }

std::string month_of(std::string_view written) {
  const std::string name = lowered(right_stripped(written, "."));
  const std::string_view full = kMonthAbbreviations[name];
  return capitalized(full.empty() ? name : full);
}

// That of nothing is one too.
bool is_day(std::string_view day) { return day.empty() || (value_of(day) >= 1 && value_of(day) <= 31); }

bool is_date(std::string_view month, std::string_view day) {
  return value_of(month) >= 1 && value_of(month) <= 12 && is_day(day);
}

std::string spoken_day(std::string_view month, std::string_view day) {
  return cat(kMonths[value_of(month) - 1], " ", ordinal(day));
}

std::string through(std::string_view last) {
  return last.empty() ? std::string() : cat(" to ", ordinal(last));
}

std::string date_or(const Match& match, std::string_view full, std::string_view month, std::string_view day) {
  if (!is_date(month, day)) return whole(match);
  const int64_t written = value_of(full);
  const int64_t century = full.size() != 2 ? 0 : written < 50 ? 2000 : 1900;
  return cat(" ", spoken_day(month, day), ", ", year(century + written), " ");
}

// Whether a word before asks for a date: "on 5/6", not "over 5/6".
bool asks_for_date(const Match& match) {
  const std::string_view near = before(match, 12);
  if (near.size() < 2) return false;
  const char last = near[near.size() - 2];
  return (is_letter(last) || last == ',') && kAsksForDate.search(near);
}

std::string two_digits(std::string_view text) {
  return text[0] == '0' ? cat("oh ", cardinal(text)) : cardinal(text);
}

std::string counted(std::string_view count, std::string_view unit) {
  return cat(cardinal(count), " ", unit, value_of(count) == 1 ? "" : "s");
}

}  // namespace

std::string weekday(const Match& match) { return std::string(kWeekdays[match[1]]); }

std::string month_name(const Match& match) { return month_of(match[0]); }

std::string month_day(const Match& match) {
  const std::string_view first = match[2], last = match[4];
  if (!is_day(first) || !is_day(last)) return whole(match);
  return cat(month_of(match[1]), " ", ordinal(first), through(last), " ");
}

std::string across_months(const Match& match) {
  const std::string_view first = match[2], last = match[5];
  if (!is_day(first) || !is_day(last)) return whole(match);
  return cat(month_of(match[1]), " ", ordinal(first), " to ", month_of(match[4]), " ", ordinal(last), " ");
}

std::string lower_month_day(const Match& match) {
  return is_day(match[2]) ? cat(match[1], " ", ordinal(match[2]), " ") : whole(match);
}

std::string day_month(const Match& match) {
  const std::string_view first = match[1], last = match[3];
  if (!is_day(first) || !is_day(last)) return whole(match);
  return cat("the ", ordinal(first), through(last), " of ", month_of(match[5]));
}

std::string iso_date(const Match& match) { return date_or(match, match[1], match[3], match[4]); }

std::string date_with_slashes(const Match& match) {
  const bool month_first = value_of(match[1]) <= 12;
  return date_or(match, match[4], match[month_first ? 1 : 3], match[month_first ? 3 : 1]);
}

// "05.06.2019": the day comes first where a date is written with full stops.
std::string date_with_stops(const Match& match) { return date_or(match, match[3], match[2], match[1]); }

std::string hours_minutes_seconds(const Match& match) {
  constexpr std::string_view kUnitsOfTime[] = {"hour", "minute", "second"};
  std::string words = " ";
  for (std::size_t part = 0; part < 3; ++part) {
    if (!match[part + 1].empty()) words += cat(counted(match[part + 1], kUnitsOfTime[part]), " ");
  }
  return words;
}

std::string short_date(const Match& match) {
  if (!asks_for_date(match) || !is_date(match[1], match[2])) return whole(match);
  return cat(spoken_day(match[1], match[2]), " ");
}

std::string short_dates(const Match& match) {
  if (!asks_for_date(match) || !is_date(match[1], match[2]) || !is_date(match[4], match[5]))
    return whole(match);
  const std::string_view between = stripped(match[3]);
  return cat(spoken_day(match[1], match[2]), " ", between == "-" ? "to" : between, " ",
             spoken_day(match[4], match[5]), " ");
}

std::string month_and_year(const Match& match) {
  const int64_t month = value_of(match[1]);
  if (month < 1 || month > 12) return whole(match);
  return cat(" ", kMonths[month - 1], " ", year(value_of(match[2])), " ");
}

std::string time_of_day(const Match& match) {
  const int64_t hours = value_of(match[1]), minutes = value_of(match[2]);
  const std::string_view seconds = match[3], part = match[4];
  if (minutes > 59 || (hours > 24 && part.empty())) return whole(match);
  if (!part.empty() && !seconds.empty()) return duration(match);
  if (!part.empty()) {  // a duration: "17:08.4"
    return cat(" ", cardinal(hours), " ", two_digits(match[2]), " point ", digit_words(part), " ");
  }
  std::string words = hours == 0 && minutes == 0   ? "zero hundred"
                      : hours > 12 && minutes == 0 ? cardinal(hours) + " hundred"
                                                   : clock(hours, minutes);
  if (!seconds.empty()) words += cat(" and ", counted(seconds, "second"));
  return cat(" ", words, " ");
}

// "3:02:41": hours that are no time of day, or minutes above a day's.
std::string duration(const Match& match) {
  const std::string_view seconds = match[3], part = match[4];
  std::string words = cat(" ", cardinal(match[1]), " ", two_digits(match[2]));
  if (!seconds.empty()) words += cat(" ", two_digits(seconds));
  if (!part.empty()) words += cat(" point ", digit_words(part));
  return words += ' ';
}

std::string half_of_day(const Match& match) {
  const std::string_view words = match[1] == "a" || match[1] == "A" ? " ay em" : " pee em";
  if (match[2].empty()) return cat(words, " ");
  if (is_followed(match, kQuotesAtEnd)) return cat(words, ".");
  Match following;
  if (!kSpacedCapital.matches_at(match.text(), following, match.end())) return cat(words, " ");
  const std::string_view next = following[1];
  return cat(words, kStarters.has(next) || next == "I" || next == "A" ? "." : ",");
}

std::string years_apart(const Match& match) {
  const std::string_view last = match[2];
  return cat(" ", year(value_of(match[1])), " to ",
             last.size() == 4 ? year(value_of(last)) : two_digits(last), " ");
}

// "the 1990s", "the 60's": many years; but "2020's first month" and "1990's best film" are one.
std::string years_of_decade(const Match& match) {
  if (!match[3].empty() && match[1].empty() && !kOfMany.search(before(match, 12))) return whole(match);
  return cat(" ", decade(value_of(match[2])), " ");
}

std::string old_year(const Match& match) {
  const std::string_view digits = match[1];
  if (digits.substr(2) == "00" || !kInYear.search(before(match, 8))) return whole(match);
  return cat(cardinal(digits.substr(0, 2)), " ", two_digits(digits.substr(2)), " ");
}

std::string clock_with_point(const Match& match) {
  return cat(" ", clock(value_of(match[1]), value_of(match[2])), match[3][0] == 'a' ? " ay em " : " pee em ");
}

std::string year_alone(const Match& match) { return cat(" ", year(value_of(match[1])), " "); }

}  // namespace loquor::english
