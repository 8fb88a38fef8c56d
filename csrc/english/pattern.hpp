// Patterns of the rules for English: regular expressions that were compiled when Loquor was built, and the
// matcher that runs them. What they find is what Python's `re` finds, whose parser reads them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace loquor::english {

// Of one pattern: its own number aside, no group has a higher one.
constexpr std::size_t kMostGroups = 9;

// What a pattern found, as long as the text lives.
class Match {
 public:
  // What the group holds; nothing where it took no part.
  std::string_view operator[](std::size_t group) const {
    return has(group) ? text_.substr(start(group), end(group) - start(group)) : std::string_view();
  }
  bool has(std::size_t group) const { return spans_[2 * group + 1] != kNone; }
  std::size_t start(std::size_t group = 0) const { return spans_[2 * group]; }
  std::size_t end(std::size_t group = 0) const { return spans_[2 * group + 1]; }
  // The whole text that is searched.
  std::string_view text() const { return text_; }

 private:
  friend class Pattern;
  friend class Matcher;
  static constexpr uint32_t kNone = ~uint32_t{0};

  std::string_view text_;
  std::array<uint32_t, 2 * (kMostGroups + 1)> spans_{};
};

// Bytes, a bit each.
struct Bytes {
  uint64_t bits[4];

  constexpr bool has(char byte) const {
    const auto place = static_cast<unsigned char>(byte);
    return (bits[place >> 6] >> (place & 63) & 1) != 0;
  }
};

// A program that patterns.py wrote. It never recurses deeper than its look-arounds are nested.
class Pattern {
 public:
  // `starts`: what a match may begin with; none where it may be empty.
  constexpr Pattern(const uint16_t* program, const Bytes* starts) : program_(program), starts_(starts) {}

  // As Python's search, match and fullmatch: what stands before `from` is seen by what looks behind.
  bool search(std::string_view text, Match& found, std::size_t from = 0) const;
  bool matches_at(std::string_view text, Match& found, std::size_t at = 0) const;
  bool matches_all(std::string_view text, Match& found) const;

  // The same where what was found does not matter.
  bool search(std::string_view text, std::size_t from = 0) const;
  bool matches_at(std::string_view text, std::size_t at = 0) const;
  bool matches_all(std::string_view text) const;

  // As Python's sub, with `replacement(const Match&)` for each match.
  template <class Replacement>
  std::string replaced(std::string_view text, Replacement&& replacement) const {
    std::string out;
    std::size_t kept = 0;
    Match found;
    for (Place place; next(text, found, place);) {
      out.append(text, kept, found.start() - kept);
      out += replacement(static_cast<const Match&>(found));
      kept = found.end();
    }
    return out.append(text, kept);
  }

  // Where the search for one match after the other stands, from the front.
  struct Place {
    std::size_t at = 0;
    bool was_empty = false;  // the last one, which is not found again
  };
  bool next(std::string_view text, Match& found, Place& place) const;

 private:
  const uint16_t* program_;
  const Bytes* starts_;
};

// What a rule writes for what it found.
using Replacement = std::string (*)(const Match&);

}  // namespace loquor::english
