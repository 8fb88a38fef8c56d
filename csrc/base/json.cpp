#include "base/json.hpp"

#include <charconv>
#include <cmath>
#include <locale>
#include <sstream>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "base/error.hpp"
#include "base/utf8.hpp"

namespace loquor {
namespace {

constexpr int kMaxDepth = 64;
constexpr double kMaxExactInteger = 9007199254740992.0;  // 2^53

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

// Recursive descent; text_ is only read through peek() and the position only moves forward.
class JsonParser {
 public:
  JsonParser(std::string_view text, const Json::Limits& limits) : text_(text), limits_(limits) {
    // Neither strtod, which follows the global locale, nor from_chars, which older Apple libraries lack for
    // double.
    real_.imbue(std::locale::classic());
  }

  Json document() {
    if (text_.size() > limits_.bytes) {
      text_ = {};
      fail("at most " + std::to_string(limits_.bytes) + " bytes");
    }
    Json root = value(0);
    skip_space();
    if (position_ != text_.size()) fail("the end of the text");
    return root;
  }

 private:
  [[noreturn]] void fail(const std::string& expected) const {
    std::size_t line = 1;
    std::size_t column = 1;
    for (const char c : text_.substr(0, position_)) {
      if (c == '\n') {
        ++line;
        column = 1;
      } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
        ++column;
      }
    }
    throw Error(ErrorKind::kModel, "JSON line " + std::to_string(line) + " column " + std::to_string(column) +
                                       ": expected " + expected);
  }

  char peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }

  bool accept(char wanted) {
    if (position_ == text_.size() || text_[position_] != wanted) return false;
    ++position_;
    return true;
  }

  void skip_space() {
    for (; position_ < text_.size(); ++position_) {
      const char c = text_[position_];
      if (c == '\n') ++line_;
      if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return;
    }
  }

  Json value(int depth) {
    skip_space();
    Json out;
    out.line_ = line_;
    if (++values_ > limits_.values) fail("at most " + std::to_string(limits_.values) + " values");
    const char first = peek();
    if (depth == kMaxDepth && (first == '{' || first == '[')) {
      fail("at most " + std::to_string(kMaxDepth) + " levels of nesting");
    }
    switch (first) {
      case '{':
        object(out, depth);
        break;
      case '[':
        array(out, depth);
        break;
      case '"':
        out.type_ = Json::Type::kString;
        out.string_ = string();
        break;
      case 't':
        literal("true");
        out.type_ = Json::Type::kBool;
        out.bool_ = true;
        break;
      case 'f':
        literal("false");
        out.type_ = Json::Type::kBool;
        break;
      case 'n':
        literal("null");
        break;
      default:
        number(out);
    }
    return out;
  }

  void literal(std::string_view word) {
    if (text_.substr(position_, word.size()) != word) fail("a value");
    position_ += word.size();
  }

  void array(Json& out, int depth) {
    out.type_ = Json::Type::kArray;
    accept('[');
    skip_space();
    if (accept(']')) return;
    do {
      out.items_.push_back(value(depth + 1));
      skip_space();
    } while (accept(','));
    if (!accept(']')) fail("',' or ']'");
  }

  void object(Json& out, int depth) {
    out.type_ = Json::Type::kObject;
    std::unordered_set<std::string> keys;
    accept('{');
    skip_space();
    if (accept('}')) return;
    do {
      skip_space();
      const std::size_t start = position_;
      if (peek() != '"') fail("a key in double quotes");
      std::string key = string();
      if (!keys.insert(key).second) {
        position_ = start;
        fail("a key that this object does not have yet, not \"" + key + "\" again");
      }
      skip_space();
      if (!accept(':')) fail("':' after a key");
      out.members_.push_back({std::move(key), value(depth + 1)});
      skip_space();
    } while (accept(','));
    if (!accept('}')) fail("',' or '}'");
  }

  std::string string() {
    std::string out;
    accept('"');
    while (!accept('"')) {
      if (position_ == text_.size()) fail("'\"' at the end of a string");
      if (static_cast<unsigned char>(peek()) < 0x20) fail("an escape instead of a control character");
      if (accept('\\')) {
        escape(out);
        continue;
      }
      const std::size_t length = utf8_length(text_.substr(position_));
      if (length == 0) fail("valid UTF-8");
      out.append(text_.substr(position_, length));
      position_ += length;
    }
    return out;
  }

