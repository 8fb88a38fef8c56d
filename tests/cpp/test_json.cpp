#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/rng.hpp"

using loquor::Error;
using loquor::ErrorKind;
using loquor::Json;

namespace {

constexpr std::string_view kConfig = R"({
  "model_type": "chatterbox",
  "hidden_size": 1024, "rate": 24000.0, "epsilon": 1e-5, "offset": -42,
  "tie": true, "cache": false, "head": null,
  "names": ["key", "value", "na\u00efve \ud83d\ude00 \"quoted\" \\ \/ \b\f\n\r\t"],
  "nested": {"empty": {}, "list": [], "deep": [[1], [2, [3]]]}
})";

// The message of the Error that parsing throws; fails the test if it does not throw kModel.
std::string refusal(std::string_view text) {
  try {
    Json::parse(text);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kModel);
    return error.what();
  }
  FAIL("parsed: " << std::string(text));
  return {};
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

}  // namespace

TEST_CASE("a config document reads back whole") {
  const Json config = Json::parse(kConfig);
  REQUIRE(config.is_object());
  CHECK(config.members().size() == 10);
  CHECK(config.members()[0].key == "model_type");
  CHECK(config.find("model_type")->as_string() == "chatterbox");
  CHECK(config.find("hidden_size")->as_int64() == 1024);
  CHECK(config.find("hidden_size")->as_double() == 1024.0);
  CHECK(config.find("rate")->as_int64() == 24000);
  CHECK(config.find("epsilon")->as_double() == 1e-5);
  CHECK(config.find("offset")->as_int64() == -42);
  CHECK(config.find("tie")->as_bool());
  CHECK_FALSE(config.find("cache")->as_bool());
  CHECK(config.find("head")->is_null());
  CHECK(config.find("names")->items()[2].as_string() ==
        "na\xC3\xAFve \xF0\x9F\x98\x80 \"quoted\" \\ / \b\f\n\r\t");
  const Json& nest = *config.find("nested");
  CHECK(nest.find("empty")->members().empty());
  CHECK(nest.find("list")->items().empty());
  CHECK(nest.find("deep")->items()[1].items()[1].items()[0].as_int64() == 3);
  CHECK(config.find("missing") == nullptr);
}

TEST_CASE("int64 is exact to its ends, and only integers are integers") {
  CHECK(Json::parse("9223372036854775807").as_int64() == std::numeric_limits<int64_t>::max());
  CHECK(Json::parse("-9223372036854775808").as_int64() == std::numeric_limits<int64_t>::min());
  CHECK(Json::parse("9007199254740993").as_int64() == 9007199254740993);  // no double holds it
  CHECK(Json::parse("1e3").as_int64() == 1000);
  CHECK(Json::parse("-0.0").as_int64() == 0);
  for (const char* text : {"1.5", "9223372036854775808", "1e300", "1e-3"}) {
    const Json number = Json::parse(text);
    CHECK(number.is_number());
    CHECK_THROWS_AS(number.as_int64(), Error);
  }
  CHECK(Json::parse("9223372036854775808").as_double() == 9223372036854775808.0);
  CHECK(Json::parse("0.1").as_double() == 0.1);
  CHECK(Json::parse("1.7976931348623157E+308").as_double() == std::numeric_limits<double>::max());
}

TEST_CASE("a refusal says where it is and what was expected") {
  CHECK(refusal("{\"a\": 1,\n \"b\" 2}") == "JSON line 2 column 6: expected ':' after a key");
  CHECK(refusal("[1, 2") == "JSON line 1 column 6: expected ',' or ']'");
  CHECK(refusal("{\"a\": 1 \"b\"") == "JSON line 1 column 9: expected ',' or '}'");
  CHECK(refusal("") == "JSON line 1 column 1: expected a value");
  CHECK(refusal("[1,]") == "JSON line 1 column 4: expected a value");
  CHECK(refusal("{\"a\":1,}") == "JSON line 1 column 8: expected a key in double quotes");
  CHECK(refusal("{\"\xC3\xA9\": x}") == "JSON line 1 column 7: expected a value");  // counts characters
  CHECK(refusal("{\"a\": 1,\n\"a\": 2}") ==
        "JSON line 2 column 1: expected a key that this object does not have yet, not \"a\" again");
  CHECK(refusal("1 2") == "JSON line 1 column 3: expected the end of the text");
  CHECK(refusal("1e999") == "JSON line 1 column 1: expected a number that fits a double");
}

