// What the rules for addresses, paths, names with dots, options, versions and numbers of bugs write.
#include <algorithm>
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

std::string spell_part(std::string_view run) {
  const bool letters = all_letters(run);
  const std::string small = lowered(run);
  if (kSpokenDomains.has(small) ||
      (run.size() > 2 && letters && small.find_first_of("aeiouy") != std::string::npos)) {
    return small != "edu" ? small : spell_letters(run);
  }
  return letters ? spell_letters(run) : spell_code(run);
}

// Words, numbers and signs, one after the other.
std::string spell_runs(std::string_view text) {
  std::string words;
  Match run;
  for (Pattern::Place place; kRunsAndSigns.next(text, run, place);) {
    const std::string word =
        is_alphanumeric(run[0][0]) ? spell_part(run[0]) : std::string(kSignsOfAddresses[run[0]]);
    if (!word.empty()) words += words.empty() ? word : cat(" ", word);
  }
  return words;
}

// "3.1.4": its parts, "point" between.
std::string spell_version(std::string_view text) {
  std::string words;
  for (const std::string_view part : split(text, '.')) {
    if (!words.empty()) words += " point ";
    words += all_digits(part) ? number(part) : spell_code(part);
  }
  return words;
}

}  // namespace

// "ann@mail.org" -> "ann at mail dot org", "https://a.io/x" -> "ay dot eye oh slash ex".
std::string spell_address(const Match& match) {
  std::string_view address = right_stripped(match[0], ".:?-/'");
  const std::string_view rest = left_stripped(match[0].substr(address.size()), "/-'");
  Match scheme;
  if (kBeforeAddress.matches_at(address, scheme)) address.remove_prefix(scheme.end());
  return cat(" ", spell_runs(address), rest);
}

std::string spell_path(const Match& match) {
  const std::string_view path = right_stripped(match[0], ".:");
  return cat(" ", spell_runs(path), match[0].substr(path.size()), " ");
}

std::string relative_path(const Match& match) {
  const std::vector<std::string_view> parts = split(right_stripped(match[0], ".:/"), '/');
  const bool is_path =
      parts.size() > 3 || kFolders.has(parts[0]) ||
      std::any_of(parts.begin(), parts.end(), [](std::string_view part) { return kNameOfFile.search(part); });
  return is_path && parts.size() > 1 ? spell_path(match) : std::string(match[0]);
}

// "server.conf", "org.mozilla.browser"; but "day.as" is two sentences with a space missing.
std::string name_with_dots(const Match& match) {
  const std::vector<std::string_view> parts = split(match[0], '.');
  const std::string_view first = parts.front(), last = parts.back();
  bool is_name = false;
  if (first.size() == 1 && !in_small_letters(match[0])) return std::string(match[0]);
  if (parts.size() > 2) {
    is_name =
        in_small_letters(match[0]) &&
        ((last.size() > 1 && kFileSuffixes.has(last)) ||
         std::all_of(parts.begin(), parts.end() - 1, [](std::string_view part) { return part.size() > 1; }));
  } else {
    is_name =
        first.size() > 1 && (kFileSuffixes.has(last.size() < 3 ? std::string(last) : lowered(last)) ||
                             kKindsOfUnit.has(last) || contains(first.substr(1, first.size() - 2), "_"));
  }
  return is_name ? cat(" ", spell_runs(match[0]), " ") : std::string(match[0]);
}

std::string dot_file(const Match& match) {
  const std::string_view name = match[1];
  const bool known = kFileSuffixes.has(lowered(name)) || kDotFiles.has(name) || ends_with(name, "rc") ||
                     ends_with(name, "ignore");
  return known ? cat(" dot ", spell_runs(name), " ") : std::string(match[0]);
}

std::string dot_net(const Match& match) { return cat(match[1], " dot net"); }

std::string long_option(const Match& match) {
  const std::string_view name = match[2], value = match[3];
  if (value.empty() && !contains(name, "-") && !kKnownOptions.has(name)) return std::string(match[0]);
  std::string words = " dash dash ";
  for (const std::string_view part : split(name, '-')) {
    if (words.size() > 11) words += " dash ";
    words += part;
  }
  words += ' ';
  return value.empty() ? words : cat(words, "equals ", value.substr(1));
}

std::string short_option(const Match& match) { return cat(" dash ", spell_letters(match[2]), " "); }

std::string command_with_option(const Match& match) {
  return cat(match[1], " dash ", spell_letters(match[3]), " ");
}

std::string variable(const Match& match) {
  std::string name(match[2]);
  std::replace(name.begin(), name.end(), '_', ' ');
  return cat(" dollar ", name, " ");
}

std::string hexadecimal(const Match& match) {
  const std::string_view code = match[1];
  if (all_digits(code) && code.size() < 5 && code[0] != '0') return cat(" zero ex ", number(code), " ");
  std::string words = " zero ex ";
  for (std::size_t at = 0; at < code.size(); ++at) {
    const std::string_view one = code.substr(at, 1);
    words += cat(is_digit(one[0]) ? digit_words(one) : spell_letters(one), " ");
  }
  return words;
}

// "3.1.4-2": its parts, "point" and "dash" between.
std::string version_with_dashes(const Match& match) {
  std::string words;
  for (const std::string_view part : split(match[0], '-')) {
    words += cat(words.empty() ? " " : " dash ", spell_version(part));
  }
  return words += ' ';
}

std::string version(const Match& match) { return cat("version ", spell_version(match[1])); }

std::string vulnerability(const Match& match) {
  return cat("see vee ee dash ", year(value_of(match[1])), " dash ", digit_words(match[2]), " ");
}

std::string long_number(const Match& match) {
  const char last = match[2].back();
  return cat(match[1], digit_words(without(match[2], " -xX")), last == 'x' || last == 'X' ? " ex " : " ");
}

std::string zip_code(const Match& match) {
  return cat(match[1], digit_words(match[2]), match[3].empty() ? "" : " dash ", digit_words(match[3]));
}

std::string number_that_names(const Match& match) {
  return kNamedByNumber.search(before(match, 24)) ? digit_words(match[0]) : std::string(match[0]);
}

std::string long_number_of_issue(const Match& match) { return cat(" number ", digit_words(match[1]), " "); }

std::string scientific(const Match& match) {
  const std::string_view power = match[match[2].empty() ? 4 : 2];
  const bool minus = power[0] == '-', signed_ = minus || power[0] == '+';
  return cat(match[match[1].empty() ? 3 : 1], " times ten to the power of ", minus ? "minus " : "",
             power.substr(signed_ ? 1 : 0), " ");
}

// "C.3.1" -> "see point three point one".
std::string section_of_appendix(const Match& match) {
  std::string words = cat(" ", spell_letters(match[1]));
  for (const std::string_view part : split(match[2].substr(1), '.')) words += cat(" point ", cardinal(part));
  return words += ' ';
}

}  // namespace loquor::english
