// The smallest graph there is, written by hand: logits = Identity(x), float32 [1, 1, vocab].
#pragma once

#include <cstdint>
#include <string>

namespace loquor::testing {

class IdentityGraph {
 public:
  static std::string bytes(int64_t vocab, int opset) {
    const std::string node = text(1, "x") + text(2, "logits") + text(3, "same") + text(4, "Identity");
    const std::string graph =
        text(1, node) + text(2, "graph") + text(11, tensor("x", vocab)) + text(12, tensor("logits", vocab));
    constexpr int64_t kIrVersion = 8;
    return number(1, kIrVersion) + text(7, graph) + text(8, text(1, "") + number(2, opset));
  }

 private:
  // Protocol buffers: a field is its number and kind, then a varint or a length and that many bytes.
  static std::string varint(uint64_t value) {
    std::string out;
    for (; value >= 128; value >>= 7) out += static_cast<char>((value & 127) | 128);
    return out + static_cast<char>(value);
  }
  static std::string number(unsigned field, int64_t value) {
    return varint(field << 3) + varint(static_cast<uint64_t>(value));
  }
  static std::string text(unsigned field, const std::string& value) {
    return varint(field << 3 | 2) + varint(value.size()) + value;
  }
  static std::string tensor(const std::string& name, int64_t vocab) {
    std::string shape;
    for (const int64_t dim : {int64_t{1}, int64_t{1}, vocab}) shape += text(1, number(1, dim));
    return text(1, name) + text(2, text(1, number(1, 1) + text(2, shape)));
  }
};

}  // namespace loquor::testing
