// Option structs: their defaults, their reading, and what the tables say of each field.
#include "capi/options.hpp"

#include <cstddef>
#include <iterator>
#include <string>
#include <type_traits>
#include <vector>

#include "base/option.hpp"
#include "capi/handles.hpp"
#include "engine/engine_options.hpp"

using namespace loquor::capi;
using namespace loquor::ranges;

namespace {

template <class T>
using PublicType = std::conditional_t<std::is_same_v<T, bool>, int32_t,
                                      std::conditional_t<std::is_same_v<T, std::string>, const char*, T>>;

template <class T>
constexpr const char* kTypeName = nullptr;
template <>
constexpr const char* kTypeName<float> = "float";
template <>
constexpr const char* kTypeName<int32_t> = "int32";
template <>
constexpr const char* kTypeName<int64_t> = "int64";
template <>
constexpr const char* kTypeName<uint32_t> = "uint32";
template <>
constexpr const char* kTypeName<uint64_t> = "uint64";
template <>
constexpr const char* kTypeName<bool> = "bool";
template <>
constexpr const char* kTypeName<std::string> = "string";

struct Row {
  const char* name;
  const char* type;
  std::size_t offset;
  std::string default_value;
  bool of_bundle;
  loquor::Range range;
  std::string minimum, maximum;
  const char* words;
  const char* sentence;

  loquor_option_info info() const {
    return {sizeof(loquor_option_info),
            name,
            type,
            offset,
            default_value.c_str(),
            of_bundle ? 1 : 0,
            range.has_least() ? minimum.c_str() : nullptr,
            range.has_most() ? maximum.c_str() : nullptr,
            range.least_excluded ? 1 : 0,
            words,
            sentence};
  }
};
using Table = std::vector<Row>;

template <class T>
std::string bound_text(double bound) {
  if constexpr (std::is_arithmetic_v<T>) return loquor::option_text(static_cast<T>(bound));
  return {};
}

template <class T>
Row row(const char* name, std::size_t offset, const T& initial, loquor::DefaultOf whose, loquor::Range range,
        const char* words, const char* sentence) {
  return {name,
          kTypeName<T>,
          offset,
          loquor::option_text(initial),
          whose == loquor::DefaultOf::kBundle,
          range,
          range.has_least() ? bound_text<T>(range.least) : "",
          range.has_most() ? bound_text<T>(range.most) : "",
          words,
          sentence};
}

// A row of the public struct `Public`, whose field must be there and have the row's type.
#define OPTION_ROW(Public, type, name, initial, origin, range, words, sentence)                          \
  [] {                                                                                                   \
    static_assert(std::is_same_v<decltype(Public::name), PublicType<type>>,                              \
                  "the C header: scripts/options");                                                      \
    return row<type>(#name, offsetof(Public, name), initial, loquor::DefaultOf::k##origin, range, words, \
                     sentence);                                                                          \
  }(),

// In the order of loquor_option_table.
constexpr std::size_t kCounts[] = {
#define OPTION(type, name, initial, origin, range, words, sentence) +1
#include "model/generation_options.def"
    ,
#define OPTION(type, name, initial, origin, range, words, sentence) +1
#include "model/stream_options.def"
    ,
#define OPTION(type, name, initial, origin, range, words, sentence) +1
#include "model/decode_options.def"
    ,
#define OPTION(type, name, initial, origin, range, words, sentence) +1
#include "engine/engine_options.def"
};

// Made at the first question.
const Table& rows_of(std::size_t table) {
  static const Table tables[] = {
#define OPTION(type, name, initial, origin, range, words, sentence) \
  OPTION_ROW(loquor_generation_options, type, name, initial, origin, range, words, sentence)
      {
#include "model/generation_options.def"
      },
#define OPTION(type, name, initial, origin, range, words, sentence) \
  OPTION_ROW(loquor_stream_options, type, name, initial, origin, range, words, sentence)
      {
#include "model/stream_options.def"
      },
#define OPTION(type, name, initial, origin, range, words, sentence) \
  OPTION_ROW(loquor_decode_options, type, name, initial, origin, range, words, sentence)
      {
#include "model/decode_options.def"
      },
#define OPTION(type, name, initial, origin, range, words, sentence) \
  OPTION_ROW(loquor_engine_options, type, name, initial, origin, range, words, sentence)
      {
#include "engine/engine_options.def"
      }};
  return tables[table];
}

}  // namespace

namespace loquor::capi {

loquor_generation_options to_public(const GenerationOptions& options) {
  loquor_generation_options to = {};
  to.struct_size = sizeof(to);
#define OPTION(type, name, initial, origin, range, words, sentence) to.name = options.name;
#include "model/generation_options.def"
  return to;
}

loquor_stream_options to_public(const StreamOptions& options) {
  loquor_stream_options to = {};
  to.struct_size = sizeof(to);
#define OPTION(type, name, initial, origin, range, words, sentence) to.name = options.name;
#include "model/stream_options.def"
  return to;
}

GenerationOptions read_options(const loquor_generation_options* given, const GenerationOptions& defaults) {
  if (given == nullptr) return defaults;
  const auto from = read_struct(*given, to_public(defaults), "options");
  GenerationOptions options;
#define OPTION(type, name, initial, origin, range, words, sentence) take(options.name, from.name);
#include "model/generation_options.def"
  return options;
}

StreamOptions read_options(const loquor_stream_options* given, const StreamOptions& defaults) {
  if (given == nullptr) return defaults;
  const auto from = read_struct(*given, to_public(defaults), "options");
  StreamOptions options;
#define OPTION(type, name, initial, origin, range, words, sentence) take(options.name, from.name);
#include "model/stream_options.def"
  return options;
}

DecodeOptions read_options(const loquor_decode_options* given) {
  loquor_decode_options from;
  loquor_decode_options_init(&from);
  if (given != nullptr) from = read_struct(*given, from, "options");
  DecodeOptions options;
#define OPTION(type, name, initial, origin, range, words, sentence) take(options.name, from.name);
#include "model/decode_options.def"
  return options;
}

}  // namespace loquor::capi

extern "C" {

void loquor_decode_options_init(loquor_decode_options* options) {
  if (options == nullptr) return;
  *options = {};
  options->struct_size = sizeof(*options);
#define OPTION(type, name, initial, origin, range, words, sentence) options->name = initial;
#include "model/decode_options.def"
}

void loquor_engine_options_init(loquor_engine_options* options) {
  if (options == nullptr) return;
  *options = {};
  options->struct_size = sizeof(*options);
  options->find_prepared = 1;
#define OPTION(type, name, initial, origin, range, words, sentence) options->name = initial;
#include "engine/engine_options.def"
}

size_t loquor_option_count(loquor_option_table table) {
  const auto index = static_cast<std::size_t>(table);
  return index < std::size(kCounts) ? kCounts[index] : 0;
}

loquor_status loquor_option_get_info(loquor_option_table table, size_t index, loquor_option_info* info) {
  return as_status([&] {
    if (index >= loquor_option_count(table)) {
      throw loquor::Error(loquor::ErrorKind::kInvalidInput,
                          "there is no option " + std::to_string(index) + " in table " +
                              std::to_string(static_cast<int>(table)) + ": ask loquor_option_count");
    }
    write_struct(info, rows_of(static_cast<std::size_t>(table))[index].info(), "info");
  });
}

}  // extern "C"