  void escape(std::string& out) {
    constexpr std::string_view kEscapes = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (accept('u')) return append_utf8(out, unicode_escape());
    const std::size_t which = position_ < text_.size() ? kEscapes.find(peek()) : std::string_view::npos;
    if (which == std::string_view::npos) fail("one of \" \\ / b f n r t u after a backslash");
    out.push_back(kMeanings[which]);
    ++position_;
  }

  uint32_t unicode_escape() {
    const uint32_t first = four_hex_digits();
    if (first < 0xD800 || first > 0xDFFF) return first;
    if (first > 0xDBFF) fail("a high surrogate before a low one");
    if (!accept('\\') || !accept('u')) fail("a low surrogate after a high one");
    const uint32_t second = four_hex_digits();
    if (second < 0xDC00 || second > 0xDFFF) fail("a low surrogate after a high one");
    return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
  }

  uint32_t four_hex_digits() {
    const std::string_view digits = text_.substr(position_, 4);
    uint32_t code = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() != 4 || error != std::errc() || end != digits.data() + 4)
      fail("four hexadecimal digits after \\u");
    position_ += 4;
    return code;
  }

  void digits(const char* where) {
    if (!is_digit(peek())) fail(where);
    while (is_digit(peek())) ++position_;
  }

  void number(Json& out) {
    const std::size_t start = position_;
    const bool negative = accept('-');
    if (!accept('0')) digits(negative ? "a digit after '-'" : "a value");
    bool integer = true;
    if (accept('.')) {
      integer = false;
      digits("a digit after '.'");
    }
    if (accept('e') || accept('E')) {
      integer = false;
      if (!accept('+')) accept('-');
      digits("a digit in the exponent");
    }
    const std::string_view text = text_.substr(start, position_ - start);
    out.type_ = Json::Type::kNumber;
    if (integer) {
      const auto error = std::from_chars(text.data(), text.data() + text.size(), out.int64_).ec;
      out.is_int64_ = error == std::errc();
      out.double_ = static_cast<double>(out.int64_);
      if (out.is_int64_) return;
    }
    real_.clear();
    real_.str(std::string(text));
    if (!(real_ >> out.double_) || !std::isfinite(out.double_)) {
      position_ = start;
      fail("a number that fits a double");
    }
    if (!integer && std::abs(out.double_) <= kMaxExactInteger && out.double_ == std::floor(out.double_)) {
      out.int64_ = static_cast<int64_t>(out.double_);
      out.is_int64_ = true;
    }
  }

  std::string_view text_;
  Json::Limits limits_;
  std::size_t position_ = 0;
  int line_ = 1;
  int values_ = 0;
  std::istringstream real_;
};

Json Json::parse(std::string_view text, const Limits& limits) { return JsonParser(text, limits).document(); }
Json Json::parse(std::string_view text) { return parse(text, Limits{}); }

void Json::require(bool good, const char* expected) const {
  if (good) return;
  constexpr const char* kNames[] = {"null", "a boolean", "a number", "a string", "an array", "an object"};
  std::string found = kNames[static_cast<std::size_t>(type_)];
  if (is_number()) {
    std::ostringstream out;
    out.imbue(std::locale::classic());
    out << double_;
    found = out.str();
  }
  throw Error(ErrorKind::kModel,
              "JSON line " + std::to_string(line_) + ": expected " + expected + ", found " + found);
}

bool Json::as_bool() const {
  require(is_bool(), "a boolean");
  return bool_;
}

double Json::as_double() const {
  require(is_number(), "a number");
  return double_;
}

int64_t Json::as_int64() const {
  require(is_number() && is_int64_, "an integer");
  return int64_;
}

const std::string& Json::as_string() const {
  require(is_string(), "a string");
  return string_;
}

const std::vector<Json>& Json::items() const {
  require(is_array(), "an array");
  return items_;
}

const std::vector<JsonMember>& Json::members() const {
  require(is_object(), "an object");
  return members_;
}

const Json* Json::find(std::string_view key) const {
  for (const JsonMember& member : members()) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

}  // namespace loquor
