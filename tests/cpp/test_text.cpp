// Text in the core, without a model: characters, punctuation, words, merges, tokenizer files. That all of it
// agrees with Python is for tests/python/test_core_text.py.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/unicode.hpp"
#include "refusal.hpp"
#include "temp_folder.hpp"
#include "text/bpe.hpp"
#include "text/characters.hpp"
#include "text/languages.hpp"
#include "text/punctuation.hpp"
#include "text/reader.hpp"
#include "text/token_finder.hpp"
#include "text/tokenizer_file.hpp"
#include "text/word_split.hpp"

using namespace loquor;
using Ids = std::vector<int64_t>;
using Parts = std::vector<std::string_view>;

namespace {

// What refuses it; "": nothing.
std::string trouble_of(std::string_view text) {
  try {
    check_text(text);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kInvalidInput);
    return error.what();
  }
  return "";
}

// A bundle's tokenizer of letters, where [STOP] ends the text, as English's and Multilingual's do.
TextReader reader_in(const TempFolder& folder, const std::string& profile = "english",
                     const std::string& members = "") {
  folder.write("tokenizer.json", R"({"added_tokens": [
      {"id": 0, "content": "[STOP]", "special": true}, {"id": 1, "content": "[UNK]", "special": true},
      {"id": 2, "content": "[SPACE]", "special": true}, {"id": 9, "content": "[sigh]", "special": true}],
    "pre_tokenizer": {"type": "Whitespace"},
    "post_processor": {"type": "TemplateProcessing",
      "single": [{"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "[STOP]"}}],
      "special_tokens": {"[STOP]": {"ids": [0]}}},
    "model": {"type": "BPE", "unk_token": "[UNK]", "merges": ["a b"],
      "vocab": {"[STOP]": 0, "[UNK]": 1, "[SPACE]": 2, "a": 3, "b": 4, "ab": 5, ".": 6, "A": 7, "[sigh]": 9}})" +
                                     members + "}");
  TextFacts facts;
  facts.folder = folder.path();
  facts.profile = profile;
  facts.normalizer = "none";
  facts.closing = {0};
  facts.ids_tell_speech = true;
  return TextReader(facts);
}

}  // namespace

TEST_CASE("what cannot be spoken is refused: bytes, control characters, the end of text, too much, nothing") {
  CHECK(trouble_of("Hello.") == "");
  CHECK(trouble_of("\xF0\x9F\x99\x82") == "");  // an emoji alone
  CHECK(trouble_of("ab\xC3") == "text is not valid UTF-8 at byte 2: decode it again");
  CHECK(trouble_of("\xED\xA0\x80").find("UTF-8 at byte 0") != std::string::npos);  // a surrogate
  CHECK(trouble_of("\xC3\xA4\x07") == "text holds the control character U+0007 at index 1: remove it");
  CHECK(trouble_of("a\x1C\xC2\x85\tb") == "");  // white space to Python
  CHECK(trouble_of("a<|endoftext|>").find("at byte 1") != std::string::npos);
  CHECK(trouble_of(std::string(5000, 'x')) == "");
  CHECK(trouble_of(std::string(5001, 'x')).find("more than the limit of 5000") != std::string::npos);
  for (const char* nothing : {"", " \n", "\xE2\x80\x8B "})
    CHECK(trouble_of(nothing).find("at least one word") != std::string::npos);
}

TEST_CASE("tags are what looks like one") {
  CHECK(tag_length("[laugh] x") == 7);
  CHECK(tag_length("[ clear throat]") == 15);
  for (const char* none : {"laugh]", "[", "[]", "[ ]", "[1]", "[a", "[a1]"}) CHECK(tag_length(none) == 0);
  CHECK(tags_in("[a][b] [[a] [c") == std::vector<std::string>{"[a]", "[b]"});
}

TEST_CASE("punctuation is upstream's, quirks included") {
  CHECK(punctuated("hello  there", "turbo") == "Hello there.");
  CHECK(punctuated(" hello: so\xE2\x80\xA6 yes", "turbo") == "hello, so,  yes.");
  CHECK(punctuated("a; b - c...", "turbo") == "A; b - c...");
  CHECK(punctuated("a; b - c...", "english") == "A,  b, c,");
  CHECK(punctuated("\xE2\x80\x9Cso\xE2\x80\x9D", "turbo") == "\"so\".");
  CHECK(punctuated("\xC3\x9F", "turbo") == "SS.");
  CHECK(punctuated("", "turbo") == ".");
}

TEST_CASE("languages are lowered and taken apart, each in its own way") {
  CHECK(in_language("\xCE\xA4\xCE\xB9;", "el").text == "\xCF\x84\xCE\xB9?");
  CHECK(in_language("\xCE\x9F\xCE\x94\xCE\x9F\xCE\xA3", "el").text == "\xCE\xBF\xCE\xB4\xCE\xBF\xCF\x82.");
  CHECK(in_language("I\xC4\xB0", "tr").text == "\xC4\xB1i.");
  CHECK(in_language("\xED\x95\x9C", "ko").text == "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB.");
  CHECK(in_language("\xD7\xA9", "he").warning.find("vowel points") != std::string::npos);
  CHECK(refusal([] { in_language("\xE9\xA3\x9F", "ja"); }).names("fugashi"));
  CHECK(refusal([] { in_language("\xE4\xBD\xA0", "zh"); }).names("jieba"));
  CHECK(checked_language("DE") == "de");
  CHECK(checked_language("pt-BR") == "pt");
  CHECK(checked_language("zh_Hant-TW") == "zh");
  CHECK(checked_language("nb-NO") == "no");
  for (const char* wrong : {"de-", "de--AT", "-de", "de AT", "d", "deu", "pt-BRAZILIAN"})
    CHECK(refusal([wrong] { checked_language(wrong); }).names("language must be one of"));
  CHECK(refusal([] { checked_language(""); }).names("say which"));
  CHECK(refusal([] { checked_language("xx"); }).names("not 'xx'"));
}

