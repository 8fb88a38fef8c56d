//   AttentionWeights(query [batch, rows, heads * size] or packed with what follows, key [batch, kv heads,
//   capacity, size] as attention over a cache leaves it, seqlens_k [batch], total_sequence_length, heads
//   [n] int64, k_scale [1] for a scaled cache)
//     -> weights [batch, n, total_sequence_length]
// What the last real row of each sequence gives the positions up to its own, in the heads of queries that
// `heads` lists; 0 beyond. Attributes num_heads, kv_num_heads and scale, as CausalAttention has them.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>
#include <utility>

#include "kernels/attention.hpp"
#include "ort/operator.hpp"
#include "ort/operators/all.hpp"

namespace loquor::ort {
namespace {

[[noreturn]] void refuse(const std::string& reason) {
  throw Error(ErrorKind::kModel, "AttentionWeights: " + reason);
}

// One operator for each type of cache; ONNX Runtime chooses by the types of a node's inputs.
template <CacheType cache>
class AttentionWeights {
 public:
  static constexpr const char* kName = "AttentionWeights";
  static constexpr Argument kInputs[6] = {{},
                                          {static_cast<int>(cache)},
                                          {abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32},
                                          {abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32},
                                          {abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64},
                                          {abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, true}};
  static constexpr Argument kOutputs[1] = {{}};

  explicit AttentionWeights(const Attributes& attributes)
      : heads_(attributes.integer("num_heads", 0)),
        kv_heads_(attributes.integer("kv_num_heads", 0)),
        scale_(attributes.number("scale", 0.0f)) {
    if (heads_ < 1 || kv_heads_ < 1 || heads_ % kv_heads_ != 0)
      refuse("num_heads is " + std::to_string(heads_) + ", which is no multiple of kv_num_heads " +
             std::to_string(kv_heads_));
  }

  void compute(Call& call) const {
    const Tensor query = call.input(0), key = call.input(1), seqlens = call.input(2), total = call.input(3);
    const Tensor chosen = call.input(4), key_scale = call.input(5);
    if (query.rank != 3 || key.rank != 4 || seqlens.rank != 1 || total.count() != 1 || chosen.rank != 1 ||
        query.dim(0) != key.dim(0) || query.dim(0) != seqlens.dim(0))
      refuse(
          "it takes query [batch, rows, width], key [batch, kv heads, capacity, size], seqlens_k [batch], "
          "one "
          "total_sequence_length and heads [n]");
    const std::size_t dim = key.dim(3), rows = query.dim(1), width = query.dim(2);
    const auto positions = static_cast<std::size_t>(std::max(0, *total.as<int32_t>()));
    if (dim == 0 || dim % kHeadStep != 0 || dim > kLargestHead ||
        width < dim * static_cast<std::size_t>(heads_))
      refuse("heads of " + std::to_string(dim) + " in rows of " + std::to_string(width) + " are not served");
    if (rows == 0 || positions < rows || positions > key.dim(2))
      refuse("total_sequence_length is " + std::to_string(positions) + ", not from the new rows to the " +
             std::to_string(key.dim(2)) + " positions that key has");
    if (static_cast<int64_t>(key.dim(1)) != kv_heads_) refuse("key has another number of heads");
    if (is_scaled(cache) && (!key_scale || key_scale.count() != 1)) refuse("this cache needs k_scale");
    const std::size_t count = chosen.dim(0), batch = query.dim(0);
    for (std::size_t i = 0; i < count; ++i) {
      const int64_t head = chosen.as<int64_t>()[i];
      if (head < 0 || head >= heads_) refuse("there is no head " + std::to_string(head));
    }
    for (std::size_t row = 0; row < batch; ++row) {
      const int32_t last = seqlens.as<int32_t>()[row];
      if (last < 0 || static_cast<std::size_t>(last) >= positions)
        refuse("seqlens_k is " + std::to_string(last) + " of " + std::to_string(positions) + " positions");
    }
    const int64_t shape[] = {query.dims[0], chosen.dims[0], static_cast<int64_t>(positions)};
    auto* const weights = static_cast<float*>(call.output(0, shape, 3));
    const std::size_t group = static_cast<std::size_t>(heads_ / kv_heads_);
    for (std::size_t part = 0; part < batch * count; ++part) {
      const std::size_t sequence = part / count;
      const auto head = static_cast<std::size_t>(chosen.as<int64_t>()[part % count]);
      const auto length = static_cast<std::size_t>(seqlens.as<int32_t>()[sequence]) + 1;
      const std::size_t last = rows == positions ? length - 1 : rows - 1;  // a prompt is padded on the right
      const std::size_t head_bytes = key.dim(2) * dim * bytes_of(cache);
      AttentionRow work = {};
      work.type = cache;
      work.head_dim = dim;
      work.count = length;
      work.query = query.as<float>() + (sequence * rows + last) * width + head * dim;
      work.keys = key.as<unsigned char>() + (sequence * key.dim(1) + head / group) * head_bytes;
      work.scale = scale_ != 0 ? scale_ : 1.0f / std::sqrt(static_cast<float>(dim));
      work.key_scale = is_scaled(cache) ? *key_scale.as<float>() : 1.0f;
      work.weights = weights + part * positions;
      weigh(work);
      std::fill(work.weights + length, work.weights + positions, 0.0f);
    }
  }

 private:
  int64_t heads_;
  int64_t kv_heads_;
  float scale_;
};

template <std::size_t... i>
std::vector<const abi::OrtCustomOp*> by_type(std::index_sequence<i...>) {
  return {operator_of<AttentionWeights<kCacheTypes[i]>>()...};
}

}  // namespace

std::vector<const abi::OrtCustomOp*> attention_weights_operators() {
  return by_type(std::make_index_sequence<std::size(kCacheTypes)>());
}

}  // namespace loquor::ort
