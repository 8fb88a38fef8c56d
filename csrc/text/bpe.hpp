// Byte-pair encoding (Sennrich et al., 2016, arXiv 1508.07909): a word's characters, of which the pair that
// was learned first is joined, again and again. As the `BPE` model of Hugging Face's tokenizers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace loquor {

class Bpe {
 public:
  struct Merge {
    int32_t rank;  // the lowest is joined first
    int32_t id;    // of both together
  };

  // The tokens by their text. `unknown` stands for characters that are none; without it they are left out.
  std::unordered_map<std::string, int32_t> vocabulary;
  std::unordered_map<uint64_t, Merge> merges;  // by key_of the pair's ids
  std::optional<int32_t> unknown;
  bool fuses_unknown = false;  // of several in a row one is written
  bool takes_whole = false;    // a word that is a token is not taken apart

  static uint64_t key_of(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }

  // Appends the ids of a word, well-formed UTF-8, in a time of n log n of its length.
  void append(std::string_view word, std::vector<int64_t>& ids) const;

 private:
  std::vector<int32_t> characters(std::string_view word) const;
};

}  // namespace loquor
