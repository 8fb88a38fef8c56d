// What the rules for money write.
#include <string>
#include <string_view>

#include "english/numbers.hpp"
#include "english/programs.hpp"
#include "english/quantities.hpp"
#include "english/strings.hpp"
#include "english/words.hpp"

namespace loquor::english {
namespace {

// "a $15 haircut": one dollar, whatever the number.
bool is_adjective(const Match& match) {
  if (is_followed(match, kNounOfMoney)) return true;
  return is_followed(match, kNounAhead) && kDeterminer.search(before(match, 12));
}

std::string amount_in_words(std::string_view amount, std::string_view scale, const Entry& currency,
                            bool one) {
  const std::string_view unit = currency.value, small = currency.many;
  if (scale.empty()) {
    const std::string plain = without(amount, ",");
    const auto [whole, cents] = partition(plain, '.');
    if (whole.size() < 16 && (cents.empty() || cents.size() == 2))
      return money(whole, cents, unit, small, one);
    return cat(number(amount), " ", one ? std::string(unit) : unit_plural(unit));
  }
  const Entry* known = kScales.find(scale);
  return cat(number(amount), " ", known ? known->value : scale, " ",
             one ? std::string(unit) : unit_plural(unit));
}

}  // namespace

std::string per(std::string_view rate) { return rate.empty() ? std::string() : cat(" per ", kRates[rate]); }

std::string amount_of_money(const Match& match) {
  const std::string_view low = match[2], high = match[3], scale = match[4];
  const Entry& currency = *kCurrencies.find(match[1]);
  const bool one = is_adjective(match);
  if (high.empty()) return cat(" ", amount_in_words(low, scale, currency, one), per(match[5]), " ");
  const std::string plain = without(low, ",");
  const auto [whole, cents] = partition(plain, '.');
  const bool exact = cents.size() == 2 && scale.empty();
  return cat(" ", exact ? money(whole, cents, currency.value, currency.many) : number(low), " to ",
             amount_in_words(high, scale, currency, one), per(match[5]), " ");
}

std::string shillings(const Match& match) {
  const std::string_view pounds = match[1], shillings = match[2], pence = match[3];
  std::string words = " ";
  if (!pounds.empty()) words += money(pounds, "", "pound", "penny") + " ";
  words += cat(cardinal(shillings), " shilling", shillings == "1" ? "" : "s");
  if (!pence.empty()) words += cat(" and ", cardinal(pence), pence == "1" ? " penny" : " pence");
  return words += ' ';
}

// "the $80-a-month plan", "a $3-million-a-year pitcher".
std::string money_a_time(const Match& match) {
  const std::string_view amount = match[2], scale = match[3];
  const Entry& currency = *kCurrencies.find(match[1]);
  const std::string plain = without(amount, ",");
  const auto [whole, cents] = partition(plain, '.');
  const std::string words = scale.empty() ? money(whole, cents, currency.value, currency.many, true)
                                          : cat(number(amount), " ", scale, " ", currency.value);
  return cat(" ", words, " ", match[4], " ", match[5]);
}

// "1.234,50 $" as "$1234.50".
std::string with_point(const Match& match) {
  const bool first = !match[1].empty();
  return cat(match[first ? 1 : 6], without(match[first ? 2 : 4], "."), ".", match[first ? 3 : 5]);
}

std::string sign_first(const Match& match) {
  return cat(match[3], match[1], match[2].empty() ? "" : " ", match[2]);
}

std::string sign_of_code(const Match& match) { return std::string(kCurrencyCodes[match[1]]); }

std::string sign_of_code_first(const Match& match) {
  return cat(kCurrencyCodes[match[3]], match[1], match[2].empty() ? "" : " ", match[2]);
}

std::string cents(const Match& match) {
  return cat(" ", number(match[1]), match[1] == "1" ? " cent " : " cents ");
}

// "50c each", "20p apiece".
std::string cents_each(const Match& match) {
  return cat(" ", number(match[1]), match[0][match[1].size()] == 'c' ? " cents " : " pence ", match[2]);
}

}  // namespace loquor::english
