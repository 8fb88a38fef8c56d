#include "english/lines.hpp"

#include <algorithm>
#include <utility>

#include "english/programs.hpp"
#include "english/strings.hpp"
#include "english/words.hpp"

namespace loquor::english {
namespace {

constexpr std::size_t kSeen = 160;        // characters of a line that are looked at
constexpr std::size_t kWidestWrap = 120;  // nobody wraps longer lines: what is longer was ended on purpose
constexpr std::size_t kUsualWrap = 60;
constexpr std::size_t kVerse = 20;                // lines from here on are verse where some end in commas
constexpr std::size_t kShort = 30, kNarrow = 24;  // lines in small letters are items if all are short
constexpr std::size_t kLongestWord = 30;          // beyond which a word says nothing of how wide lines are
constexpr std::size_t kMost = 4096;               // columns of a line that are counted
constexpr std::size_t kLastWordSeen = 10, kShortInTitle = 4;
constexpr std::string_view kClosing = "\"')]}", kEnds = ".!?:;,-", kSentenceEnds = ".!?",
                           kClauseEnds = ",;(-";

enum class End { kNone, kLine, kParagraph };

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char byte) { return static_cast<unsigned char>(byte) < 0x80; });
}

bool ends_in(std::string_view text, std::string_view marks) {
  return !text.empty() && contains(marks, text.substr(text.size() - 1));
}

bool has_letter_or_digit(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_alphanumeric);
}

// Whether a pause is written at the end of the text, or there is nothing in it to say.
bool ends_itself(std::string_view text) {
  if (!text.empty() && is_alphanumeric(text.back())) return false;
  return ends_in(right_stripped(text, kClosing), kEnds) || ends_in(text, "]") || !has_letter_or_digit(text);
}

bool ends_sentence(std::string_view text) { return ends_in(right_stripped(text, "\"')]}*_"), kSentenceEnds); }
bool ends_clause(std::string_view text) { return ends_in(right_stripped(text, kClosing), kClauseEnds); }

std::string_view first_word(std::string_view text) {
  const auto words = words_of(text);
  return words.empty() ? std::string_view() : words[0];
}

// Columns, but for what is too long for any line.
std::size_t width(std::string_view text) {
  if (text.size() <= kLongestWord || !is_ascii(text)) return text.size();
  std::size_t columns = text.size();
  for (const std::string_view word : words_of(text)) {
    columns -= std::max(word.size(), kLongestWord) - kLongestWord;
  }
  return columns;
}

struct Line {
  std::string_view text, end;  // its first and last characters
  std::size_t length = 0, indent = 0;

  std::size_t columns() const {
    if (length <= kLongestWord && is_ascii(text)) return std::min(indent + length, kMost);
    return std::min(indent + width(text) + (std::max(length, kSeen) - kSeen), kMost);
  }
};

// What is known of a line, or of a paragraph's lines so far.
struct Seen {
  std::size_t widest = 0;
  bool has_commas = false, is_list = false;

  void add(const Line& line) {
    widest = std::max(widest, line.columns());
    has_commas = has_commas || ends_clause(right_stripped(line.end, kSpaces));
    is_list = is_list || kListMarker.matches_at(line.text);
  }
};

bool is_rule(std::string_view line) { return !has_letter_or_digit(line); }

// Each word has a capital, but for short ones.
bool is_title(std::string_view line) {
  bool is_first = true;
  for (const std::string_view word : words_of(line)) {
    if (!is_letter(word[0])) continue;
    if (!is_capital(word[0]) && (is_first || word.size() >= kShortInTitle)) return false;
    is_first = false;
  }
  return !is_first;
}

bool is_never_last(std::string_view text) {
  Match last;
  return kLastWord.search(text, last, std::max(text.size(), kLastWordSeen) - kLastWordSeen) &&
         kNeverLast.has(last[1]);
}

// Whether the next line goes on with this one.
bool goes_on(const Line& line, const Seen& before, std::string_view following) {
  const std::string_view text = right_stripped(line.end, kSpaces);
  const std::size_t wide = line.columns();
  if (kListMarker.matches_at(following)) {
    return !before.is_list && !ends_in(right_stripped(text, kClosing), kEnds) &&
           std::min(wide, before.widest) >= kUsualWrap;
  }
  if (is_rule(following) && (following.size() > 2 || following == ".")) return false;
  if (is_rule(line.text) || kHeading.matches_at(line.text)) return false;
  const bool ends_in_digit = !text.empty() && is_digit(text.back());
  if (!ends_in_digit && (ends_sentence(text) || ends_clause(text) || is_never_last(text))) return true;
  const std::string_view word = first_word(following);
  const std::size_t needed = wide + 1 + std::min(width(word), kLongestWord);
  std::size_t widest = std::max(before.widest, wide);
  if (is_small(following[0])) {
    widest = std::max(widest, width(following));
    return ends_sentence(following) || widest > kShort || needed > kNarrow || kNeverFirst.has(word);
  }
  if (line.length > kWidestWrap) return false;
  const std::size_t room = std::max({widest, width(following), kUsualWrap});
  const bool has_commas = before.has_commas || ends_clause(following);
  if (has_commas && text.size() >= kVerse && 2 * text.size() > following.size()) return true;
  return 4 * needed > 3 * room && (needed > room || !is_title(text));
}

