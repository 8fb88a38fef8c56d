#include "english/pattern.hpp"

#include <algorithm>
#include <memory>

#include "english/programs.hpp"

namespace loquor::english {
namespace {

// In the order of programs.py's OPERATIONS; behind each its values.
enum Operation : uint16_t {
  kEnd,
  kCharacter,      // byte
  kSet,            // set
  kBranch,         // set, others, next: here if the text goes on with `set`; at `next` if with `others`
  kLazy,           // next: there first, then here
  kJump,           // next
  kSave,           // slot
  kAt,             // place
  kAhead,          // next, behind the body's kEnd
  kNotAhead,       // next
  kBehind,         // next, width
  kNotBehind,      // next, width
  kNextIs,         // set
  kNextIsNot,      // set
  kLastIs,         // set
  kLastIsNot,      // set
  kSame,           // group
  kSameInAnyCase,  // group
  kMany,           // set, least, most, follow: as many as there are, then fewer
  kManyLazy,       // set, least, most, follow
};

enum Place : uint16_t { kBegin, kTextEnd, kVeryEnd, kBoundary, kNoBoundary, kLineBegin, kLineEnd };

constexpr uint16_t kNoMost = 0xFFFF;
constexpr uint32_t kNothing = ~uint32_t{0};

char in_small(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// What is tried where what was tried first leads nowhere: an address and a place, how few of many, or what a
// group held (code is null).
struct Choice {
  const uint16_t* code;
  uint32_t at;
  uint32_t more;
};

// Those of one search: most are few.
class Choices {
 public:
  Choices() : choices_(few_) {}

  std::size_t count() const { return count_; }
  void cut(std::size_t count) { count_ = count; }
  void add(const Choice& choice) {
    if (count_ == room_) grow();
    choices_[count_++] = choice;
  }
  Choice& last() { return choices_[count_ - 1]; }
  void drop() { --count_; }

 private:
  void grow() {
    std::unique_ptr<Choice[]> more(new Choice[2 * room_]);
    std::copy(choices_, choices_ + count_, more.get());
    many_ = std::move(more);
    choices_ = many_.get();
    room_ *= 2;
  }

  Choice few_[64];
  std::unique_ptr<Choice[]> many_;
  Choice* choices_;
  std::size_t count_ = 0, room_ = 64;
};

}  // namespace

class Matcher {
 public:
  Matcher(std::string_view text, Match& found) : text_(text), found_(found) { found.text_ = text; }

  // Whether the program matches there; at the text's end only if `whole`, and not empty if so forbidden.
  bool matches(const uint16_t* program, std::size_t at, bool whole = false, bool may_be_empty = true) {
    choices_.cut(0);
    found_.spans_.fill(Match::kNone);
    whole_ = whole;
    const auto start = static_cast<uint32_t>(at);
    barred_ = may_be_empty ? kNothing : start;
    uint32_t end = start;
    if (!run(program, end, true)) return false;
    found_.spans_[0] = start;
    found_.spans_[1] = end;
    return true;
  }

 private:
  bool run(const uint16_t* code, uint32_t& place, bool is_outermost);
  bool back(std::size_t base, const uint16_t*& code, uint32_t& at);
  bool look(const uint16_t* body, uint32_t at, bool keeps);
  bool stands(uint16_t place, uint32_t at) const;
  bool is_same(std::string_view group, uint32_t at, bool any_case) const;
  bool goes_on(uint16_t set, uint32_t at) const {
    return set == 0 || (at < text_.size() && kSets[set].has(text_[at]));
  }

