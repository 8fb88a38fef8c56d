// The options tables: what is compiled from them, and what the C ABI tells of them.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "base/option.hpp"
#include "engine/engine_options.hpp"
#include "loquor/loquor.h"
#include "model/generation_options.hpp"
#include "model/stream_options.hpp"
#include "refusal.hpp"

using namespace loquor;
using namespace loquor::ranges;

namespace {

template <class T>
T next(T value, int direction) {
  if constexpr (std::is_floating_point_v<T>) {
    const T far = std::numeric_limits<T>::infinity();
    return std::nextafter(value, direction > 0 ? far : -far);
  } else {
    return static_cast<T>(value + direction);
  }
}

// Values at the ends of a range, and just outside of it.
template <class T>
struct Ends {
  std::vector<T> inside, outside;
};

template <class T>
Ends<T> ends(const Range& range) {
  using Limits = std::numeric_limits<T>;
  Ends<T> found;
  const T least = range.has_least() ? static_cast<T>(range.least) : Limits::lowest();
  found.inside.push_back(range.least_excluded ? next(least, 1) : least);
  if (range.least_excluded) found.outside.push_back(least);
  if (!range.least_excluded && least > Limits::lowest()) found.outside.push_back(next(least, -1));
  const T most = range.has_most() ? static_cast<T>(range.most) : Limits::max();
  found.inside.push_back(most);
  if (most < Limits::max()) found.outside.push_back(next(most, 1));
  if constexpr (std::is_floating_point_v<T>) {
    found.outside.insert(found.outside.end(), {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity()});
  }
  return found;
}

template <class Options, class T>
void probe(T Options::* field, const char* name, const Range& range, const char* words) {
  if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
    const auto [inside, outside] = ends<T>(range);
    for (const T value : inside) {
      CAPTURE(name);
      CAPTURE(value);
      Options options;
      options.*field = value;
      validate(options);
    }
    for (const T value : outside) {
      CAPTURE(value);
      Options options;
      options.*field = value;
      const Refusal refused = refusal([&] { validate(options); });
      CHECK(refused.kind == ErrorKind::kInvalidInput);
      CHECK(refused.text == std::string(name) + " must be " + words + ", not " + option_text(value));
    }
  }
}

std::vector<loquor_option_info> table(loquor_option_table which) {
  std::vector<loquor_option_info> rows(loquor_option_count(which));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].struct_size = sizeof(rows[i]);
    REQUIRE(loquor_option_get_info(which, i, &rows[i]) == LOQUOR_OK);
  }
  return rows;
}

loquor_option_info row_of(loquor_option_table which, const std::string& name) {
  for (const loquor_option_info& row : table(which)) {
    if (name == row.name) return row;
  }
  throw std::logic_error("no option " + name);
}

constexpr loquor_option_table kTables[] = {LOQUOR_OPTIONS_GENERATION, LOQUOR_OPTIONS_STREAM,
                                           LOQUOR_OPTIONS_DECODE, LOQUOR_OPTIONS_ENGINE};

}  // namespace

