// Whether speech says its text, by what the model attends to as it chooses codes: text that is left out, text
// that is said again, speech that goes on behind its text's end. Only looks; allocates when it is made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "base/span.hpp"

namespace loquor {

// What is wrong with speech, as bits; their numbers are those of the C ABI.
enum class TextFault : uint32_t {
  kSkipped = 1,   // some of the text was not said
  kRepeated = 2,  // some of it was said again
  kPastEnd = 4,   // it went on when all was said
};

struct TextFaults {
  uint32_t bits = 0;
  int32_t skipped_from = 0;  // ids of the text: the longest stretch that was not said
  int32_t skipped_to = 0;
  int32_t repeats = 0;

  bool has(TextFault fault) const { return (bits & static_cast<uint32_t>(fault)) != 0; }
  // Of two attempts at a text the one that is less wrong is heard.
  int32_t weight() const { return skipped_to - skipped_from + 10 * repeats; }
};

class TextGuard {
 public:
  // Of a text of `ids` ids, 1 or more. `characters`: spoken_characters() of it; 0: not known.
  TextGuard(std::size_t ids, int64_t characters);

  // What the next code's step attended to: [ids], 0 or more each.
  void push(Span<const float> attention);
  // Whether speech goes on long behind its text's end, or says text again there.
  bool past_end() const { return past_end_; }
  // The codes that are speech for certain: all of them, but behind the text's end only so many.
  std::size_t certain() const;
  // What is wrong. `whole`: the model ended the speech by itself, so that the text's end should be said as
  // well. Nothing where the model's attention does not follow the text.
  TextFaults faults(bool whole) const;
  void reset();

 private:
  void follow(std::size_t focus);
  bool follows() const;

  std::size_t ids_;
  double codes_per_id_;      // that the text is expected to take
  std::vector<float> now_;   // attention of the last codes, the newest weighing most
  std::vector<float> said_;  // of all codes
  std::size_t codes_ = 0;
  std::size_t clear_ = 0;             // codes that attended to one place of the text
  std::size_t front_ = 0;             // the furthest id that was said
  std::size_t beyond_ = 0;            // codes in a row that attended to what is further
  std::size_t behind_ = 0;            // codes in a row that attended to what was said long before
  std::optional<std::size_t> ended_;  // how many codes there were when all was said
  int32_t repeats_ = 0;
  bool past_end_ = false;
};

}  // namespace loquor
