//   Int16Product(x float32 [..., K], weights float32 [K, N], bias? [N], residual? like y; gelu = 0 or 1)
//                -> y [..., N]
// MatMul with what often follows: bias added, Gelu (by erf), a residual added. Both sides are rounded to 16
// bits for as long as they are multiplied (docs/adr/0130-int16-products.md), the weights anew in each run.
#include "kernels/int16_product.hpp"

#include <algorithm>

#include "ort/operator.hpp"
#include "ort/operators/all.hpp"

namespace loquor::ort {
namespace {

constexpr Argument kMaybeFloats = {abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, true};

struct Int16Products {
  static constexpr const char* kName = "Int16Product";
  static constexpr Argument kInputs[4] = {{}, {}, kMaybeFloats, kMaybeFloats};
  static constexpr Argument kOutputs[1] = {};

  explicit Int16Products(const Attributes& attributes) : gelu_(attributes.integer("gelu", 0) != 0) {}

  void compute(Call& call) const {
    Tensor x = call.input(0);
    const Tensor weights = call.input(1), bias = call.input(2), residual = call.input(3);
    check_shapes(x, weights, bias, residual);
    const auto* const from = x.as<float>();
    const std::size_t depth = weights.dim(0), columns = weights.dim(1), count = x.count() / depth;
    x.dims[x.rank - 1] = weights.dims[1];
    auto* const y = call.output_like<float>(x);
    if (count == 0) return;

    const std::size_t panels = panels_of(columns), padded = panels * kPanelColumns;
    const std::size_t panel_pairs = padded * room_for(depth), row_pairs = row_room_for(depth);
    const Scratch scratch = call.scratch(sizeof(float) * (panel_pairs + padded + count * (row_pairs + 1)));
    // Pairs lie first, at lines of the cache, as the scratch does: read across two, products take up to twice
    // as long.
    Pair* const rounded = reinterpret_cast<Pair*>(scratch.floats());
    Pair* const rows = rounded + panel_pairs;
    float* const steps = reinterpret_cast<float*>(rows + count * row_pairs);
    float* const row_steps = steps + padded;
    const std::size_t chunks = (count + kChunk - 1) / kChunk;
    const auto round = [&](std::size_t part) {
      if (part < panels) {
        round_int16_panel(weights.as<float>(), depth, columns, part, rounded, steps);
        return;
      }
      const std::size_t first = (part - panels) * kChunk;
      for (std::size_t row = first; row < std::min(count, first + kChunk); ++row)
        round_int16_row(from + row * depth, depth, rows + row * row_pairs, row_steps + row);
    };
    call.parallel(panels + chunks, round, panels + chunks);
    Int16Product product;
    product.depth = depth;
    product.columns = columns;
    product.rows = rows;
    product.row_steps = row_steps;
    product.panels = rounded;
    product.steps = steps;
    product.bias = bias.as<float>();
    product.residual = residual.as<float>();
    product.gelu = gelu_;
    const auto multiply = [&](std::size_t part) {
      int16_products(product, part * kChunk, std::min(count, (part + 1) * kChunk), y);
    };
    call.parallel(chunks, multiply, chunks);
  }

 private:
  static constexpr std::size_t kChunk = 48;  // rows of a part: a multiple of what registers hold

  static void check_shapes(const Tensor& x, const Tensor& weights, const Tensor& bias,
                           const Tensor& residual) {
    const bool product = x.rank > 0 && weights.rank == 2 && x.dims[x.rank - 1] == weights.dims[0] &&
                         weights.dims[0] > 0 && weights.dims[1] > 0;
    bool sums = product && (!bias || (bias.rank == 1 && bias.dims[0] == weights.dims[1]));
    if (product && residual) {
      sums = sums && residual.rank == x.rank && residual.dims[x.rank - 1] == weights.dims[1] &&
             std::equal(x.dims.begin(), x.dims.begin() + static_cast<std::ptrdiff_t>(x.rank - 1),
                        residual.dims.begin());
    }
    if (!sums)
      throw Error(ErrorKind::kModel,
                  "Int16Product takes x [..., K] with weights [K, N], a bias [N] or none, and a residual "
                  "[..., N] with x's other axes, or none");
  }

  bool gelu_;
};

}  // namespace

const abi::OrtCustomOp* int16_product_operator() { return operator_of<Int16Products>(); }

}  // namespace loquor::ort