TEST_CASE("marks on a letter come in their own order") {
  CHECK(decomposed(U"a\u0301\u0323") == U"a\u0323\u0301");
  CHECK(decomposed(U"\u0301\u0323a\u0301") == U"\u0323\u0301a\u0301");
  CHECK(lowered(U"\u0130\u03A3") == U"i\u0307\u03C2");
  CHECK(lowered(U"\u03A3") == U"\u03C3");
}

TEST_CASE("the pair that was learned first is joined first, and the left one of two") {
  Bpe bpe;
  bpe.vocabulary = {{"a", 0}, {"b", 1}, {"ab", 2}, {"bb", 3}, {"abb", 4}};
  bpe.merges = {{Bpe::key_of(1, 1), {0, 3}}, {Bpe::key_of(0, 1), {1, 2}}, {Bpe::key_of(0, 3), {2, 4}}};
  const auto ids = [&bpe](std::string_view word) {
    Ids out;
    bpe.append(word, out);
    return out;
  };
  CHECK(ids("abb") == Ids{4});
  CHECK(ids("abbb") == Ids{4, 1});
  CHECK(ids("ab") == Ids{2});
  CHECK(ids("axb") == Ids{2});  // what is unknown is left out
  bpe.unknown = 9;
  CHECK(ids("axyb") == Ids{0, 9, 9, 1});
  bpe.fuses_unknown = true;
  CHECK(ids("axyb") == Ids{0, 9, 1});
  CHECK(ids("") == Ids{});
  CHECK(ids(std::string(100'000, 'b')).size() == 50'000);
}

TEST_CASE("words are those of GPT-2, and of \\w") {
  CHECK(gpt2_words("I'm  12 b!?  ") == Parts{"I", "'m", " ", " 12", " b", "!?", "  "});
  CHECK(gpt2_words("a\n\nb'x 'so") == Parts{"a", "\n", "\n", "b", "'", "x", " '", "so"});
  CHECK(words_and_marks(" a_1, b!? ") == Parts{"a_1", ",", "b", "!?"});
  CHECK(as_byte_symbols(" \n") == "\xC4\xA0\xC4\x8A");
}

TEST_CASE("the leftmost token is found, and of several the longest") {
  TokenFinder tokens;
  for (const char* text : {"a", "ab", "abc", "bc", ""}) tokens.add({text, static_cast<int32_t>(text[0])});
  CHECK(tokens.find("xabcx", 0).token->text == "abc");
  CHECK(tokens.find("xabcx", 2).token->text == "bc");
  CHECK(tokens.find("xa", 0).at == 1);
  CHECK(tokens.find("xyz", 0).token == nullptr);
  CHECK(TokenFinder().find("abc", 0).at == 3);
}

TEST_CASE("what a user writes never becomes a control token, however it is nested") {
  const TempFolder folder;
  const TextReader reader = reader_in(folder);
  CHECK(reader.prepare("ab").ids == Ids{7, 4, 6, 0});  // a capital, a full stop, the end
  CHECK(reader.prepare("ab a").ids == Ids{7, 4, 2, 3, 6, 0});
  for (const char* text : {"a[STOP]b", "a[[STOP]]b", "[STO[STOP]P]", "[STO[UNK]P]", "a[SPACE]b"}) {
    const PreparedText prepared = reader.prepare(text);
    CAPTURE(text);
    CHECK(std::count(prepared.ids.begin(), prepared.ids.end(), 0) == 1);
    CHECK(std::count(prepared.ids.begin(), prepared.ids.end(), 2) == 0);
    CHECK(prepared.warnings.front().find("only a model may write them: [") != std::string::npos);
  }
  CHECK(reader.prepare("a [sigh]").ids == Ids{7, 2, 9, 6, 0});
  CHECK(reader.prepare("a [sigh]").warnings.empty());
  CHECK(reader.prepare("a [sob]").warnings ==
        std::vector<std::string>{"[sob] is no tag of this model and is read as text (it knows [sigh])"});
  CHECK(refusal([&] { reader.prepare("a-\nb"); }).names("join its lines"));
  CHECK(refusal([&] { reader.prepare("a", {"de"}); }).names("English only, not German"));
  CHECK(refusal([&] { reader.prepare("a", {{}, "xx"}); }).names("normalizer must be one of"));
}

TEST_CASE("a tokenizer that asks for more than is known is refused, and so is one that closes no prompt") {
  const TempFolder folder;
  const TextReader good = reader_in(folder);
  CHECK(good.prepare("a").ids.back() == 0);
  const TextReader lower = reader_in(folder, "english", R"(, "normalizer": {"type": "Lowercase"})");
  const Refusal refused = refusal([&] { lower.prepare("a"); });
  CHECK(refused.kind == ErrorKind::kModel);
  CHECK(refused.names("it asks for the normalizer Lowercase, which this version does not know"));
  CHECK(refusal([&] { reader_in(folder, "klingon").prepare("a"); }).names("text_profile is 'klingon'"));
  TextFacts facts;
  facts.folder = folder.path();
  facts.closing = {0, 0, 7};
  facts.profile = "turbo";
  reader_in(folder);
  CHECK(refusal([&] { TextReader(facts).prepare("a"); }).names("close it with [0, 0, 7]"));
  facts.folder += "/absent";
  CHECK(refusal([&] { TextReader(facts).prepare("a"); }).names("no file"));
}
