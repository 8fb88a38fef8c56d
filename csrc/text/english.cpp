#include "text/english.hpp"

#include <algorithm>
#include <iterator>
#include <vector>

#include "base/error.hpp"
#include "base/utf8.hpp"
#include "text/characters.hpp"

namespace loquor {
namespace {

struct Title {
  std::string_view shorter, words;
};
#include "text/english_words.inc"

// Words that the rules read otherwise wherever they stand.
constexpr std::string_view kAnywhere[] = {"Ave", "Blvd", "Hwy", "Ln", "Pkwy", "Rd", "cu", "et", "etc", "sq"};
// What makes a unit or an edition of "in." and "ed." behind it.
constexpr std::string_view kBeforeUnits[] = {"cubic", "first", "per", "revised", "second", "square", "third"};
// What an I before it numbers.
constexpr std::string_view kNumbered[] = {"amendment", "army",  "arrondissement", "centur", "corps",
                                          "dynast",    "fleet", "legion",         "olympi"};

// What stands between two spaces: a word or a tag, and a mark behind it. Quotation marks have no sound.
struct Token {
  std::string word;
  char mark = 0;
  bool quoted = false;  // on either side
};

bool is_small(char c) { return c >= 'a' && c <= 'z'; }
bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }

template <std::size_t N>
bool has(const std::string_view (&sorted)[N], std::string_view word) {
  return std::binary_search(std::begin(sorted), std::end(sorted), word);
}

std::string in_small(std::string_view word) {
  std::string small(word);
  for (char& c : small) c = is_capital(c) ? static_cast<char>(c - 'A' + 'a') : c;
  return small;
}

[[noreturn]] void refuse(std::string_view what) {
  throw Error(
      ErrorKind::kInvalidInput,
      "this voice reads English in words, and how '" + std::string(what.substr(0, 40)) +
          "' is read is known to Loquor for Python alone: write it in words, or prepare the text there");
}

Token token_of(std::string_view part) {
  Token token;
  const auto take = [&part](std::string_view ends) {
    const bool has_one = !part.empty() && ends.find(part.back()) != std::string_view::npos;
    const char taken = has_one ? part.back() : '\0';
    if (has_one) part.remove_suffix(1);
    return taken;
  };
  if (part.front() == '"') {
    token.quoted = true;
    part.remove_prefix(1);
  }
  token.quoted = take("\"") != 0 || token.quoted;
  token.mark = take(",.?!;:");
  if (token.mark != 0) token.quoted = take("\"") != 0 || token.quoted;
  token.word = part;
  return token;
}

// Letters, with single hyphens and apostrophes between them. Capitals in a row are initials, and others
// inside a word names of their own; a single letter is one too, but for words of one.
bool is_plain(std::string_view word) {
  std::size_t length = 0;  // of the run of letters
  for (std::size_t at = 0; at < word.size(); ++at) {
    const char c = word[at];
    if (is_small(c) || (is_capital(c) && length == 0)) {
      ++length;
    } else if ((c != '\'' && c != '-') || length == 0) {
      return false;
    } else {
      if (length == 1 && (c == '-' || word[at - 1] != 'I')) return false;
      length = 0;
    }
  }
  return length > 1 || word == "a" || word == "A" || word == "I" ||
         (length == 1 && word.size() > 2 && word[word.size() - 2] == '\'' && is_small(word.back()));
}

// A stammer ("th-that"), or days and months in a row ("Mon-Fri").
bool is_read_by_its_parts(std::string_view word) {
  const std::string small = in_small(word);
  for (std::size_t start = 0, hyphen; (hyphen = word.find('-', start)) != std::string_view::npos;
       start = hyphen + 1) {
    const std::string_view part = word.substr(start, hyphen - start);
    if (part.size() < 3 && small.compare(hyphen + 1, part.size(), small, start, part.size()) == 0)
      return true;
    if (is_capital(part[0]) && (has(kShortAsWritten, part) || has(kShort, in_small(part)))) return true;
  }
  return false;
}

// Units, file endings and Roman numbers: nothing that is said as it is written.
bool is_said(std::string_view word) {
  const std::string small = in_small(word);
  return small.find_first_of("aeiouy") != std::string::npos &&
         small.find_first_not_of("ivx") != std::string::npos;
}

// An abbreviation, with the full stop behind it.
bool is_short(const std::string& word, const Token* before) {
  const std::string small = in_small(word);
  return has(kShortAsWritten, word) || has(kShort, small) ||
         (has(kUnits, small) && before != nullptr && has(kBeforeUnits, in_small(before->word)));
}

const Title* title_of(std::string_view word) {
  const std::string small = in_small(word);
  const auto found = std::find_if(std::begin(kTitles), std::end(kTitles),
                                  [&small](const Title& title) { return title.shorter == small; });
  return found == std::end(kTitles) ? nullptr : &*found;
}

// What stands before a "Dr." or "St." that is no street.
bool is_before_title(const Token* before) {
  return before == nullptr || before->mark != 0 || is_small(before->word[0]);
}

// Behind a name or a chapter, and before a corps or a century, I is a number.
bool may_be_number(const Token* before, const Token* after) {
  const std::string next = after == nullptr ? std::string() : in_small(after->word);
  const bool numbers =
      std::any_of(std::begin(kNumbered), std::end(kNumbered),
                  [&next](std::string_view each) { return next.compare(0, each.size(), each) == 0; });
  return numbers || (before != nullptr && !is_small(before->word[0]) && !has(kStarters, before->word));
}

std::string titled(const Token& token, const Token* before, const Token* after) {
  const std::string_view word = token.word;
  const bool is_known = is_capital(word[0]) && std::all_of(word.begin() + 1, word.end(), is_small) &&
                        word != "St" && !token.quoted && (token.mark == '.' || token.mark == 0) &&
                        is_before_title(before) && after != nullptr && is_capital(after->word[0]);
  if (!is_known) refuse(word);
  std::string words(title_of(word)->words);
  words[0] = static_cast<char>(words[0] - 'a' + 'A');
  return words;
}

std::string said(const Token& token, const Token* before, const Token* after) {
  const std::string& word = token.word;
  if (tag_length(word) == word.size() && word.size() > 1) return word;
  if (title_of(word) != nullptr) return titled(token, before, after);
  if (!is_plain(word) || !(is_said(word) || word == "I")) {
    refuse(word.empty() ? std::string(1, token.mark != 0 ? token.mark : '"') : word);
  }
  const bool is_lone_capital = word == "I" || word == "A";
  if (is_lone_capital && (token.quoted || token.mark == '.')) refuse(word);
  if (word == "I" && may_be_number(before, after)) refuse(word);
  if (has(kAnywhere, word) || has(kAnywhere, in_small(word)) || is_read_by_its_parts(word)) refuse(word);
  if (token.mark == '.' && is_short(word, before)) refuse(word + ".");
  return word;
}

}  // namespace

std::string spelled_english(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    const char32_t character = take_utf8(text);
    const bool is_apostrophe = character == 0x2019, is_quote = character == 0x201C || character == 0x201D;
    append_utf8(plain, is_apostrophe ? U'\'' : is_quote ? U'"' : character);
  }
  const std::size_t begin = plain.find_first_not_of(" \n"), end = plain.find_last_not_of(" \n") + 1;
  std::vector<Token> tokens;
  for (std::size_t at = begin; at < end;) {
    const std::size_t space = std::min(plain.find(' ', at), end);
    if (space > at) tokens.push_back(token_of(std::string_view(plain).substr(at, space - at)));
    at = space + 1;
  }
  std::string words;
  for (std::size_t at = 0; at < tokens.size(); ++at) {
    const Token& token = tokens[at];
    const Token* const before = at > 0 ? &tokens[at - 1] : nullptr;
    const Token* const after = at + 1 < tokens.size() ? &tokens[at + 1] : nullptr;
    if (!words.empty()) words += ' ';
    words += said(token, before, after);
    if (token.mark != 0 && title_of(token.word) == nullptr) words += token.mark;
  }
  return words;
}

}  // namespace loquor
