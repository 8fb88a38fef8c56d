// A word with a full stop that may be none: readers that decide by what stands beside it.
#include "english/stops.hpp"

#include <optional>

#include "english/programs.hpp"
#include "english/strings.hpp"
#include "english/words.hpp"

namespace loquor::english {
namespace {

using Read = std::optional<std::string>;

struct Word {
  const Match& match;
  std::string_view word;
  std::string low;

  bool is(std::initializer_list<std::string_view> of) const {
    return std::find(of.begin(), of.end(), low) != of.end();
  }
  bool is_written(std::initializer_list<std::string_view> of) const {
    return std::find(of.begin(), of.end(), word) != of.end();
  }
};

std::string_view last_word(std::string_view text) {
  const auto words = words_of(text);
  return words.empty() ? std::string_view() : words.back();
}

std::string_view word_before(const Match& match) {
  const std::string_view near = near_before(match);
  const bool none =
      !ends_with(near, " ") || ends_with(near, ". ") || ends_with(near, "! ") || ends_with(near, "? ");
  return none ? std::string_view() : last_word(near);
}

std::string with_stop(std::string_view words, bool stop) { return cat(words, stop ? "." : ""); }

// --- Titles, days, months ---

bool is_street(const Match& match, std::string_view low) {
  const std::string_view near = near_before(match);
  if (!kHouse.search(near) || kBeforeTitle.search(near)) return false;
  if (!is_followed(match, kNextCapital) || starts_sentence(match))
    return !kStarters.has(last_word(near).empty() ? std::string_view() : last_word(near));
  // "7 Elm St. John": a house number makes a street even before a name
  return kHouseNumber.search(near) && low == "st" && !kStreetAhead.matches_at(behind(match).substr(0, kNear));
}

Read read_title(const Word& of) {
  if (!kTitles.has(of.low)) return {};
  if (of.is({"st", "dr"}) && is_capital(of.word[0]) && is_street(of.match, of.low))
    return with_stop(of.low == "st" ? "street" : "drive", starts_sentence(of.match));
  if (of.low == "st") return is_followed(of.match, kStopBeforeName) ? "Saint " : "street";
  return like(of.word, kTitles[of.low]) + " ";
}

Read read_weekday(const Word& of) {
  if (!kWeekdays.has(of.word)) return {};
  if (of.is_written({"Sat", "Sun", "Wed"}) && !is_followed(of.match, kDayAhead) &&
      !kDayBefore.search(near_before(of.match)))
    return {};
  return with_stop(kWeekdays[of.word], starts_sentence(of.match));
}

Read read_month(const Word& of) {
  if (!kMonthAbbreviations.has(of.low)) return {};
  if (in_small_letters(of.word) && of.is({"mar", "apr", "jun", "jul", "sep"})) return {};
  return with_stop(capitalized(kMonthAbbreviations[of.low]),
                   starts_sentence(of.match) && !all_digits(word_before(of.match)));
}

// A book of the Bible, before chapter and verse, or behind its own number.
Read read_book(const Word& of) {
  const std::string_view book = kBibleBooks[of.word];
  if (book.empty() || book == of.word) return {};
  const bool is_numbered = kNumberOfBook.search(before(of.match, 6));
  if (is_followed(of.match, kVerseAhead) || (is_numbered && is_followed(of.match, kStopBeforeNumber)))
    return std::string(book);
  return {};
}

Read read_state(const Word& of) {
  if (!kStates.has(of.word)) return {};
  const std::string_view near = near_before(of.match);
  const bool behind_town = kBehindTown.search(near);
  if (!behind_town && !kSureStates.has(of.word) && !kBehindParty.search(near)) return {};
  return with_stop(kStates[of.word], behind_town && starts_sentence(of.match));
}

// --- Years and numbers ---

Read read_before_year(const Word& of) {
  if (!kBeforeYears.has(of.word) || !is_followed(of.match, kYearAhead)) return {};
  if (lowered(word_before(of.match)) == "vitamin") return {};
  if (of.is_written({"b", "d", "r", "m", "fl"}) && !kInBrackets.search(near_before(of.match))) return {};
  return cat(kBeforeYears[of.word], " ");
}

bool takes_number(const Word& of) {
  const std::string_view near = near_before(of.match);
  const std::string last = lowered(word_before(of.match));
  const std::string_view word = stripped(last, "\"'(");
  const std::string_view written = right_stripped(near, kSpaces);
  if (written.empty() || contains("([,;:-/", written.substr(written.size() - 1))) return true;
  if (of.low == "no") return !kBeforeNo.has(word) && !is_followed(of.match, kManyAhead);
  if (of.low == "c") {
    const bool is_letter =
        word == "vitamin" || word == "in" || word == "and" || word == "of" || word == "key";
    return !is_letter || is_followed(of.match, kYearAhead);
  }
  if (of.low == "p") return true;
  if (of.low == "ed") return kBehindOrdinal.search(near);
  if (of.is({"ca", "max", "min", "est", "pop", "sec", "secs", "fig", "figs", "apt", "op", "pt"}))
    return !kBeforeNouns.has(word);
  if (of.is({"art", "arts"}) && is_followed(of.match, kOfALaw)) return true;
  return kNoteWords.has(word) ||
         (!word.empty() && (contains(",;:", word.substr(word.size() - 1)) || is_digit(word.back())));
}

// "fig. 3", "No. 9"; but "I said no. 3 men left" and "vitamin C. 5 mg" are the ends of sentences.
Read read_before_number(const Word& of) {
  if (!kBeforeNumbers.has(of.low)) return {};
  const bool is_ahead =
      is_followed(of.match, kStopBeforeNumber) ||
      (of.is({"eq", "eqs", "fig", "figs", "sec", "no"}) && is_followed(of.match, kBracketedNumber));
  if (!is_ahead) return {};
  const bool has_capital = is_capital(of.word[0]);
  if (has_capital &&
      (of.low.size() == 1 || (of.low == "ed" && !kBehindOrdinal.search(near_before(of.match)))))
    return {};
  if (!has_capital && kWordsToo.has(of.low) && !takes_number(of)) return {};
  if (has_capital && of.is({"ca", "c", "approx"})) return {};
  return cat(kBeforeNumbers[of.low], " ");
}

// A unit behind a number: "300 sq. ft.", "10 in. wide", "7th c.".
Read read_unit(const Word& of) {
  const Entry* const unit = kUnitsWithStop.find(of.low);
  if (unit == nullptr) return {};
  const std::string_view near = near_before(of.match);
  if (of.is({"c", "cent", "ed", "edn"})) {
    if (!kBehindOrdinal.search(near)) return {};
    return with_stop(unit->value, starts_sentence(of.match));
  }
  if (of.is({"sq", "cu"})) {
    if (!kBeforeSquare.search(near) && !is_followed(of.match, kSquareOfUnit)) return {};
    return cat(unit->value, " ");
  }
  Match found;
  if (!kBeforeUnit.search(near, found)) return {};
  if (of.low == "in" && !starts_sentence(of.match) && kNoInches.matches_at(behind(of.match).substr(0, 8)))
    return {};
  const bool is_one = found[1] == "1" || found[2] == "-";
  return with_stop(is_one ? unit->value : unit->many, starts_sentence(of.match));
}

// --- Names and others ---

Read read_general(const Word& of) {
  const Entry* const known = kAbbreviations.find(of.low);
  if (known == nullptr || (of.low == "hon" && is_small(of.word[0]))) return {};
  bool ends = is_followed(of.match, kEndsText);
  if (!ends && of.is({"etc", "et al", "yrs", "hrs", "mins", "lbs", "mts", "mtg", "bldg", "ph.d", "mgr"}))
    ends = of.is({"etc", "et al"}) ? is_followed(of.match, kNextCapital) : starts_sentence(of.match);
  return with_stop(known->value, ends);
}

Read read_before_name(const Word& of) {
  if (!kBeforeNames.has(of.word) || !is_followed(of.match, kStopBeforeName)) return {};
  const std::string_view near = near_before(of.match);
  if (of.word == "Sr" && kBeforeSenior.search(near)) return {};
  if (of.is_written({"Ft", "Bp", "Spc", "Det", "Pres", "Amb", "Fr"}) && kBehindNumber.search(near)) return {};
  return like(of.word, kBeforeNames[of.word]) + " ";
}

Read read_after_name(const Word& of) {
  if (!kAfterNames.has(of.word) || !kBehindName.search(before(of.match, 3))) return {};
  const std::string_view words = kAfterNames[of.word];
  if (is_followed(of.match, kEndsText)) return cat(words, ".");
  Match following;
  if (!kNextCapital.matches_at(of.match.text(), following, of.match.end())) return std::string(words);
  return cat(words, kStarters.has(following[1]) ? "." : ",");
}

constexpr Read (*kReaders[])(const Word&) = {
    read_book, read_title,         read_weekday,     read_month,      read_state,   read_before_year,
    read_unit, read_before_number, read_before_name, read_after_name, read_general,
};

}  // namespace

std::string_view near_before(const Match& match) { return before(match, kNear); }

bool starts_sentence(const Match& match) {
  if (is_followed(match, kEndsText)) return true;
  Match following;
  return kNextCapital.matches_at(match.text(), following, match.end()) &&
         (kStarters.has(following[1]) || following[1] == "I" || following[1] == "A");
}

std::string like(std::string_view written, std::string_view words) {
  std::string out(words);
  if (is_capital(written[0])) out[0] = capital(out[0]);
  return out;
}

// Any word with a full stop: what it is short for, or itself.
std::string stopped(const Match& match) {
  const Word of{match, match[1], lowered(match[1])};
  if (kWithStop.has(of.low)) {
    for (const auto read : kReaders) {
      if (Read words = read(of)) return *words;
    }
  }
  return std::string(match[0]);
}

}  // namespace loquor::english
