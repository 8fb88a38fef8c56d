// Which id of a text each speech code says, from what the model attends to as it chooses the code: the
// likeliest path that only goes forward (Viterbi), found while codes come. No runtime; allocates when it is
// made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/span.hpp"

namespace loquor {

class TextAligner {
 public:
  // Of a text of `ids` ids, 1 or more, that takes `most` codes at most.
  TextAligner(std::size_t ids, std::size_t most);

  // What the next code's step attended to: [ids], 0 or more each. Behind the most it does nothing.
  void push(Span<const float> attention);
  std::size_t size() const { return size_; }
  std::size_t ids() const { return ids_; }
  // The id of each code in [from, to), to be appended: of the path to the newest code that is likeliest now,
  // but never before what was read already.
  void read(std::size_t from, std::size_t to, std::vector<int32_t>& ids);
  // Forgets all codes but the first `count`, whose path stays as it is. No more are pushed then.
  void truncate(std::size_t count);
  void reset();

 private:
  std::size_t trace(std::size_t to);

  std::size_t ids_;
  std::size_t most_;
  std::vector<float> scores_;       // of the best path that ends at each id, relative to the best of all
  std::vector<float> earlier_;      // the same of the code before
  std::vector<uint8_t> moves_;      // [most, ids]: how far the path went on to get there
  std::vector<int32_t> path_;       // as traced last
  std::optional<std::size_t> end_;  // of the path, once it is cut
  std::size_t size_ = 0;
  int32_t read_ = 0;  // the last id that was read
};

}  // namespace loquor