  std::string_view text_;
  Match& found_;
  Choices choices_;
  bool whole_ = false;
  uint32_t barred_ = kNothing;
};

bool Matcher::stands(uint16_t place, uint32_t at) const {
  const std::size_t size = text_.size();
  switch (place) {
    case kBegin:
      return at == 0;
    case kTextEnd:
      return at == size || (at + 1 == size && text_[at] == '\n');
    case kVeryEnd:
      return at == size;
    case kLineBegin:
      return at == 0 || text_[at - 1] == '\n';
    case kLineEnd:
      return at == size || text_[at] == '\n';
    default:
      break;
  }
  const bool before = at > 0 && kWordBytes.has(text_[at - 1]), after = at < size && kWordBytes.has(text_[at]);
  return size > 0 && (before != after) == (place == kBoundary);
}

bool Matcher::is_same(std::string_view group, uint32_t at, bool any_case) const {
  if (text_.size() - at < group.size()) return false;
  const std::string_view here = text_.substr(at, group.size());
  if (!any_case) return here == group;
  return std::equal(group.begin(), group.end(), here.begin(),
                    [](char one, char other) { return in_small(one) == in_small(other); });
}

// Matches what looks around. What the groups hold is kept for what follows if `keeps`.
bool Matcher::look(const uint16_t* body, uint32_t at, bool keeps) {
  const auto before = found_.spans_;
  const std::size_t base = choices_.count();
  const bool found = run(body, at, false);
  choices_.cut(base);
  if (!found || !keeps) {
    found_.spans_ = before;
    return found;
  }
  for (uint32_t slot = 2; slot < before.size(); ++slot) {
    if (found_.spans_[slot] != before[slot]) choices_.add({nullptr, before[slot], slot});
  }
  return true;
}

// To the last choice: false if there is none above `base`.
bool Matcher::back(std::size_t base, const uint16_t*& code, uint32_t& at) {
  while (choices_.count() > base) {
    Choice& choice = choices_.last();
    if (choice.code == nullptr) {
      found_.spans_[choice.more] = choice.at;
      choices_.drop();
      continue;
    }
    code = choice.code;
    if (choice.more == kNothing) {
      at = choice.at;
      choices_.drop();
      return true;
    }
    if (*code == kMany) {  // one fewer, down to `more`
      const uint16_t follow = code[4];
      uint32_t fewer = choice.at;
      do {
        --fewer;
      } while (fewer > choice.more && !goes_on(follow, fewer));
      at = choice.at = fewer;
      if (fewer == choice.more) choices_.drop();
      code += 5;
      return true;
    }
    // kManyLazy: one more, of `more`
    if (choice.at < text_.size() && kSets[code[1]].has(text_[choice.at])) {
      at = ++choice.at;
      if (--choice.more == 0) choices_.drop();
      code += 5;
      return true;
    }
    choices_.drop();
  }
  return false;
}

bool Matcher::run(const uint16_t* code, uint32_t& place, bool is_outermost) {
  const auto size = static_cast<uint32_t>(text_.size());
  const std::size_t base = choices_.count();
  uint32_t at = place;
  for (;;) {
    bool good = true;
    switch (static_cast<Operation>(*code)) {
      case kEnd:
        if (is_outermost && ((whole_ && at != size) || at == barred_)) {
          good = false;
          break;
        }
        place = at;
        return true;
      case kCharacter:
        good = at < size && text_[at] == static_cast<char>(code[1]);
        ++at;
        code += 2;
        break;
      case kSet:
        good = at < size && kSets[code[1]].has(text_[at]);
        ++at;
        code += 2;
        break;
      case kBranch:
        if (goes_on(code[1], at)) {
          if (goes_on(code[2], at)) choices_.add({code + code[3], at, kNothing});
          code += 4;
        } else {
          code += code[3];
        }
        break;
      case kLazy:
        choices_.add({code + 2, at, kNothing});
        code += code[1];
        break;
      case kJump:
        code += static_cast<int16_t>(code[1]);  // some lead back
        break;
      case kSave:
        choices_.add({nullptr, found_.spans_[code[1]], code[1]});
        found_.spans_[code[1]] = at;
        code += 2;
        break;
      case kAt:
        good = stands(code[1], at);
        code += 2;
        break;
      case kAhead:
      case kNotAhead:
        good = look(code + 2, at, *code == kAhead) == (*code == kAhead);
        code += code[1];
        break;
      case kBehind:
      case kNotBehind: {
        const bool wanted = *code == kBehind;
        good = (at >= code[2] && look(code + 3, at - code[2], wanted)) == wanted;
        code += code[1];
        break;
      }
      case kNextIs:
        good = at < size && kSets[code[1]].has(text_[at]);
        code += 2;
        break;
      case kNextIsNot:
        good = at >= size || !kSets[code[1]].has(text_[at]);
        code += 2;
        break;
      case kLastIs:
        good = at > 0 && kSets[code[1]].has(text_[at - 1]);
        code += 2;
        break;
      case kLastIsNot:
        good = at == 0 || !kSets[code[1]].has(text_[at - 1]);
        code += 2;
        break;
      case kSame:
      case kSameInAnyCase: {
        const std::string_view group = found_[code[1]];
        good = found_.has(code[1]) && is_same(group, at, *code == kSameInAnyCase);
        at += static_cast<uint32_t>(group.size());
        code += 2;
        break;
      }
      case kMany: {
        const Bytes& set = kSets[code[1]];
        const uint32_t least = at + code[2];
        const uint32_t most = code[3] == kNoMost ? size : std::min(size, at + code[3]);
        uint32_t end = at;
        while (end < most && set.has(text_[end])) ++end;
        good = end >= least;
        if (good) {
          if (end > least) choices_.add({code, end, least});
          at = end;
          code += 5;
        }
        break;
      }
      case kManyLazy: {
        const Bytes& set = kSets[code[1]];
        const uint32_t least = at + code[2];
        uint32_t end = at;
        while (end < size && end < least && set.has(text_[end])) ++end;
        good = end >= least;
        if (good) {
          const uint32_t more = code[3] == kNoMost ? size + 1 : uint32_t{code[3]} - code[2];
          if (more > 0) choices_.add({code, end, more});
          at = end;
          code += 5;
        }
        break;
      }
    }
    if (!good && !back(base, code, at)) return false;
  }
}

bool Pattern::search(std::string_view text, Match& found, std::size_t from) const {
  Matcher matcher(text, found);
  for (std::size_t at = from; at <= text.size(); ++at) {
    if (starts_ != nullptr) {
      while (at < text.size() && !starts_->has(text[at])) ++at;
      if (at == text.size()) return false;
    }
    if (matcher.matches(program_, at)) return true;
  }
  return false;
}

bool Pattern::next(std::string_view text, Match& found, Place& place) const {
  Matcher matcher(text, found);
  bool may_be_empty = !place.was_empty;
  for (std::size_t at = place.at; at <= text.size(); ++at) {
    if (starts_ != nullptr) {
      while (at < text.size() && !starts_->has(text[at])) ++at;
      if (at == text.size()) return false;
    }
    if (matcher.matches(program_, at, false, may_be_empty)) {
      place.at = found.end();
      place.was_empty = found.end() == found.start();
      return true;
    }
    may_be_empty = true;
  }
  return false;
}

bool Pattern::matches_at(std::string_view text, Match& found, std::size_t at) const {
  return at <= text.size() && Matcher(text, found).matches(program_, at);
}

bool Pattern::matches_all(std::string_view text, Match& found) const {
  return Matcher(text, found).matches(program_, 0, true);
}

bool Pattern::search(std::string_view text, std::size_t from) const {
  Match found;
  return search(text, found, from);
}

bool Pattern::matches_at(std::string_view text, std::size_t at) const {
  Match found;
  return matches_at(text, found, at);
}

bool Pattern::matches_all(std::string_view text) const {
  Match found;
  return matches_all(text, found);
}

}  // namespace loquor::english
