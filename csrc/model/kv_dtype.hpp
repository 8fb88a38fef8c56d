// The types that a KV cache may have.
#pragma once

#include <array>

#include "ort/value.hpp"

namespace loquor {

struct KvDtype {
  const char* name;  // of users
  ort::ElementType type;
};

// Floats as published; a prepared graph may keep integers.
inline constexpr std::array<KvDtype, 3> kKvDtypes = {{{"fp32", ort::ElementType::kFloat32},
                                                      {"fp16", ort::ElementType::kFloat16},
                                                      {"int8", ort::ElementType::kInt8}}};

// The name of a type in the table.
inline const char* kv_dtype_name(ort::ElementType type) {
  for (const KvDtype& dtype : kKvDtypes) {
    if (dtype.type == type) return dtype.name;
  }
  return "";
}

}  // namespace loquor