TEST_CASE("what is not JSON is refused") {
  for (const std::string_view text : {
           "// no\n1",
           "/* no */ 1",
           "NaN",
           "Infinity",
           "-Infinity",
           "nul",
           "True",
           "'a'",
           "{a: 1}",
           "01",
           "-",
           "+1",
           ".5",
           "1.",
           "1e",
           "1e+",
           "0x10",
           "--1",
           "1_000",
           "\"a",
           "\"\\x41\"",
           "\"\\u12\"",
           "\"\\u12G4\"",
           "\"\\u-123\"",
           "\"\\ud800\"",
           "\"\\udc00\"",
           "\"\\ud800\\u0041\"",
           "\"\\ud800\\ue000\"",
           "\"\\ud800x\"",
           "\"tab\there\"",
           "\"line\nbreak\"",
           "[1 2]",
           "[,1]",
           "{\"a\"}",
           "{,}",
           "]",
           "}",
           "[}",
           "{]",
           "\xEF\xBB\xBF"
           "1",
           "\"\\",
           "\"\\u",
       }) {
    CAPTURE(text);
    CHECK_FALSE(refusal(text).empty());
  }
  CHECK_FALSE(refusal(std::string_view("\0", 1)).empty());
  CHECK_FALSE(refusal(std::string_view("\"a\0b\"", 5)).empty());
  CHECK_FALSE(refusal(std::string_view("1\0", 2)).empty());
}

TEST_CASE("strings must be well-formed UTF-8") {
  for (const std::string_view bytes : {"\xC3\xA9", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                                       "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    const std::string text = '"' + std::string(bytes) + '"';
    CHECK(Json::parse(text).as_string() == bytes);
  }
  for (const std::string_view bytes :
       {"\x80", "\xC0\xAF", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x9F\xBF", "\xE2\x82", "\xED\xA0\x80",
        "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xF0\x9F\x98", "\xFF"}) {
    CHECK(refusal('"' + std::string(bytes) + '"') == "JSON line 1 column 2: expected valid UTF-8");
  }
  CHECK(
      Json::parse("\"\\u0000\\u007f\\u0080\\u07ff\\u0800\\uffff\\ud800\\udc00\\udbff\\udfff\"").as_string() ==
      std::string("\0\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", 20));
}

TEST_CASE("nesting ends at 64 levels, however deep the text goes") {
  CHECK(Json::parse(nested(64)).is_array());
  CHECK(refusal(nested(65)) == "JSON line 1 column 65: expected at most 64 levels of nesting");
  CHECK_FALSE(refusal(std::string(1000000, '[')).empty());
}

TEST_CASE("a text ends at 1 MiB and 20,000 values") {
  const auto list = [](int count) {
    std::string text = "[1.5";
    for (int i = 1; i < count; ++i) text += ",1.5";
    return text + ']';
  };
  CHECK(Json::parse(list(Json::kMostValues - 1)).items().size() == 19'999);  // the array is one too
  CHECK(refusal(list(Json::kMostValues)) == "JSON line 1 column 79998: expected at most 20000 values");
  const std::string whole = '"' + std::string(Json::kMostBytes - 2, 'x') + '"';
  CHECK(Json::parse(whole).as_string().size() == Json::kMostBytes - 2);
  CHECK(refusal(whole + ' ') == "JSON line 1 column 1: expected at most 1048576 bytes");
}

TEST_CASE("an accessor of the wrong type names the line, what it wanted and what it found") {
  const Json config = Json::parse("{\n\"a\": [1.5],\n\"b\": \"x\"}");
  CHECK_THROWS_WITH(config.find("a")->as_string(), "JSON line 2: expected a string, found an array");
  CHECK_THROWS_WITH(config.find("a")->items()[0].as_int64(), "JSON line 2: expected an integer, found 1.5");
  CHECK_THROWS_WITH(config.find("b")->as_bool(), "JSON line 3: expected a boolean, found a string");
  CHECK_THROWS_WITH(config.find("b")->as_double(), "JSON line 3: expected a number, found a string");
  CHECK_THROWS_WITH(config.find("b")->find("c"), "JSON line 3: expected an object, found a string");
  CHECK_THROWS_WITH(config.items(), "JSON line 1: expected an array, found an object");
}

TEST_CASE("10,000 damaged documents parse or throw Error, nothing else") {
  const loquor::CounterRng rng(2024);
  int parsed = 0;
  int refused = 0;
  uint64_t draw = 0;
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(rng.block(draw++)[0] % n); };
  constexpr std::string_view kInteresting = "{}[]\",:\\u0-+.eE1 \n\t\xC3\xF0\x80\xFF";
  for (int round = 0; round < 10000; ++round) {
    std::string text(kConfig);
    for (std::size_t edits = 1 + below(3); edits > 0; --edits) {
      const std::size_t at = below(text.size());
      switch (below(5)) {
        case 0:
          text[at] = static_cast<char>(below(256));
          break;
        case 1:
          text[at] = kInteresting[below(kInteresting.size())];
          break;
        case 2:
          text.erase(at, 1 + below(8));
          break;
        case 3:
          text.insert(at, text.substr(below(text.size()), 1 + below(12)));
          break;
        default:
          text.resize(at + 1);
      }
    }
    try {
      (void)Json::parse(text);
      ++parsed;
    } catch (const Error& error) {
      REQUIRE(error.kind() == ErrorKind::kModel);
      ++refused;
    }
  }
  CHECK(parsed > 500);  // the mutations reach past the first byte
  CHECK(refused > 500);
}
