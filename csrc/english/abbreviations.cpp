// What is written short: states, verses, streets, small Roman numbers.
#include "english/numbers.hpp"
#include "english/programs.hpp"
#include "english/stops.hpp"
#include "english/strings.hpp"
#include "english/words.hpp"

namespace loquor::english {
namespace {

std::string_view state_of(std::string_view place) {
  const std::string_view state = kStates[place].empty() ? kPostalCodes[place] : kStates[place];
  if (!state.empty()) return state;
  const Entry* const end = kPostalCodes.entries + kPostalCodes.count;
  const bool is_name =
      std::any_of(kPostalCodes.entries, end, [place](const Entry& entry) { return entry.value == place; });
  return is_name ? place : std::string_view();
}

}  // namespace

std::string postal(const Match& match) {
  const std::string_view town = match[1], code = match[2], zip_code = match[3];
  if (kNoTowns.has(town)) return std::string(match[0]);
  if (kPostalWords.has(code) && zip_code.empty() && !kCities.has(town)) return std::string(match[0]);
  const std::string spoken = zip_code.empty() ? "" : " " + digit_words(stripped(zip_code));
  return cat(town, ", ", kPostalCodes[code], spoken);
}

// "(D-Ohio)".
std::string party(const Match& match) {
  const std::string_view state = state_of(right_stripped(match[3], "."));
  if (state.empty()) return std::string(match[0]);
  const char letter = match[2][0];
  const std::string_view party = letter == 'D' ? "Democrat" : letter == 'R' ? "Republican" : "Independent";
  return cat(match[1], party, ", ", state);
}

std::string verse(const Match& match) {
  const Entry* const book = kBibleBooks.find(match[1]);
  if (book == nullptr) return std::string(match[0]);
  const std::string last = match.has(4) ? cat(" to ", match[4]) : "";
  return cat(book->value, " ", match[2], match.has(4) ? ", " : " ", match[3], last);
}

// "300 sq. ft." -> "300 square feet".
std::string square(const Match& match) {
  const Entry* const unit = kUnits.find(match[2]);
  const bool is_one = kOneBefore.search(near_before(match));
  const std::string_view words = unit == nullptr ? (is_one ? "inch" : "inches")
                                 : is_one        ? unit->value
                                                 : unit->many;
  const bool stop = !match[3].empty() && starts_sentence(match);
  return cat(kUnitsWithStop[match[1]], " ", words, stop ? "." : "");
}

// "et al." and "op. cit.", with the stop of a sentence that ends there.
std::string latin(const Match& match) {
  const bool ended = is_followed(match, kEndsText) || is_followed(match, kNextCapital);
  const std::string words = without(match[1], ".");
  const std::string said = lowered(words) == "et al" ? like(words, "and others") : words;
  return cat(said, ended ? "." : "");
}

// "Lt. Col. Hill".
std::string ranks(const Match& match) {
  return cat(like("A", kBeforeNames[match[1]]), " ", like("A", kBeforeNames[match[2]]), " ");
}

// "page iv", "pp. ii-ix".
std::string small_roman(const Match& match) {
  const std::string_view first = kSmallRomans[match[2]], last = kSmallRomans[match[3]];
  if (first.empty() || (match.has(3) && last.empty())) return std::string(match[0]);
  return cat(match[1], " ", first, match.has(3) ? " to " : "", last);
}

std::string title(const Match& match) { return like(match[1], kTitles[lowered(match[1])]); }

std::string street(const Match& match) { return std::string(kStreets[match[1]]); }

}  // namespace loquor::english
