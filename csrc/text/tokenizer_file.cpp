#include "text/tokenizer_file.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <utility>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/unicode.hpp"
#include "base/utf8.hpp"
#include "text/word_split.hpp"

namespace loquor {
namespace {

std::string read_bounded(const std::string& path, std::size_t most) {
  const std::filesystem::path file = std::filesystem::u8path(path);
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) {
    throw Error(ErrorKind::kModel, "no file " + path + ": the bundle is incomplete, fetch it again");
  }
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  const std::streamoff size = stream ? static_cast<std::streamoff>(stream.tellg()) : -1;
  if (size < 0) throw Error(ErrorKind::kModel, path + " cannot be read");
  if (static_cast<uint64_t>(size) > most) {
    throw Error(ErrorKind::kModel, path + " has " + std::to_string(size) + " bytes, more than the " +
                                       std::to_string(most) + " of any tokenizer: fetch the bundle again");
  }
  std::string text(static_cast<std::size_t>(size), '\0');
  stream.seekg(0);
  stream.read(text.data(), size);
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text;
}

[[noreturn]] void unknown(const std::string& what) {
  throw Error(ErrorKind::kModel, "it asks for " + what + ", which this version does not know");
}

// Absent members and null are the same.
const Json* member(const Json& object, const char* key) {
  const Json* const found = object.find(key);
  return found == nullptr || found->is_null() ? nullptr : found;
}

const Json& needed(const Json& object, const char* key) {
  if (const Json* const found = member(object, key)) return *found;
  throw Error(ErrorKind::kModel, "it has no '" + std::string(key) + "' where one is needed");
}

bool flag(const Json& object, const char* key, bool otherwise = false) {
  const Json* const found = member(object, key);
  return found == nullptr ? otherwise : found->as_bool();
}

std::string type_of(const Json& part) { return needed(part, "type").as_string(); }

int32_t id_in(const Json& value) {
  const int64_t id = value.as_int64();
  if (id < 0 || id > std::numeric_limits<int32_t>::max()) {
    throw Error(ErrorKind::kModel, "it has the id " + std::to_string(id) + ", which no table holds");
  }
  return static_cast<int32_t>(id);
}

std::pair<std::string, std::string> pair_in(const Json& merge) {
  if (merge.is_array() && merge.items().size() == 2)
    return {merge.items()[0].as_string(), merge.items()[1].as_string()};
  const std::string both = merge.is_array() ? std::string() : merge.as_string();
  const std::size_t space = both.find(' ');
  if (space == std::string::npos || both.find(' ', space + 1) != std::string::npos)
    throw Error(ErrorKind::kModel, "it has a merge that is not of two parts");
  return {both.substr(0, space), both.substr(space + 1)};
}

// Calls `on_text` with what lies between the tokens, which `ids` get, in the order of the text.
template <class OnText>
void split(std::string_view text, const TokenFinder& tokens, std::vector<int64_t>& ids, OnText on_text) {
  for (std::size_t at = 0; at < text.size();) {
    const TokenFinder::Match match = tokens.find(text, at);
    if (match.at > at) on_text(text.substr(at, match.at - at));
    if (match.token == nullptr) return;
    ids.push_back(match.token->id);
    at = match.at + match.token->text.size();
  }
}

}  // namespace

TokenizerFile::TokenizerFile(const std::string& path) : path_(path) {
  const std::string text = read_bounded(path, kMostBytes);
  try {
    read(Json::parse(text, {kMostBytes, kMostValues}));
  } catch (const Error& problem) {
    throw Error(ErrorKind::kModel,
                path + " is not a readable tokenizer (" + problem.what() + "): fetch the bundle again");
  }
}

void TokenizerFile::read(const Json& file) {
  read_model(needed(file, "model"));
  if (const Json* const normalizer = member(file, "normalizer")) read_normalizer(*normalizer);
  if (const Json* const tokens = member(file, "added_tokens")) read_added(*tokens);
  if (const Json* const splitter = member(file, "pre_tokenizer")) read_splitter(*splitter);
  if (const Json* const processor = member(file, "post_processor")) read_template(*processor);
}

void TokenizerFile::read_model(const Json& model) {
  if (const Json* const type = member(model, "type"); type != nullptr && type->as_string() != "BPE")
    unknown("a model of type " + type->as_string());
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const Json* const affix = member(model, key);
    if (affix != nullptr && !affix->as_string().empty()) unknown("a " + std::string(key));
  }
  if (const Json* const dropout = member(model, "dropout"); dropout != nullptr && dropout->as_double() != 0)
    unknown("dropout");
  if (flag(model, "byte_fallback")) unknown("byte_fallback");
  model_.fuses_unknown = flag(model, "fuse_unk");
  model_.takes_whole = flag(model, "ignore_merges");
  for (const JsonMember& token : needed(model, "vocab").members())
    model_.vocabulary.emplace(token.key, id_in(token.value));
  if (const Json* const token = member(model, "unk_token")) {
    model_.unknown = id_of(token->as_string());
    if (!model_.unknown) throw Error(ErrorKind::kModel, "its unk_token is not in its vocabulary");
  }
  int32_t rank = 0;
  for (const Json& merge : needed(model, "merges").items()) {
    const auto [left, right] = pair_in(merge);
    const auto left_id = id_of(left), right_id = id_of(right), both_id = id_of(left + right);
    if (!left_id || !right_id || !both_id)
      throw Error(ErrorKind::kModel,
                  "it merges '" + left + "' and '" + right + "', not all of its vocabulary");
    model_.merges[Bpe::key_of(*left_id, *right_id)] = {rank++, *both_id};
  }
}

