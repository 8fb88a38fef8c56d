// Rules that run one behind the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "english/pattern.hpp"

namespace loquor::english {

// What is written for each match of a pattern: by a function, or as a template, in which the byte 1 stands
// for the group 1. The rule is tried only in a text that began its stage with something of all it needs.
struct Rule {
  Pattern pattern;
  uint64_t needs;
  Replacement function;
  std::string_view written;
};

struct Stage {
  const Rule* rules;
  std::size_t count;

  // The text after all rules.
  std::string applied(std::string text) const;
};

// What of rules' needs a text has.
uint64_t needs_of(std::string_view text);

// What a template writes for a match.
std::string filled(std::string_view written, const Match& match);

// What patterns.py wrote: sets of bytes, what each byte is of rules' needs, and the bytes of
// words: letters, digits, underscores.
extern const Bytes kSets[];
extern const uint64_t kNeeds[256];
extern const Bytes kWordBytes;
// What rules read beside ASCII.
extern const Bytes kSigns;
// What is white space.
extern const Bytes kSpaceBytes;

}  // namespace loquor::english
