// Option structs and dicts, field by field as the core's tables tell them: an option has no line of its own
// here.
#include <cstring>

#include "bindings/shared.hpp"

namespace loquor::bindings {
namespace {

using Table = std::vector<loquor_option_info>;

Table read_table(loquor_option_table table) {
  Table rows(loquor_option_count(table));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].struct_size = sizeof(rows[i]);
    check(loquor_option_get_info(table, i, &rows[i]));
  }
  return rows;
}

// The struct's type and Python's for the type of a row.
template <class Field, class Value = Field>
struct Pair {
  using FieldType = Field;
  using ValueType = Value;
};

// Calls `use` with the Pair of a row's numbers.
template <class Use>
void with_types(const std::string& type, Use use) {
  if (type == "float") return use(Pair<float>{});
  if (type == "int32") return use(Pair<int32_t>{});
  if (type == "int64") return use(Pair<int64_t>{});
  if (type == "uint32") return use(Pair<uint32_t>{});
  if (type == "uint64") return use(Pair<uint64_t>{});
  if (type == "bool") return use(Pair<int32_t, bool>{});
  throw StatusError(LOQUOR_ERROR_INTERNAL, "an option has the unknown type " + type);
}

template <class Options>
Facts dict_of(const Options& options, loquor_option_table table) {
  Facts values;
  for (const loquor_option_info& row : read_table(table)) {
    const char* const field = reinterpret_cast<const char*>(&options) + row.offset;
    with_types(row.type, [&](auto types) {
      typename decltype(types)::FieldType value;
      std::memcpy(&value, field, sizeof(value));
      values[row.name] = static_cast<typename decltype(types)::ValueType>(value);
    });
  }
  return values;
}

template <class Value>
Value value_of(const loquor_option_info& row, const nb::handle& given) {
  Value value;
  if (nb::try_cast(given, value)) return value;
  throw StatusError(LOQUOR_ERROR_INTERNAL,
                    std::string(row.name) + " came to the core as no " + row.type + ": report it");
}

template <class Options>
void set(Options& options, loquor_option_table table, const Facts& values, Texts& texts) {
  for (const loquor_option_info& row : read_table(table)) {
    char* const field = reinterpret_cast<char*>(&options) + row.offset;
    const nb::object given = values[row.name];
    if (row.type == std::string("string")) {
      texts.push_back(value_of<std::string>(row, given));
      const char* const text = texts.back().c_str();
      std::memcpy(field, &text, sizeof(text));
      continue;
    }
    with_types(row.type, [&](auto types) {
      const auto value = static_cast<typename decltype(types)::FieldType>(
          value_of<typename decltype(types)::ValueType>(row, given));
      std::memcpy(field, &value, sizeof(value));
    });
  }
}

template <class Options>
Options numbers_of(loquor_option_table table, const Facts& values) {
  Options options = {};
  options.struct_size = sizeof(options);
  Texts none;
  set(options, table, values, none);
  return options;
}

nb::object number_or_none(const char* text, const std::string& type) {
  if (text == nullptr) return nb::none();
  return type == "float" ? nb::object(nb::float_(nb::str(text))) : nb::object(nb::int_(nb::str(text)));
}

nb::object default_of(const loquor_option_info& row) {
  const std::string type = row.type;
  if (type == "bool") return nb::bool_(row.default_value == std::string("true"));
  if (type == "string") return nb::str(row.default_value);
  return number_or_none(row.default_value, type);
}

nb::typed<nb::list, Facts> option_table(const std::string& name) {
  constexpr const char* kNames[] = {"generation", "stream", "decode", "engine"};  // as loquor_option_table
  nb::typed<nb::list, Facts> rows;
  for (int i = 0; i < static_cast<int>(std::size(kNames)); ++i) {
    if (name != kNames[i]) continue;
    for (const loquor_option_info& row : read_table(static_cast<loquor_option_table>(i))) {
      Facts facts;
      facts["name"] = row.name;
      facts["type"] = row.type;
      facts["default"] = default_of(row);
      facts["of_bundle"] = row.of_bundle != 0;
      facts["minimum"] = number_or_none(row.minimum, row.type);
      facts["maximum"] = number_or_none(row.maximum, row.type);
      facts["minimum_excluded"] = row.minimum_excluded != 0;
      facts["range"] = row.range;
      facts["sentence"] = row.sentence;
      rows.append(facts);
    }
  }
  return rows;
}

}  // namespace

Facts to_dict(const loquor_generation_options& options) {
  return dict_of(options, LOQUOR_OPTIONS_GENERATION);
}
Facts to_dict(const loquor_stream_options& options) { return dict_of(options, LOQUOR_OPTIONS_STREAM); }

loquor_generation_options generation_options(const Facts& values) {
  return numbers_of<loquor_generation_options>(LOQUOR_OPTIONS_GENERATION, values);
}
loquor_stream_options stream_options(const Facts& values) {
  return numbers_of<loquor_stream_options>(LOQUOR_OPTIONS_STREAM, values);
}
void set_engine_options(loquor_engine_options& options, const Facts& values, Texts& texts) {
  set(options, LOQUOR_OPTIONS_ENGINE, values, texts);
}

void bind_options(nb::module_& module) {
  module.def("option_table", &option_table, nb::arg("table"),
             "Rows of an options table: \"generation\", \"stream\", \"decode\" or \"engine\".");
}

}  // namespace loquor::bindings