void TokenizerFile::read_normalizer(const Json& normalizer) {
  const std::string type = type_of(normalizer);
  if (type == "Sequence") {
    for (const Json& part : needed(normalizer, "normalizers").items()) read_normalizer(part);
    return;
  }
  if (type != "Replace") unknown("the normalizer " + type);
  const Json& pattern = needed(normalizer, "pattern");
  Replacement replacement;
  replacement.content = needed(normalizer, "content").as_string();
  if (const Json* const text = member(pattern, "String")) {
    replacement.pattern = text->as_string();
    if (replacement.pattern.empty()) unknown("the replacement of nothing");
  } else if (needed(pattern, "Regex").as_string() != "\\s+") {
    unknown("the pattern " + pattern.find("Regex")->as_string());
  }
  replacements_.push_back(std::move(replacement));
}

void TokenizerFile::read_added(const Json& tokens) {
  const int64_t size = static_cast<int64_t>(model_.vocabulary.size());
  int64_t next = size;
  for (const Json& token : tokens.items()) {
    Added added = {needed(token, "content").as_string(), id_in(needed(token, "id")), flag(token, "special")};
    for (const char* key : {"single_word", "lstrip", "rstrip"}) {
      if (flag(token, key)) unknown(std::string(key) + " of the token " + added.text);
    }
    // The library numbers them itself, whatever the file says.
    const auto known = model_.vocabulary.find(added.text);
    const int64_t id = known != model_.vocabulary.end() ? known->second : next;
    next = std::max(next, id + 1);
    if (id != added.id) {
      throw Error(ErrorKind::kModel, "the token " + added.text + " has the id " + std::to_string(added.id) +
                                         " where " + std::to_string(id) + " is expected");
    }
    const bool is_normalized = flag(token, "normalized", !added.special);
    (is_normalized ? normalized_ : as_written_)
        .add({is_normalized ? normalized(added.text) : added.text, added.id});
    added_.push_back(std::move(added));
  }
  std::sort(added_.begin(), added_.end(),
            [](const Added& left, const Added& right) { return left.id < right.id; });
}

void TokenizerFile::read_splitter(const Json& splitter) {
  const std::string type = type_of(splitter);
  if (type == "Sequence") {
    for (const Json& part : needed(splitter, "pretokenizers").items()) read_splitter(part);
  } else if (type == "Whitespace") {
    splitters_.push_back({false, false, true});
  } else if (type == "ByteLevel") {
    splitters_.push_back(
        {true, needed(splitter, "add_prefix_space").as_bool(), flag(splitter, "use_regex", true)});
  } else {
    unknown("the pre_tokenizer " + type);
  }
}

void TokenizerFile::read_template(const Json& processor) {
  const std::string type = type_of(processor);
  if (type == "ByteLevel") return;  // which changes offsets alone
  if (type != "TemplateProcessing") unknown("the post_processor " + type);
  std::vector<int64_t>* side = &opening_;
  for (const Json& item : needed(processor, "single").items()) {
    if (const Json* const sequence = member(item, "Sequence")) {
      if (side == &closing_ || needed(*sequence, "id").as_string() != "A") unknown("a text more than once");
      side = &closing_;
      continue;
    }
    const std::string name = needed(needed(item, "SpecialToken"), "id").as_string();
    const Json& ids = needed(needed(needed(processor, "special_tokens"), name.c_str()), "ids");
    for (const Json& id : ids.items()) side->push_back(id_in(id));
  }
  if (side == &opening_) unknown("a template without a text");
}

std::optional<int32_t> TokenizerFile::id_of(std::string_view token) const {
  const auto found = model_.vocabulary.find(std::string(token));
  if (found != model_.vocabulary.end()) return found->second;
  for (const Added& added : added_) {
    if (added.text == token) return added.id;
  }
  return std::nullopt;
}

std::string TokenizerFile::normalized(std::string_view text) const {
  std::string now(text);
  for (const Replacement& replacement : replacements_) {
    std::string next;
    std::string_view rest = now;
    bool in_space = false;
    while (!rest.empty()) {
      const std::string& pattern = replacement.pattern;
      if (!pattern.empty()) {
        const std::size_t found = rest.find(pattern);
        next += rest.substr(0, found);
        if (found == std::string_view::npos) break;
        next += replacement.content;
        rest.remove_prefix(found + pattern.size());
        continue;
      }
      const char32_t character = take_utf8(rest);
      const bool is_space = is(character, kWhiteSpace);
      if (!is_space) append_utf8(next, character);
      if (is_space && !in_space) next += replacement.content;
      in_space = is_space;
    }
    now = std::move(next);
  }
  return now;
}

void TokenizerFile::append_words(std::string_view text, std::vector<int64_t>& ids) const {
  std::vector<std::string> words = {std::string(text)};
  for (const Splitter& splitter : splitters_) {
    std::vector<std::string> parts;
    for (std::string& word : words) {
      if (splitter.puts_space && word.front() != ' ') word.insert(word.begin(), ' ');
      const auto found = !splitter.bytes   ? words_and_marks(word)
                         : splitter.splits ? gpt2_words(word)
                                           : std::vector<std::string_view>{word};
      for (const std::string_view part : found)
        parts.push_back(splitter.bytes ? as_byte_symbols(part) : std::string(part));
    }
    words = std::move(parts);
  }
  for (const std::string& word : words) model_.append(word, ids);
}

std::vector<int64_t> TokenizerFile::encode(std::string_view text, bool closed) const {
  std::vector<int64_t> ids;
  if (closed) ids = opening_;
  split(text, as_written_, ids, [&](std::string_view part) {
    const std::string ready = normalized(part);
    split(ready, normalized_, ids, [&](std::string_view words) { append_words(words, ids); });
  });
  if (closed) ids.insert(ids.end(), closing_.begin(), closing_.end());
  return ids;
}

}  // namespace loquor
