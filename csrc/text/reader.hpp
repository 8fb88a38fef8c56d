// From a user's text to a prompt: checked, punctuated as the family was trained, and in ids. What comes out
// is what python/loquor/bundle makes of the text, or an error: what needs Python's dictionaries is never
// guessed.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/process.hpp"
#include "text/token_finder.hpp"
#include "text/tokenizer_file.hpp"

namespace loquor {

// What is known of a bundle's text.
struct TextFacts {
  std::string folder;
  std::string profile;     // how it is punctuated, by the name in the family's record
  std::string normalizer;  // what it goes through first: "none", "en" or "numbers"
  std::vector<int64_t> opening;
  std::vector<int64_t> closing;
  std::vector<std::string> tags;  // each of which must be one token
  // Whether the embedding table tells text from speech by the ids, so that control tokens are no text.
  bool ids_tell_speech = false;
};

struct TextOptions {
  std::optional<std::string> language;
  std::string normalizer = "auto";  // the bundle's, or one of those above
};

struct PreparedText {
  std::vector<int64_t> ids;
  std::string text;  // as the tokenizer got it
  std::vector<std::string> warnings;
  std::vector<std::string> left_out;  // of English: characters without a sound
  std::vector<std::string> markup;    // and the names of tags
};

class BundleTokenizer {
 public:
  // Throws kModel for a file that cannot be used, or does not close a prompt as the bundle's graphs need it.
  explicit BundleTokenizer(const TextFacts& facts);

  std::vector<int64_t> encode(std::string_view text) const;
  // A user's text with control tokens read as words, and those, each once.
  std::string without_control(std::string_view text, std::vector<std::string>& found) const;
  const std::vector<std::string>& tags() const { return tags_; }

 private:
  void check_template(const TextFacts& facts) const;
  void check_tags(const TextFacts& facts) const;
  void find_control();

  TokenizerFile file_;
  std::vector<std::string> tags_;
  TokenFinder control_;
  bool spells_spaces_ = false;  // as a token that the file does not write itself
};

class TextReader {
 public:
  explicit TextReader(TextFacts facts) : facts_(std::move(facts)) {}

  // Any thread. The tokenizer is read at the first call. Throws kInvalidInput for text that cannot be spoken,
  // kModel for a tokenizer that cannot be used.
  PreparedText prepare(std::string_view text, const TextOptions& options = {}) const;

 private:
  std::shared_ptr<const BundleTokenizer> tokenizer() const;
  std::string prepared(std::string_view text, const TextOptions& options, const BundleTokenizer& tokenizer,
                       std::vector<std::string>& control, std::vector<std::string>& warnings) const;

  TextFacts facts_;
  process::Home home_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const BundleTokenizer> tokenizer_;
};

}  // namespace loquor
