// The smallest graphs that tests need, written as protocol buffers by hand.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace loquor::testing {

class SmallGraphs {
 public:
  // logits = Identity(x), float32 [1, 1, vocab].
  static std::string identity(int64_t vocab, int opset) {
    return model(text(1, node("Identity", {"x"}, "logits")) + text(11, tensor("x", kFloat32, {1, 1, vocab})) +
                     text(12, tensor("logits", kFloat32, {1, 1, vocab})),
                 opset);
  }

  // inputs_embeds = Gather(table, input_ids): an embedding table without any other arithmetic on ids.
  static std::string table(const std::vector<float>& values, int64_t width) {
    const int64_t rows = static_cast<int64_t>(values.size()) / width;
    std::string raw(values.size() * sizeof(float), '\0');
    std::memcpy(&raw[0], values.data(), raw.size());
    const std::string weights =
        number(1, rows) + number(1, width) + number(2, kFloat32) + text(8, "table") + text(9, raw);
    return model(text(1, node("Gather", {"table", "input_ids"}, "inputs_embeds")) + text(5, weights) +
                     text(11, tensor("input_ids", kInt64, {-1, -1})) +
                     text(12, tensor("inputs_embeds", kFloat32, {-1, -1, width})),
                 17);
  }

 private:
  static constexpr int64_t kFloat32 = 1;
  static constexpr int64_t kInt64 = 7;

  // A field is its number and kind, then a varint or a length and that many bytes.
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
  static std::string node(const std::string& op, const std::vector<std::string>& inputs,
                          const std::string& output) {
    std::string out;
    for (const std::string& input : inputs) out += text(1, input);
    return out + text(2, output) + text(3, "the node") + text(4, op);
  }
  // -1 is a free dimension.
  static std::string tensor(const std::string& name, int64_t type, const std::vector<int64_t>& dims) {
    std::string shape;
    for (const int64_t dim : dims) shape += text(1, dim < 0 ? "" : number(1, dim));
    return text(1, name) + text(2, text(1, number(1, type) + text(2, shape)));
  }
  static std::string model(const std::string& graph, int opset) {
    constexpr int64_t kIrVersion = 8;
    return number(1, kIrVersion) + text(7, graph + text(2, "graph")) +
           text(8, text(1, "") + number(2, opset));
  }
};

}  // namespace loquor::testing
