// Float values at a graph's boundary: float32 for us; float16 on the graph's side where it declares that.
#pragma once

#include <cmath>
#include <cstring>
#include <vector>

#include "base/half.hpp"
#include "ort/value.hpp"

namespace loquor {

class FloatBuffer {
 public:
  FloatBuffer(ort::ApiPtr api, ort::ElementType type) : memory_(std::move(api)), type_(type) {}

  // Never shrinks; content is kept only when nothing grows.
  void reserve(std::size_t count) {
    if (count > values_.size()) values_.resize(count);
    if (half() && count > halves_.size()) halves_.resize(count);
  }
  float* data() { return values_.data(); }
  // What the graph reads or writes, from element `first` on.
  ort::Value view(ort::Shape shape, std::size_t first = 0) {
    return memory_.view(type_, half() ? static_cast<void*>(halves_.data() + first) : values_.data() + first,
                        shape);
  }
  // After filling data() and before a run / after a run and before reading data().
  void to_graph(std::size_t count) {
    if (half()) float_to_half(Span<const float>{values_.data(), count}, {halves_.data(), count});
  }
  void from_graph(std::size_t first, std::size_t count) {
    if (half())
      half_to_float(Span<const uint16_t>{halves_.data() + first, count}, {values_.data() + first, count});
  }

 private:
  bool half() const { return type_ == ort::ElementType::kFloat16; }

  ort::Memory memory_;
  ort::ElementType type_;
  std::vector<float> values_;
  std::vector<uint16_t> halves_;
};

// A float tensor that a graph returned, as float32.
inline std::vector<float> floats_of(const ort::Api& api, const ort::Value& value) {
  const ort::TensorShape shape = ort::shape_of(api, value.get());
  std::vector<float> floats(static_cast<std::size_t>(shape.count()));
  if (shape.type == static_cast<int>(ort::ElementType::kFloat16)) {
    half_to_float(Span<const uint16_t>{ort::data_of<uint16_t>(api, value.get()), floats.size()},
                  {floats.data(), floats.size()});
  } else {
    const float* data = ort::data_of<float>(api, value.get());
    floats.assign(data, data + floats.size());
  }
  return floats;
}

// Whether a tensor's bytes, however aligned, are numbers that a float16 could be; integers always are.
inline bool all_within_half(ort::ElementType type, Span<const unsigned char> bytes) {
  const auto each = [&](auto value, auto is_within) {
    for (std::size_t at = 0; at + sizeof(value) <= bytes.size(); at += sizeof(value)) {
      std::memcpy(&value, bytes.data() + at, sizeof(value));
      if (!is_within(value)) return false;
    }
    return true;
  };
  if (type == ort::ElementType::kFloat32) {
    return each(0.0f, [](float value) { return std::abs(value) <= kLargestHalf; });
  }
  constexpr unsigned kHalfExponent = 0x7C00;
  if (type == ort::ElementType::kFloat16) {
    return each(uint16_t{0}, [](unsigned half) { return (half & kHalfExponent) != kHalfExponent; });
  }
  return true;
}

}  // namespace loquor