// Whether the hyphen between two halves, in small letters or not, belongs to the word.
bool keeps_hyphen(std::string_view first, std::string_view second) {
  const std::string before = lowered(first), after = lowered(second);
  if (!kSyllable.search(before) || !kSyllable.search(after)) return true;
  const bool is_participle = after.size() > 5 && (ends_with(after, "ed") || ends_with(after, "ing"));
  if (kBeforeParticiples.has(before) && is_participle) return true;
  if (kHalvesOfOne.has(before)) return false;
  if (kCompoundEnds.has(after)) return true;
  if (kSuffix.matches_all(after)) return false;
  if (kCompoundBegins.has(before)) return true;
  // Few words end so; many are broken at doubled letters.
  if (contains("aiou", std::string_view(before).substr(before.size() - 1)) || before.back() == after[0])
    return false;
  return before.size() > 4 && after.size() > 4 && !kLongSuffix.search(after);
}

// What comes between the halves of a word that a line's end broke: nothing, its hyphen, that and a space.
std::string_view joint(std::string_view before, std::string_view after) {
  Match second, first;
  if (!kWordLetters.matches_at(after, second)) return is_digit(after[0]) ? "-" : "- ";
  if (is_capital(after[0])) return "-";
  if (kSuspended.matches_at(after)) return "- ";
  if (!kBrokenWord.search(before, first) || kNameGoesOn.matches_at(after, second.end())) return "-";
  return keeps_hyphen(first[1], second[0]) ? "-" : "";
}

// Gives out a text's stretches without line ends, and what ends behind each.
class Lines {
 public:
  explicit Lines(std::string_view text) : held_(text) {}

  bool next(std::string& stretch, End& end);

 private:
  End end_line(std::string_view body, std::size_t at, std::string& out);

  std::string_view held_;
  Line line_;
  bool fresh_ = true;  // nothing of the paragraph was given out
  Seen before_;        // of the paragraph's lines before this one
};

std::string_view body_of(std::string_view line) {
  const std::string_view body = right_stripped(line, kSpaces);
  return ends_with(body, "-") ? body.substr(0, body.size() - 1) : body;
}

bool Lines::next(std::string& stretch, End& end) {
  if (held_.empty()) return false;
  if (fresh_) {
    Match margin;
    kLineMargin.matches_at(held_, margin);
    const std::string_view space = margin[0];
    const std::size_t broken = space.rfind('\n');
    line_.indent = broken == std::string_view::npos ? space.size() + line_.indent : space.size() - broken - 1;
    held_.remove_prefix(space.size());
    if (held_.empty()) return false;
    fresh_ = false;
  }
  const std::size_t found = held_.find('\n');
  const bool is_last = found == std::string_view::npos;
  const std::string_view body = is_last ? held_ : body_of(held_.substr(0, found));
  line_.text = body.substr(0, kSeen);
  line_.end = body.substr(std::max(body.size(), kSeen) - kSeen);
  line_.length = body.size();
  stretch = body;
  end = End::kNone;
  if (is_last) {
    held_ = {};
  } else {
    end = end_line(body, found, stretch);
  }
  return true;
}

// Appends what stands for the line's end at `at`, and goes behind it.
End Lines::end_line(std::string_view body, std::size_t at, std::string& out) {
  std::size_t behind = at + 1;
  if (behind < held_.size() && !is_alphanumeric(held_[behind])) {
    Match quoted;
    kQuotedLine.matches_at(held_, quoted, behind);
    behind = quoted.end();
  }
  const bool has_hyphen = body.size() < at && held_[body.size()] == '-';
  const std::string_view hyphen = has_hyphen ? "-" : "";
  End end = End::kNone;
  if (behind < held_.size() && held_[behind] == '\n') {
    out += hyphen;
    held_.remove_prefix(at + 1);
    line_ = {};
    before_ = {};
    fresh_ = true;
    return End::kParagraph;
  }
  if (behind == held_.size()) {
    out += hyphen;
  } else {
    const std::string_view rest = held_.substr(behind, kSeen);
    const std::string_view following = right_stripped(rest.substr(0, rest.find('\n')), kSpaces);
    if (has_hyphen && !line_.end.empty() && is_alphanumeric(line_.end.back())) {
      out += joint(line_.end, following);
    } else {
      const bool wraps = goes_on(line_, before_, following);
      out += hyphen;
      if (wraps) out += ' ';
      end = wraps ? End::kNone : End::kLine;
    }
  }
  before_.add(line_);
  line_ = {};
  line_.indent = behind - at - 1;
  held_.remove_prefix(behind);
  return end;
}

// Without what an item of a list begins with.
std::string_view without_item(std::string_view line) {
  Match item;
  return kListItem.matches_at(line, item) ? line.substr(item.end()) : line;
}

}  // namespace

std::string join_lines(std::string_view text) {
  if (!contains(text, "\n")) return std::string(without_item(text));
  std::string out, line, stretch;
  End end = End::kNone;
  for (Lines lines(stripped(text)); lines.next(stretch, end);) {
    line += stretch;
    if (end == End::kNone) continue;
    const std::string_view whole = without_item(stripped(line));
    out += whole;
    out += ends_itself(whole) ? " " : end == End::kLine ? ", " : ". ";
    line.clear();
  }
  return out.append(without_item(line));
}

}  // namespace loquor::english
