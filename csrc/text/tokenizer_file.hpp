// A tokenizer.json of Hugging Face's tokenizers, run as that library does: the parts of it that bundles of
// the family use. What else a file asks for is refused, for ids that are nearly right are speech that is
// wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/bpe.hpp"
#include "text/token_finder.hpp"

namespace loquor {

class Json;

class TokenizerFile {
 public:
  static constexpr std::size_t kMostBytes = 16 << 20;
  static constexpr int kMostValues = 500'000;

  // Of a token that stands beside the model's vocabulary, or has a part of its own in it.
  struct Added {
    std::string text;
    int32_t id;
    bool special;
  };

  // Throws kModel for a file that is missing, damaged, or asks for what is not known here.
  explicit TokenizerFile(const std::string& path);

  // The ids of well-formed UTF-8; `closed`: with those that its template writes around a text.
  std::vector<int64_t> encode(std::string_view text, bool closed) const;

  const std::vector<Added>& added() const { return added_; }  // in order of their ids
  std::optional<int32_t> id_of(std::string_view token) const;
  const std::string& path() const { return path_; }

 private:
  struct Replacement {
    std::string pattern;  // "": runs of white space
    std::string content;
  };
  struct Splitter {
    bool bytes;       // else words and marks, with the white space between them left out
    bool puts_space;  // before a text without one
    bool splits;      // as GPT-2 does; else the text is one word
  };

  void read(const Json& file);
  void read_model(const Json& model);
  void read_added(const Json& tokens);
  void read_normalizer(const Json& normalizer);
  void read_splitter(const Json& splitter);
  void read_template(const Json& processor);

  std::string normalized(std::string_view text) const;
  void append_words(std::string_view text, std::vector<int64_t>& ids) const;

  std::string path_;
  Bpe model_;
  std::vector<Added> added_;
  TokenFinder as_written_;  // added tokens that are looked for before the text is normalised
  TokenFinder normalized_;  // and behind that
  std::vector<Replacement> replacements_;
  std::vector<Splitter> splitters_;
  std::vector<int64_t> opening_;
  std::vector<int64_t> closing_;
};

}  // namespace loquor
