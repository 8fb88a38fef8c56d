//   Int16Attention(query float32 [batch, rows, heads * size], key and value [batch, positions, heads * size];
//                  num_heads, scale = 1 / sqrt(size)) -> [batch, rows, heads * size]
// MultiHeadAttention of all rows to all positions, without a mask. Both of its products are of 16 bits
// (docs/adr/0130-int16-products.md).
#include "kernels/int16_attention.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "ort/operator.hpp"
#include "ort/operators/all.hpp"

namespace loquor::ort {
namespace {

struct Int16Attention {
  static constexpr const char* kName = "Int16Attention";
  static constexpr Argument kInputs[3] = {{}, {}, {}};
  static constexpr Argument kOutputs[1] = {};

  explicit Int16Attention(const Attributes& attributes)
      : heads_(attributes.integer("num_heads", 0)), scale_(attributes.number("scale", 0.0f)) {
    if (heads_ < 1)
      throw Error(ErrorKind::kModel,
                  "Int16Attention takes num_heads of 1 or more, not " + std::to_string(heads_));
  }

  void compute(Call& call) const {
    const Tensor query = call.input(0), key = call.input(1), value = call.input(2);
    check_shapes(query, key, value);
    auto* const context = call.output_like<float>(query);
    const auto heads = static_cast<std::size_t>(heads_);
    const std::size_t width = query.dim(2), size = width / heads, rows = query.dim(1);
    const std::size_t positions = key.dim(1), all = query.dim(0) * heads;
    if (all == 0 || rows == 0) return;

    Int16Head shape;
    shape.size = size;
    shape.positions = positions;
    const std::size_t blocks = shape.blocks(), value_width = panels_of(size) * kPanelColumns;
    const std::size_t key_pairs = blocks * Int16Head::block_key_pairs(size);
    const std::size_t value_pairs = blocks * Int16Head::block_value_pairs(size);
    const std::size_t key_steps = blocks * kAttentionBlock, value_steps = blocks * value_width;
    const std::size_t each = key_pairs + value_pairs + key_steps + value_steps;
    const Scratch scratch = call.scratch(sizeof(float) * all * each);
    const auto head_of = [&](std::size_t number) {
      Int16Head head = shape;
      head.key_steps = scratch.floats() + number * each;
      head.value_steps = head.key_steps + key_steps;
      head.keys = reinterpret_cast<Pair*>(head.value_steps + value_steps);
      head.values = head.keys + key_pairs;
      return head;
    };
    const auto round = [&](std::size_t part) {
      const std::size_t number = part / blocks, row = number / heads, at = number % heads * size;
      const std::size_t first = row * positions * width + at;
      round_int16_block(head_of(number), key.as<float>() + first, width, value.as<float>() + first, width,
                        part % blocks);
    };
    call.parallel(all * blocks, round, all * blocks);
    const float scale = scale_ != 0 ? scale_ : 1.0f / std::sqrt(static_cast<float>(size));
    const std::size_t chunks = (rows + kChunk - 1) / kChunk;
    const auto attend = [&](std::size_t part) {  // chunks of one head after another: its keys stay cached
      const std::size_t number = part / chunks, row = number / heads, at = number % heads * size;
      const std::size_t start = part % chunks * kChunk, first = (row * rows + start) * width + at;
      attend_int16(head_of(number), query.as<float>() + first, width, std::min(kChunk, rows - start), scale,
                   context + first, width);
    };
    call.parallel(all * chunks, attend, all * chunks);
  }

 private:
  static constexpr std::size_t kChunk = 96;  // queries of a part

  void check_shapes(const Tensor& query, const Tensor& key, const Tensor& value) const {
    const bool three = query.rank == 3 && key.rank == 3 && value.rank == 3;
    const bool alike = three && key.dims == value.dims && key.dims[0] == query.dims[0] &&
                       key.dims[2] == query.dims[2] && key.dims[1] > 0;
    const int64_t most = heads_ * static_cast<int64_t>(kLargestInt16Head);
    if (!alike || query.dims[2] < heads_ || query.dims[2] % heads_ != 0 || query.dims[2] > most)
      throw Error(ErrorKind::kModel,
                  "Int16Attention takes a query [batch, rows, width], a key and a value [batch, positions, "
                  "width], one position or more, and heads of 1 to 256 that divide the width");
  }

  int64_t heads_;
  float scale_;
};

}  // namespace

const abi::OrtCustomOp* int16_attention_operator() { return operator_of<Int16Attention>(); }

}  // namespace loquor::ort
