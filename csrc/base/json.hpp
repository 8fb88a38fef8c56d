// A strict, read-only JSON reader (RFC 8259) for the files of a bundle: no JSON library can be had inside an
// isolated wheel build. Stricter than the RFC where a file is surely damaged: keys may not repeat, numbers
// must fit a double, values nest at most 64 deep, strings must be valid UTF-8, and a text has at most so many
// bytes and values: by default 1 MiB and 20,000, some megabytes of memory and milliseconds, whatever it
// holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace loquor {

struct JsonMember;

// One value of the tree. The accessors throw Error(kModel) naming the line when the value is of another type.
class Json {
 public:
  static constexpr std::size_t kMostBytes = 1 << 20;
  static constexpr int kMostValues = 20'000;
  struct Limits {
    std::size_t bytes = kMostBytes;
    int values = kMostValues;
  };

  // Throws Error(kModel, "JSON line L column C: expected X"); columns count characters from 1.
  static Json parse(std::string_view text, const Limits& limits);
  static Json parse(std::string_view text);  // within the default limits

  bool is_null() const { return type_ == Type::kNull; }
  bool is_bool() const { return type_ == Type::kBool; }
  bool is_number() const { return type_ == Type::kNumber; }
  bool is_string() const { return type_ == Type::kString; }
  bool is_array() const { return type_ == Type::kArray; }
  bool is_object() const { return type_ == Type::kObject; }

  bool as_bool() const;
  double as_double() const;
  // Only for a number that is an integer without loss: any int64 literal, or 24000.0 up to 2^53.
  int64_t as_int64() const;
  const std::string& as_string() const;            // UTF-8
  const std::vector<Json>& items() const;          // of an array
  const std::vector<JsonMember>& members() const;  // of an object, in the order of the text

  // The member of that name; nullptr if the object has none.
  const Json* find(std::string_view key) const;

 private:
  friend class JsonParser;
  enum class Type : unsigned char { kNull, kBool, kNumber, kString, kArray, kObject };

  void require(bool good, const char* expected) const;

  Type type_ = Type::kNull;
  bool bool_ = false;
  bool is_int64_ = false;
  int line_ = 0;
  int64_t int64_ = 0;
  double double_ = 0;
  std::string string_;
  std::vector<Json> items_;
  std::vector<JsonMember> members_;
};

struct JsonMember {
  std::string key;
  Json value;
};

}  // namespace loquor
