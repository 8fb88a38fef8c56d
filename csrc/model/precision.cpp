#include "model/precision.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

#include "base/error.hpp"

namespace loquor {
namespace {

std::string trimmed(const std::string& text) {
  const char* const spaces = " \t\n\r";
  const auto first = text.find_first_not_of(spaces);
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(spaces) - first + 1);
}

template <class Names>
std::string listed(const Names& names) {
  std::string list;
  for (const auto& name : names) list += (list.empty() ? "" : ", ") + std::string(name);
  return list;
}

[[noreturn]] void refuse_twice(const std::string& dtype, const std::string& what) {
  throw Error(ErrorKind::kInvalidInput, "dtype '" + dtype + "' says twice what " + what +
                                            " should be: give auto or one precision for all graphs, and at "
                                            "most one for each, as in q4,conditional_decoder=fp32");
}

[[noreturn]] void refuse(const std::string& dtype, const std::string& item) {
  std::array<const char*, kPrecisions.size()> names{};
  std::transform(kPrecisions.begin(), kPrecisions.end(), names.begin(),
                 [](const Precision& precision) { return precision.name; });
  throw Error(ErrorKind::kInvalidInput,
              "dtype '" + dtype + "' is not understood at '" + item + "': give auto or one of " +
                  listed(names) + " for all graphs, or a list like q4,conditional_decoder=fp32 (graphs: " +
                  listed(kGraphNames) + ")");
}

constexpr PrecisionAdvice kAdvice[] = {
    {"cpu", "q4", "4-bit weights are read fastest, and the steps wait for memory"},
    {"cuda", "fp32",
     "tokens then stay nearest to the CPU's, with the provider option use_tf32=0 (not tested here)"},
    {"tensorrt", "fp32", "no lower precision was tested"},
    {"coreml", "fp32", "no lower precision was tested"},
    {"directml", "fp32",
     "other ports report wrong tokens with fp16 and crashes with q4f16 (not tested here)"},
    {"webgpu", "fp32",
     "tested with it on a driver in software; other ports report runs that stop at once with q4"},
};

}  // namespace

const Precision* find_precision(const std::string& name) {
  const auto found = std::find_if(kPrecisions.begin(), kPrecisions.end(),
                                  [&](const Precision& precision) { return name == precision.name; });
  return found == kPrecisions.end() ? nullptr : &*found;
}

DtypeSpec parse_dtype(const std::string& dtype) {
  const Precision* common = nullptr;
  bool common_named = false;
  DtypeSpec spec{};
  std::array<bool, kGraphCount> named{};
  std::istringstream items(dtype + ',');  // so that an empty last item counts
  for (std::string item; std::getline(items, item, ',');) {
    const auto equals = item.find('=');
    const bool single = equals != std::string::npos;
    const std::string name = trimmed(single ? item.substr(equals + 1) : item);
    const Precision* const precision = find_precision(name);
    if (precision == nullptr && name != "auto") refuse(dtype, trimmed(item));
    if (!single) {
      if (std::exchange(common_named, true)) refuse_twice(dtype, "all graphs");
      common = precision;
      continue;
    }
    const auto graph = std::find(kGraphNames.begin(), kGraphNames.end(), trimmed(item.substr(0, equals)));
    if (graph == kGraphNames.end()) refuse(dtype, trimmed(item));
    const auto index = static_cast<std::size_t>(graph - kGraphNames.begin());
    if (std::exchange(named[index], true)) refuse_twice(dtype, *graph);
    spec[index] = precision;
  }
  for (std::size_t graph = 0; graph < kGraphCount; ++graph) {
    if (!named[graph]) spec[graph] = common;
  }
  return spec;
}

const PrecisionAdvice& precision_advice(const std::string& device) {
  for (const PrecisionAdvice& advice : kAdvice) {
    if (device == advice.device) return advice;
  }
  return kAdvice[0];
}

}  // namespace loquor
