// The smallest graphs that tests need, written as protocol buffers by hand.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace loquor::testing {

class SmallGraphs {
 public:
  // logits = Identity(x), float32 [rows, 1, vocab].
  static std::string identity(int64_t vocab, int opset) {
    return model(text(1, node("Identity", {"x"}, "logits")) +
                     text(11, tensor("x", kFloat32, {-1, 1, vocab})) +
                     text(12, tensor("logits", kFloat32, {-1, 1, vocab})),
                 opset);
  }

  // change = op(frames), float32 [n, 1536] both: what stands for a watermark's network.
  static std::string of_frames(const std::string& op, int64_t samples = 1536) {
    return model(text(1, node(op, {"frames"}, "change")) +
                     text(11, tensor("frames", kFloat32, {-1, samples})) +
                     text(12, tensor("change", kFloat32, {-1, samples})),
                 17);
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

  // A graph that takes float32 of these names and does nothing; the `weighted` are initializers as well.
  static std::string taking(const std::vector<std::string>& inputs,
                            const std::vector<std::string>& weighted = {}) {
    std::string graph;
    for (const std::string& name : inputs) graph += text(11, tensor(name, kFloat32, {1}));
    for (const std::string& name : weighted) graph += text(5, number(2, kFloat32) + text(8, name));
    return model(graph, 17);
  }

  // context, present_key, present_value = CausalAttention(query, ...), packed, or apart with key and value.
  static std::string attention(int64_t cache_type, int64_t heads, int64_t kv_heads, int64_t dim,
                               bool packed) {
    std::vector<std::string> inputs = {
        "query", packed ? "" : "key", packed ? "" : "value", "past_key", "past_value", "seqlens_k", "total"};
    if (cache_type == kInt8) inputs.insert(inputs.end(), {"k_scale", "v_scale"});
    std::string made;
    for (const char* name : {"context", "present_key", "present_value"}) made += text(2, name);
    std::string graph = text(1, fields("CausalAttention", inputs, made) + integer("num_heads", heads) +
                                    integer("kv_num_heads", kv_heads) + text(7, "loquor"));
    for (const std::string& name : inputs) {
      const bool cache = name == "past_key" || name == "past_value";
      if (name.empty()) continue;
      if (cache) graph += text(11, tensor(name, cache_type, {-1, -1, -1, dim}));
      if (name == "seqlens_k") graph += text(11, tensor(name, kInt32, {-1}));
      if (name == "total") graph += text(11, tensor(name, kInt32, {}));
      if (name.find("_scale") != std::string::npos) graph += text(11, tensor(name, kFloat32, {-1}));
      if (name == "query" || name == "key" || name == "value") {
        graph += text(11, tensor(name, kFloat32, {-1, -1, -1}));
      }
    }
    for (const char* name : {"present_key", "present_value"}) {
      graph += text(12, tensor(name, cache_type, {-1, -1, -1, dim}));
    }
    return model(graph + text(12, tensor("context", kFloat32, {-1, -1, -1})), 17);
  }

  static constexpr int64_t kFloat32 = 1;
  static constexpr int64_t kInt8 = 3;
  static constexpr int64_t kFloat16 = 10;

 private:
  static constexpr int64_t kInt32 = 6;
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
    return fields(op, inputs, text(2, output));
  }
  static std::string fields(const std::string& op, const std::vector<std::string>& inputs,
                            const std::string& outputs) {
    std::string out;
    for (const std::string& input : inputs) out += text(1, input);
    return out + outputs + text(3, "the node") + text(4, op);
  }
  static std::string integer(const std::string& name, int64_t value) {  // an attribute of a node
    constexpr int64_t kInteger = 2;
    return text(5, text(1, name) + number(3, value) + number(20, kInteger));
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
           text(8, text(1, "") + number(2, opset)) + text(8, text(1, "loquor") + number(2, 1));
  }
};

}  // namespace loquor::testing