TEST_CASE("every option takes the ends of its range, and nothing just outside") {
#define OPTION(type, name, initial, origin, range, words, sentence) \
  probe(&GenerationOptions::name, #name, range, words);
#include "model/generation_options.def"
#define OPTION(type, name, initial, origin, range, words, sentence) \
  probe(&StreamOptions::name, #name, range, words);
#include "model/stream_options.def"
#define OPTION(type, name, initial, origin, range, words, sentence) \
  probe(&EngineOptions::name, #name, range, words);
#include "engine/engine_options.def"
  validate(GenerationOptions());
  validate(StreamOptions());
  validate(EngineOptions());
}

TEST_CASE("the ends of a range are known to the test") {
  CHECK(ends<int32_t>(at_least(0)).inside == std::vector<int32_t>{0, 2147483647});
  CHECK(ends<int32_t>(at_least(0)).outside == std::vector<int32_t>{-1});
  CHECK(ends<int32_t>(between(-1, 5)).outside == std::vector<int32_t>{-2, 6});
  CHECK(ends<uint32_t>(between(0, 15)).outside == std::vector<uint32_t>{16});
  CHECK(ends<float>(above(0, 1)).inside == std::vector<float>{std::nextafter(0.0f, 1.0f), 1.0f});
  CHECK(ends<float>(above(0, 1)).outside.front() == 0);
  CHECK(ends<uint64_t>(any()).outside.empty());
}

TEST_CASE("limits of an engine that are out of range are refused in the words of the table") {
  EngineOptions options;
  options.slots = -1;
  CHECK(refusal([&] { validate(options); }).text == "slots must be 0 (automatic) to 64, not -1");
  options.slots = 65;
  CHECK(refusal([&] { validate(options); }).kind == ErrorKind::kInvalidInput);
  options = {};
  options.max_queue = -1;
  CHECK(refusal([&] { validate(options); }).names("max_queue must be 0"));
  options = {};
  options.reference_seconds = 3600.5f;
  CHECK(refusal([&] { validate(options); }).text == "reference_seconds must be 0 (all) to 3600, not 3600.5");
}

TEST_CASE("the C ABI tells of every field: name, type, place, default, range and a sentence") {
  for (const loquor_option_table which : kTables) {
    CHECK(loquor_option_count(which) > 0);
    std::size_t end = sizeof(std::size_t);
    for (const loquor_option_info& row : table(which)) {
      CAPTURE(row.name);
      CHECK(row.offset >= end);  // in the order of the struct
      const std::string type = row.type;
      end = row.offset + (type == "int64" || type == "uint64" || type == "string" ? 8 : 4);
      const std::string words = row.range, sentence = row.sentence;
      CHECK(!words.empty());
      CHECK(sentence.back() == '.');
      // The words are written by hand, beside the bounds.
      if (row.minimum != nullptr) CHECK(words.find(row.minimum) != std::string::npos);
      if (row.maximum != nullptr) CHECK(words.find(row.maximum) != std::string::npos);
    }
  }
  const loquor_option_info top_p = row_of(LOQUOR_OPTIONS_GENERATION, "top_p");
  CHECK(std::string(top_p.name) == "top_p");
  CHECK(std::string(top_p.type) == "float");
  CHECK(top_p.offset == offsetof(loquor_generation_options, top_p));
  CHECK(std::string(top_p.default_value) == "0.95");
  CHECK(top_p.of_bundle == 1);
  CHECK(std::string(top_p.minimum) == "0");
  CHECK(top_p.minimum_excluded == 1);
  CHECK(std::string(top_p.maximum) == "1");
  CHECK(std::string(top_p.range) == "in (0, 1]");
  const loquor_option_info seed = row_of(LOQUOR_OPTIONS_DECODE, "seed");
  CHECK(std::string(seed.type) == "uint64");
  CHECK((seed.minimum == nullptr && seed.maximum == nullptr && seed.of_bundle == 0));
  const loquor_option_info bytes = row_of(LOQUOR_OPTIONS_ENGINE, "prefix_cache_bytes");
  CHECK(std::string(bytes.default_value) == "268435456");
  CHECK(std::string(bytes.maximum) == "1152921504606846976");  // no exponent
}

TEST_CASE("the init function of a struct sets the defaults of its table") {
  loquor_engine_options options;
  std::memset(&options, 0xAA, sizeof(options));
  loquor_engine_options_init(&options);
  for (const loquor_option_info& row : table(LOQUOR_OPTIONS_ENGINE)) {
    CAPTURE(row.name);
    const char* const field = reinterpret_cast<const char*>(&options) + row.offset;
    const auto read = [field](auto value) {
      std::memcpy(&value, field, sizeof(value));
      return value;
    };
    const std::string type = row.type, expected = row.default_value;
    if (type == "string") CHECK(read(static_cast<const char*>(nullptr)) == expected);
    if (type == "int32") CHECK(option_text(read(int32_t{})) == expected);
    if (type == "int64") CHECK(option_text(read(int64_t{})) == expected);
    if (type == "float") CHECK(option_text(read(float{})) == expected);
    if (type == "bool") CHECK(option_text(read(int32_t{}) != 0) == expected);
  }
}

TEST_CASE("a row that there is not is refused, and an older caller's info is not written beyond its end") {
  loquor_option_info info = {};
  info.struct_size = sizeof(info);
  CHECK(loquor_option_get_info(LOQUOR_OPTIONS_DECODE, 1, &info) == LOQUOR_ERROR_INVALID_INPUT);
  CHECK(std::string(loquor_last_error()) == "there is no option 1 in table 2: ask loquor_option_count");
  CHECK(loquor_option_get_info(LOQUOR_OPTIONS_DECODE, 0, nullptr) == LOQUOR_ERROR_INVALID_INPUT);
  info.struct_size = offsetof(loquor_option_info, type);
  REQUIRE(loquor_option_get_info(LOQUOR_OPTIONS_DECODE, 0, &info) == LOQUOR_OK);
  CHECK(std::string(info.name) == "seed");
  CHECK(info.type == nullptr);
}
