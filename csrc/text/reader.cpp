#include "text/reader.hpp"

#include <algorithm>
#include <array>

#include "base/error.hpp"
#include "base/unicode.hpp"
#include "base/utf8.hpp"
#include "english/english.hpp"
#include "text/characters.hpp"
#include "text/languages.hpp"
#include "text/punctuation.hpp"

namespace loquor {
namespace {

constexpr std::string_view kMultilingual = "multilingual";
constexpr std::string_view kSpaceToken = "[SPACE]";
constexpr std::array<std::string_view, 3> kNormalizers = {"none", "en", "numbers"};
// What English's vocabulary names beside letters and control tokens.
constexpr std::array<std::string_view, 30> kSounds = {
    "[UH]",   "[UM]",    "[giggle]",       "[laughter]", "[guffaw]",  "[inhale]",    "[exhale]",  "[sigh]",
    "[cry]",  "[bark]",  "[howl]",         "[meow]",     "[singing]", "[music]",     "[whistle]", "[humming]",
    "[gasp]", "[groan]", "[whisper]",      "[mumble]",   "[sniff]",   "[sneeze]",    "[cough]",   "[snore]",
    "[chew]", "[sip]",   "[clear_throat]", "[kiss]",     "[shhh]",    "[gibberish]",
};

template <class List>
bool has(const List& list, std::string_view wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

// The first few, and what says that there are more.
std::string some(const std::vector<std::string>& names, std::string_view between, std::string_view more) {
  constexpr std::size_t kShown = 12;
  std::string shown;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    if (i > 0) shown += between;
    shown += names[i];
  }
  return names.size() > kShown ? shown.append(more) : shown;
}

std::string listed(const std::vector<int64_t>& ids) {
  std::string all;
  for (const int64_t id : ids) all += (all.empty() ? "" : ", ") + std::to_string(id);
  return "[" + all + "]";
}

bool is_bracketed(std::string_view token) {
  return token.size() > 2 && token.front() == '[' && token.back() == ']' &&
         token.find('\n') == std::string_view::npos;
}

std::string spelled(std::string_view text, char from, std::string_view to) {
  std::string out;
  for (const char each : text) each == from ? out.append(to) : out.append(1, each);
  return out;
}

// A hyphen at the end of a line: whether it belongs to the word is a matter of its ends, which Python knows.
bool breaks_word(std::string_view text) {
  for (std::string_view rest = text; !rest.empty();) {
    const char32_t hyphen = take_utf8(rest);
    if (hyphen != '-' && hyphen != 0x2010 && hyphen != 0xAD) continue;
    for (std::string_view after = rest; !after.empty();) {
      const char32_t next = take_utf8(after);
      if (next == '\n' || next == '\r') return true;
      if (!is(next, kSpace)) break;
    }
  }
  return false;
}

void require_whole_words(std::string_view text) {
  if (!breaks_word(text)) return;
  throw Error(ErrorKind::kInvalidInput,
              "text has a hyphen at the end of a line, where a word may be broken: join its lines");
}

void require_no_digits(std::string_view text) {
  while (!text.empty()) {
    if (!is(take_utf8(text), kDigit)) continue;
    throw Error(ErrorKind::kInvalidInput,
                "numbers are written in words by unicode-rbnf, a library of Python: write them in words, or "
                "prepare the text with Loquor for Python");
  }
}

// Whether something looks like HTML or SSML; Python names it.
bool has_markup(std::string_view text) {
  for (std::size_t at = 0; (at = text.find('<', at)) != std::string_view::npos; ++at) {
    const std::size_t name = at + (text.substr(at + 1, 1) == "/" ? 2 : 1);
    const char first = name < text.size() ? text[name] : ' ';
    const bool is_name = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z');
    const std::size_t end = text.find_first_of("<>", name);
    if (is_name && end != std::string_view::npos && text[end] == '>') return true;
  }
  return false;
}

}  // namespace

BundleTokenizer::BundleTokenizer(const TextFacts& facts) : file_(facts.folder + "/tokenizer.json") {
  check_template(facts);
  check_tags(facts);
  for (const TokenizerFile::Added& token : file_.added()) {
    const bool is_tag =
        token.special && token.text.size() > 1 && token.text.front() == '[' && token.text.back() == ']';
    if (is_tag && (!facts.ids_tell_speech || has(kSounds, token.text))) tags_.push_back(token.text);
  }
  if (facts.ids_tell_speech) find_control();
}

void BundleTokenizer::find_control() {
  for (const TokenizerFile::Added& token : file_.added()) {
    if (is_bracketed(token.text) && !has(kSounds, token.text)) control_.add({token.text, token.id});
  }
  const auto space = file_.id_of(kSpaceToken);
  const std::vector<int64_t> written = file_.encode("a b", false);
  spells_spaces_ = space && std::find(written.begin(), written.end(), *space) == written.end();
}

void BundleTokenizer::check_template(const TextFacts& facts) const {
  const std::vector<int64_t> text = file_.encode("Hello.", false);
  const std::vector<int64_t> found = file_.encode("Hello.", true);
  std::vector<int64_t> expected = facts.opening;
  expected.insert(expected.end(), text.begin(), text.end());
  expected.insert(expected.end(), facts.closing.begin(), facts.closing.end());
  if (found == expected) return;
  // Some exports' tables want one end-of-text id instead of two: the engine tells by running them.
  const bool ends_twice = facts.closing.size() == 2 && facts.closing[0] == facts.closing[1];
  if (ends_twice && found == std::vector<int64_t>(expected.begin(), expected.end() - 1)) return;
  throw Error(ErrorKind::kModel, file_.path() + ": its post-processor must open a prompt with " +
                                     listed(facts.opening) + " and close it with " + listed(facts.closing) +
                                     ": expected " + listed(expected) + " for 'Hello.', found " +
                                     listed(found) + "; fetch the bundle again");
}

void BundleTokenizer::check_tags(const TextFacts& facts) const {
  for (const std::string& tag : facts.tags) {
    const std::vector<int64_t> found = file_.encode(tag, false);
    if (found.size() == 1) continue;
    throw Error(ErrorKind::kModel, file_.path() + ": expected one token for the tag " + tag + ", found " +
                                       std::to_string(found.size()) + " (" + listed(found) +
                                       "); fetch the bundle again");
  }
}

std::vector<int64_t> BundleTokenizer::encode(std::string_view text) const {
  // What a user wrote was looked through before, and the text's own words may not make it up either.
  if (text.find(kEndOfText) != std::string_view::npos) {
    throw Error(ErrorKind::kInvalidInput,
                "text holds " + std::string(kEndOfText) + ", which marks the end of a prompt: remove it");
  }
  return file_.encode(spells_spaces_ ? spelled(text, ' ', kSpaceToken) : std::string(text), true);
}

std::string BundleTokenizer::without_control(std::string_view text, std::vector<std::string>& found) const {
  std::string now(text);
  for (bool first = true;; first = false) {  // taking one out may leave another
    std::string next;
    bool any = false;
    for (std::size_t at = 0; at < now.size();) {
      const TokenFinder::Match match = control_.find(now, at);
      next.append(now, at, match.at - at);
      if (match.token == nullptr) break;
      const std::string& token = match.token->text;
      if (first && !has(found, token)) found.push_back(token);
      next.append(token, 1, token.size() - 2);
      at = match.at + token.size();
      any = true;
    }
    if (!any) return now;
    now = std::move(next);
  }
}

std::shared_ptr<const BundleTokenizer> TextReader::tokenizer() const {
  // A thread that a forked child does not have may hold the lock.
  if (!home_.here()) return std::make_shared<const BundleTokenizer>(facts_);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (tokenizer_ == nullptr) tokenizer_ = std::make_shared<const BundleTokenizer>(facts_);
  return tokenizer_;
}

std::string TextReader::prepared(std::string_view text, const TextOptions& options,
                                 const BundleTokenizer& tokenizer, std::vector<std::string>& control,
                                 std::vector<std::string>& warnings) const {
  const std::string& normalizer = options.normalizer == "auto" ? facts_.normalizer : options.normalizer;
  if (!has(kNormalizers, normalizer)) {
    const bool is_asked = options.normalizer != "auto";
    throw Error(is_asked ? ErrorKind::kInvalidInput : ErrorKind::kModel,
                (is_asked ? std::string("normalizer") : facts_.folder + "/config.json: text_normalizer") +
                    " must be one of none, en, numbers, not '" + normalizer.substr(0, 40) + "'");
  }
  const bool is_multilingual = facts_.profile == kMultilingual;
  if (!is_multilingual && !has_punctuation(facts_.profile)) {
    throw Error(ErrorKind::kModel, facts_.folder + "/config.json: text_profile is '" + facts_.profile +
                                       "', which this Loquor does not know: upgrade it");
  }
  std::string language = "en";
  if (is_multilingual || options.language) language = checked_language(options.language.value_or(""));
  if (!is_multilingual && language != "en") {
    throw Error(ErrorKind::kInvalidInput,
                "this model speaks English only, not " + std::string(language_name(language)));
  }
  if (normalizer != "en" && has_markup(text))
    warnings.push_back("read as text, tags and all, for this model knows no markup");
  if (normalizer == "numbers") require_no_digits(text);
  std::string words(text);
  if (normalizer == "en") {
    if (language != "en") {
      throw Error(ErrorKind::kInvalidInput, "the normalizer 'en' writes English: for " +
                                                std::string(language_name(language)) +
                                                " take 'numbers' or 'none'");
    }
    english::Spelled said = english::spell(text);
    if (!said.left_out.empty())
      warnings.push_back("left out what has no sound in English: " + some(said.left_out, "", "..."));
    if (!said.markup.empty()) {
      warnings.push_back("left out markup, which changes nothing of how it is said: " +
                         some(said.markup, ", ", ", ..."));
    }
    words = std::move(said.text);
    const std::u32string characters = characters_of(words);
    if (std::none_of(characters.begin(), characters.end(), [](char32_t c) { return is(c, kLetter); }))
      warnings.push_back("nothing in this text can be spoken: this model knows English letters only");
    if (is_multilingual) words = punctuated(words);
  } else {
    require_whole_words(text);
  }
  // Once more: what was written out may spell a control token that the user's text did not.
  if (!is_multilingual) return tokenizer.without_control(punctuated(words, facts_.profile), control);
  InLanguage in = in_language(words, language);
  if (!in.warning.empty()) warnings.push_back(std::move(in.warning));
  return "[" + language + "]" + tokenizer.without_control(in.text, control);
}

PreparedText TextReader::prepare(std::string_view text, const TextOptions& options) const {
  check_text(text);
  const auto tokenizer = this->tokenizer();
  PreparedText out;
  std::vector<std::string> control;
  const std::string plain = tokenizer->without_control(text, control);
  check_text(plain);
  out.text = prepared(plain, options, *tokenizer, control, out.warnings);
  out.ids = tokenizer->encode(out.text);
  if (!control.empty())
    out.warnings.push_back("read as words, for only a model may write them: " + joined(control));
  for (const std::string& tag : tags_in(text)) {
    if (has(tokenizer->tags(), tag)) continue;
    const std::string known = tokenizer->tags().empty() ? "none" : joined(tokenizer->tags());
    out.warnings.push_back(tag + " is no tag of this model and is read as text (it knows " + known + ")");
  }
  return out;
}

}  // namespace loquor
