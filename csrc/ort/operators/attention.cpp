//   CausalAttention(query [batch, rows, heads * size] or packed with what follows, key and value [batch,
//   rows, kv heads * size]
//       or absent, past_key and past_value [batch, kv heads, capacity, size], seqlens_k [batch],
//       total_sequence_length, k_scale and v_scale [1] for a scaled cache)
//     -> context [batch, rows, heads * size], present_key, present_value like past
// The meaning is com.microsoft's GroupQueryAttention; attributes num_heads, kv_num_heads and scale. Past and
// present may be one buffer.
#include "kernels/attention.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>

#include "ort/operator.hpp"
#include "ort/operators/all.hpp"

namespace loquor::ort {
namespace {

[[noreturn]] void refuse(const std::string& reason) {
  throw Error(ErrorKind::kModel, "CausalAttention: " + reason);
}

std::string shape_of(const Tensor& tensor) {
  std::string text = "[";
  for (std::size_t axis = 0; axis < tensor.rank; ++axis) {
    text += (axis == 0 ? "" : ", ") + std::to_string(tensor.dims[axis]);
  }
  return text + "]";
}

bool has_shape(const Tensor& tensor, std::initializer_list<std::size_t> dims) {
  std::size_t axis = 0;
  if (tensor.rank != dims.size()) return false;
  for (const std::size_t dim : dims) {
    if (tensor.dim(axis++) != dim) return false;
  }
  return true;
}

constexpr int element_of(CacheType type) { return static_cast<int>(type); }

struct Sizes {
  std::size_t batch, rows, heads, kv_heads, capacity, head_dim;
  std::size_t total;             // positions of the longest sequence, with the new ones
  std::size_t present_capacity;  // positions that present has room for
  bool prompt;                   // nothing is cached; rows may be padded on the right
};

// How much of a sequence is there, and how many of its new rows are real.
struct Length {
  std::size_t past, real;
};

Length length_of(const Sizes& sizes, int32_t last) {
  const auto length = static_cast<std::size_t>(last) + 1;
  if (last < 0 || length > sizes.total)
    refuse("seqlens_k is " + std::to_string(last) +
           ", which is not from 0 to total_sequence_length - 1 = " + std::to_string(sizes.total - 1));
  if (sizes.prompt) return {0, length};
  if (length < sizes.rows || length - sizes.rows > sizes.capacity)
    refuse("of " + std::to_string(length) + " positions " + std::to_string(sizes.rows) +
           " are new: the others are not in a past of " + std::to_string(sizes.capacity));
  return {length - sizes.rows, sizes.rows};
}

// One operator for each type of cache; ONNX Runtime chooses by the types of a node's inputs.
template <CacheType cache>
class CausalAttention {
 public:
  static constexpr const char* kName = "CausalAttention";
  static constexpr Argument kInputs[9] = {{},
                                          {abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, true},
                                          {abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, true},
                                          {element_of(cache)},
                                          {element_of(cache)},
                                          {abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32},
                                          {abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32},
                                          {abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, true},
                                          {abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, true}};
  static constexpr Argument kOutputs[3] = {{}, {element_of(cache)}, {element_of(cache)}};

  explicit CausalAttention(const Attributes& attributes)
      : heads_(attributes.integer("num_heads", 0)),
        kv_heads_(attributes.integer("kv_num_heads", 0)),
        scale_(attributes.number("scale", 0.0f)) {
    if (heads_ < 1 || kv_heads_ < 1 || heads_ % kv_heads_ != 0)
      refuse("num_heads is " + std::to_string(heads_) + ", which is no multiple of kv_num_heads " +
             std::to_string(kv_heads_));
  }

  void compute(Call& call) const {
    const Tensor query = call.input(0), key = call.input(1), value = call.input(2);
    const Tensor past_key = call.input(3), past_value = call.input(4);
    const Tensor seqlens = call.input(5), total = call.input(6);
    const Sizes sizes = sizes_of(query, key, value, past_key, past_value, total);
    if (!has_shape(seqlens, {sizes.batch})) refuse("seqlens_k is " + shape_of(seqlens) + ", not [batch]");
    for (std::size_t row = 0; row < sizes.batch; ++row) length_of(sizes, seqlens.as<int32_t>()[row]);
    const float key_scale = step_of(call, 7), value_scale = step_of(call, 8);

    const int64_t rows[] = {query.dims[0], query.dims[1], heads_ * past_key.dims[3]};
    const int64_t present[] = {query.dims[0], kv_heads_, static_cast<int64_t>(sizes.present_capacity),
                               past_key.dims[3]};
    auto* const context = static_cast<float*>(call.output(0, rows, 3));
    auto* const keys = static_cast<unsigned char*>(call.output(1, present, 4));
    auto* const values = static_cast<unsigned char*>(call.output(2, present, 4));

    const std::size_t position = sizes.head_dim * bytes_of(cache);
    const std::size_t group = sizes.heads / sizes.kv_heads;
    const std::size_t own_stride = sizes.heads * sizes.head_dim;
    const std::size_t kv_stride = key ? sizes.kv_heads * sizes.head_dim : query.dim(2);
    const float* const new_keys = key ? key.as<float>() : query.as<float>() + own_stride;
    const float* const new_values = key ? value.as<float>() : new_keys + sizes.kv_heads * sizes.head_dim;
    call.parallel(sizes.batch * sizes.kv_heads, [&](std::size_t part) {
      const std::size_t row = part / sizes.kv_heads, head = part % sizes.kv_heads;
      const Length length = length_of(sizes, seqlens.as<int32_t>()[row]);
      AttentionHead work = {};
      work.type = cache;
      work.head_dim = sizes.head_dim;
      work.group = group;
      work.past = length.past;
      work.count = sizes.rows;
      work.real = length.real;
      const std::size_t first = row * sizes.rows, at = head * sizes.head_dim;
      work.queries = {query.as<float>() + first * query.dim(2) + at * group, query.dim(2)};
      work.new_keys = {new_keys + first * kv_stride + at, kv_stride};
      work.new_values = {new_values + first * kv_stride + at, kv_stride};
      work.context = {context + first * own_stride + at * group, own_stride};
      work.keys = keys + part * sizes.present_capacity * position;
      work.values = values + part * sizes.present_capacity * position;
      work.scale = scale_ != 0 ? scale_ : 1.0f / std::sqrt(static_cast<float>(sizes.head_dim));
      work.key_scale = key_scale;
      work.value_scale = value_scale;
      keep(past_key, part * sizes.capacity * position, work.keys, length.past * position);
      keep(past_value, part * sizes.capacity * position, work.values, length.past * position);
      attend(work);
    });
  }

 private:
  Sizes sizes_of(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& past_key,
                 const Tensor& past_value, const Tensor& total) const {
    if (query.rank != 3 || past_key.rank != 4)
      refuse("query is " + shape_of(query) + " and past_key " + shape_of(past_key) +
             ", not [batch, rows, width] and [batch, kv heads, capacity, head size]");
    const auto heads = static_cast<std::size_t>(heads_), kv_heads = static_cast<std::size_t>(kv_heads_);
    Sizes sizes = {query.dim(0), query.dim(1), heads, kv_heads, past_key.dim(2), past_key.dim(3), 0, 0,
                   false};
    if (sizes.head_dim == 0 || sizes.head_dim % kHeadStep != 0 || sizes.head_dim > kLargestHead)
      refuse("heads of " + std::to_string(sizes.head_dim) + " are not served, only multiples of 8 up to 256");
    if (!has_shape(past_key, {sizes.batch, kv_heads, sizes.capacity, sizes.head_dim}) ||
        !has_shape(past_value, {sizes.batch, kv_heads, sizes.capacity, sizes.head_dim}))
      refuse("past_key is " + shape_of(past_key) + " and past_value " + shape_of(past_value) +
             ", not [batch, kv heads, capacity, head size] both");
    const std::size_t kv_width = kv_heads * sizes.head_dim;
    const bool packed = !key && !value && query.dim(2) == heads * sizes.head_dim + 2 * kv_width;
    const bool apart = has_shape(query, {sizes.batch, sizes.rows, heads * sizes.head_dim}) &&
                       has_shape(key, {sizes.batch, sizes.rows, kv_width}) &&
                       has_shape(value, {sizes.batch, sizes.rows, kv_width});
    if (!packed && !apart)
      refuse("query is " + shape_of(query) + ", key " + shape_of(key) + " and value " + shape_of(value) +
             ": they fit neither together nor packed");
    if (total.count() != 1 || *total.as<int32_t>() < 1 ||
        static_cast<std::size_t>(*total.as<int32_t>()) < sizes.rows)
      refuse("total_sequence_length should be one number, no less than the new rows");
    sizes.total = static_cast<std::size_t>(*total.as<int32_t>());
    sizes.present_capacity = std::max(sizes.capacity, sizes.total);
    sizes.prompt = sizes.rows == sizes.total;
    return sizes;
  }

  float step_of(const Call& call, std::size_t index) const {
    if (!is_scaled(cache)) return 1.0f;
    const Tensor scale = call.input(index);
    if (!scale || scale.count() != 1) refuse("this cache needs k_scale and v_scale, of one number each");
    return *scale.as<float>();
  }

  // The past in present, where that is another buffer.
  static void keep(const Tensor& past, std::size_t offset, void* present, std::size_t bytes) {
    const auto* const from = static_cast<const unsigned char*>(past.data) + offset;
    if (from != present && bytes != 0) std::memcpy(present, from, bytes);
  }

  int64_t heads_;
  int64_t kv_heads_;
  float scale_;
};

template <std::size_t... i>
std::vector<const abi::OrtCustomOp*> by_type(std::index_sequence<i...>) {
  return {operator_of<CausalAttention<kCacheTypes[i]>>()...};
}

}  // namespace

std::vector<const abi::OrtCustomOp*> attention_operators() {
  return by_type(std::make_index_sequence<std::size(kCacheTypes)>());
}

}  // namespace loquor::ort
