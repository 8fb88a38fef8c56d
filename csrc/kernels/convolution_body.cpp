// Columns of a panel are tiles of consecutive outputs, and lanes of vectors: what is tile * n + i of a row
// (with dilation d: of every d-th element of a row) is phase i of column n.
#include "kernels/convolution_body.hpp"

#include "kernels/convolution_transforms.hpp"

#if LOQUOR_HAS_BODY

namespace loquor::LOQUOR_UNIT {
namespace {

constexpr std::size_t kWidest = 3;  // vectors of a panel
constexpr std::size_t kWidth = kWidest * kLanes;
#if LOQUOR_USES_AVX512 || defined(__aarch64__)
constexpr std::size_t kRows = 8;  // of weights at once: as many sums as registers hold
#else
constexpr std::size_t kRows = 4;
#endif
constexpr std::size_t kQuad = 4;
constexpr std::size_t kApart = 16;  // floats that keep strides from being powers of two

LOQUOR_INLINE std::size_t least(std::size_t one, std::size_t other) { return one < other ? one : other; }
LOQUOR_INLINE std::size_t up(std::size_t count, std::size_t by) { return (count + by - 1) / by; }

LOQUOR_INLINE Quad load_quad(const float* from) {
  Quad made;
  std::memcpy(&made, from, sizeof made);
  return made;
}

LOQUOR_INLINE void store_quad(float* to, Quad value) { std::memcpy(to, &value, sizeof value); }

// `row(i)` is where the i-th four floats are, `column(i)` where the i-th of each go.
template <class Row, class Column>
LOQUOR_INLINE void transpose(const Row& row, const Column& column) {
#if LOQUOR_HAS_VECTORS
  const Quad a = load_quad(row(0)), b = load_quad(row(1)), c = load_quad(row(2)), d = load_quad(row(3));
#if defined(__clang__)
#define LOQUOR_SHUFFLE(one, other, ...) __builtin_shufflevector(one, other, __VA_ARGS__)
#else
  using Lanes = std::int32_t __attribute__((vector_size(16)));
#define LOQUOR_SHUFFLE(one, other, ...) __builtin_shuffle(one, other, Lanes{__VA_ARGS__})
#endif
  const Quad ab = LOQUOR_SHUFFLE(a, b, 0, 4, 1, 5), ab2 = LOQUOR_SHUFFLE(a, b, 2, 6, 3, 7);
  const Quad cd = LOQUOR_SHUFFLE(c, d, 0, 4, 1, 5), cd2 = LOQUOR_SHUFFLE(c, d, 2, 6, 3, 7);
  store_quad(column(0), LOQUOR_SHUFFLE(ab, cd, 0, 1, 4, 5));
  store_quad(column(1), LOQUOR_SHUFFLE(ab, cd, 2, 3, 6, 7));
  store_quad(column(2), LOQUOR_SHUFFLE(ab2, cd2, 0, 1, 4, 5));
  store_quad(column(3), LOQUOR_SHUFFLE(ab2, cd2, 2, 3, 6, 7));
#undef LOQUOR_SHUFFLE
#else
  for (std::size_t i = 0; i < kQuad; ++i)
    for (std::size_t j = 0; j < kQuad; ++j) column(j)[i] = row(i)[j];
#endif
}

template <std::size_t groups, std::size_t points>
struct Tiles {
  using In = Inner<points>;
  using Out = Outer<groups>;
  static constexpr std::size_t kPoints = In::kPoints * Out::kPoints;
  static constexpr std::size_t kTile = In::kOutputs * Out::kOutputs;
  static constexpr std::size_t kInputs = In::kOutputs * (Out::kInputs - 1) + In::kInputs;  // of a tile
  static constexpr std::size_t kMore = (kInputs - 1) / kTile;  // columns that a tile reads besides its own

  // The widest lines of phases of a panel, and what they come from.
  static std::size_t line_of(std::size_t dilation) {
    const std::size_t repeats = (kWidth - 1 + dilation - 1) / dilation + 1 + kMore;
    return up(repeats, kQuad) * kQuad * dilation;
  }

  static ConvolutionPlan plan(const ConvolutionShape& shape) {
    ConvolutionPlan made;
    made.shape = shape;
    made.columns = up(shape.output_length(), kTile * shape.dilation) * shape.dilation;
    made.vectors = up(made.columns, kLanes);
    made.panels = up(made.vectors, kWidest);
    // Gives each of 4 threads, or of 2, as many panels, where that leaves none of one vector.
    for (std::size_t threads = 4; threads >= 2; threads /= 2) {
      const std::size_t even = up(made.panels, threads) * threads;
      if (made.vectors < 2 * even) continue;
      made.panels = even;
      break;
    }
    made.blocks = up(shape.filters, kRows);
    made.weights_stride = made.blocks * kRows * shape.channels + kApart;
    made.inputs_stride = shape.channels * kWidth + kApart;
    made.products_stride = made.blocks * kRows * kWidth + kApart;
    made.weights_floats = kPoints * made.weights_stride;
    made.scratch_floats =
        kPoints * (made.inputs_stride + made.products_stride) + 2 * kTile * line_of(shape.dilation);
    return made;
  }

  // --- Weights: [point][block][channel][row of the block] ---

  static void weights(const ConvolutionPlan& plan, const float* given, std::size_t block, float* to) {
    constexpr std::size_t kAtOnce = 16;  // channels
    constexpr std::size_t kTaps = Out::kTaps * In::kTaps;
    const std::size_t taps = plan.shape.taps, channels = plan.shape.channels;
    float interleaved[kAtOnce * kTaps * kQuad];
    for (std::size_t part = 0; part < kRows; part += kQuad) {
      const float* rows[kQuad];
      for (std::size_t i = 0; i < kQuad; ++i) {  // rows beyond the last are never read again
        const std::size_t row = least(block * kRows + part + i, plan.shape.filters - 1);
        rows[i] = given + row * channels * taps;
      }
      float* const block_to = to + block * channels * kRows + part;
      for (std::size_t first = 0; first < channels; first += kAtOnce) {
        const std::size_t count = least(kAtOnce, channels - first);
        interleave(rows, first * taps, count * taps, interleaved);
        for (std::size_t c = 0; c < count; ++c)
          weights_of(interleaved + c * taps * kQuad, taps, block_to + (first + c) * kRows,
                     plan.weights_stride);
      }
    }
  }

  // Element i of four rows, side by side.
  static void interleave(const float* const* rows, std::size_t start, std::size_t count, float* interleaved) {
    std::size_t i = 0;
    for (; i + kQuad <= count; i += kQuad)
      transpose([&](std::size_t row) { return rows[row] + start + i; },
                [&](std::size_t column) { return interleaved + (i + column) * kQuad; });
    for (; i < count; ++i)
      for (std::size_t row = 0; row < kQuad; ++row) interleaved[i * kQuad + row] = rows[row][start + i];
  }

  LOQUOR_INLINE static void weights_of(const float* interleaved, std::size_t taps, float* to,
                                       std::size_t stride) {
    Quad inner[In::kPoints * Out::kTaps];
    for (std::size_t group = 0; group < Out::kTaps; ++group) {
      Quad tap[In::kTaps], made[In::kPoints];
      for (std::size_t i = 0; i < In::kTaps; ++i) {
        const std::size_t at = group * In::kTaps + i;
        tap[i] = at < taps ? load_quad(interleaved + at * kQuad) : Quad{};
      }
      In::weights(tap, made);
      for (std::size_t p = 0; p < In::kPoints; ++p) inner[p * Out::kTaps + group] = made[p];
    }
    for (std::size_t p = 0; p < In::kPoints; ++p) {
      Quad made[Out::kPoints];
      Out::weights(inner + p * Out::kTaps, made);
      for (std::size_t o = 0; o < Out::kPoints; ++o)
        store_quad(to + (p * Out::kPoints + o) * stride, made[o]);
    }
  }

  // --- Inputs: [point][channel][column of the panel] ---

  // Phases of columns that begin with a whole repeat, from the elements of a row.
  template <std::size_t fixed>
  LOQUOR_INLINE static void to_phases(const float* row, std::size_t repeats, std::size_t dilation,
                                      float* phases, std::size_t line) {
    if constexpr (fixed == 1) {
      for (std::size_t n = 0; n < repeats; n += kQuad)
        for (std::size_t i = 0; i < kTile; i += kQuad)
          transpose([&](std::size_t k) { return row + (n + k) * kTile + i; },
                    [&](std::size_t k) { return phases + (i + k) * line + n; });
    } else {
      const std::size_t run = fixed != 0 ? fixed : dilation;
      for (std::size_t n = 0; n < repeats; ++n)
        for (std::size_t i = 0; i < kTile; ++i)
          std::memcpy(phases + i * line + n * run, row + (n * kTile + i) * run, run * sizeof(float));
    }
  }

  // `count` elements of a row from `start` on, of the row with its pads; made in `line` where pads are among
  // them.
  static const float* padded(const ConvolutionShape& shape, const float* row, std::size_t start,
                             std::size_t count, float* line) {
    const std::size_t begin = shape.pad_begin, end = begin + shape.length, stop = start + count;
    if (start >= begin && stop <= end) return row + (start - begin);
    const std::size_t from = start > begin ? least(start, end) : least(begin, stop), to = least(stop, end);
    const std::size_t kept = to > from ? to - from : 0;
    const std::size_t before = kept == 0 ? count : from - start;
    std::memset(line, 0, before * sizeof(float));
    if (kept == 0) return line;
    std::memcpy(line + before, row + (from - begin), kept * sizeof(float));
    std::memset(line + before + kept, 0, (count - before - kept) * sizeof(float));
    return line;
  }

  template <std::size_t vectors>
  static void inputs(const ConvolutionPlan& plan, const float* x, std::size_t column, float* to,
                     float* staging) {
    const ConvolutionShape& shape = plan.shape;
    const std::size_t dilation = shape.dilation, first = column / dilation, line = line_of(dilation);
    std::size_t repeats = (column + vectors * kLanes - 1) / dilation + kMore - first + 1;
    if (dilation == 1) repeats = up(repeats, kQuad) * kQuad;
    const std::size_t start = first * kTile * dilation, count = repeats * kTile * dilation;
    float* const phases = staging + kTile * line;
    for (std::size_t c = 0; c < shape.channels; ++c) {
      const float* const row = padded(shape, x + c * shape.length, start, count, staging);
      switch (dilation) {
        case 1:
          to_phases<1>(row, repeats, 1, phases, line);
          break;
        case 3:
          to_phases<3>(row, repeats, 3, phases, line);
          break;
        case 5:
          to_phases<5>(row, repeats, 5, phases, line);
          break;
        default:
          to_phases<0>(row, repeats, dilation, phases, line);
      }
      const float* const own = phases + (column - first * dilation);
      for (std::size_t v = 0; v < vectors; ++v)
        inputs_of(own + v * kLanes, line, dilation, to + (c * vectors + v) * kLanes, plan.inputs_stride);
    }
  }

  LOQUOR_INLINE static void inputs_of(const float* phases, std::size_t line, std::size_t dilation, float* to,
                                      std::size_t stride) {
    Floats inner[In::kPoints * Out::kInputs];
    for (std::size_t group = 0; group < Out::kInputs; ++group) {
      Floats x[In::kInputs], made[In::kPoints];
      for (std::size_t i = 0; i < In::kInputs; ++i) {
        const std::size_t at = group * In::kOutputs + i;
        x[i] = load(phases + (at % kTile) * line + (at / kTile) * dilation);
      }
      In::inputs(x, made);
      for (std::size_t p = 0; p < In::kPoints; ++p) inner[p * Out::kInputs + group] = made[p];
    }
    for (std::size_t p = 0; p < In::kPoints; ++p) {
      Floats made[Out::kPoints];
      Out::inputs(inner + p * Out::kInputs, made);
      for (std::size_t o = 0; o < Out::kPoints; ++o) store(to + (p * Out::kPoints + o) * stride, made[o]);
    }
  }

  // --- Products: [point][row][column of the panel] ---

  template <std::size_t vectors>
  static void products(const ConvolutionPlan& plan, const float* weights, const float* inputs, float* to) {
    const std::size_t channels = plan.shape.channels;
    for (std::size_t block = 0; block < plan.blocks; ++block) {
      Floats sums[kRows][vectors] = {};
      const float* from = inputs;
      for (std::size_t c = 0; c < channels; ++c, weights += kRows, from += vectors * kLanes) {
        Floats given[vectors];
        for (std::size_t v = 0; v < vectors; ++v) given[v] = load(from + v * kLanes);
        for (std::size_t row = 0; row < kRows; ++row) {
          const Floats weight = broadcast(weights[row]);
          for (std::size_t v = 0; v < vectors; ++v) sums[row][v] += weight * given[v];
        }
      }
      for (std::size_t row = 0; row < kRows; ++row)
        for (std::size_t v = 0; v < vectors; ++v, to += kLanes) store(to, sums[row][v]);
    }
  }

  // --- Outputs ---

  template <std::size_t fixed>
  LOQUOR_INLINE static void from_phases(const ConvolutionPlan& plan, const float* phases, std::size_t column,
                                        std::size_t count, float* row) {
    const std::size_t dilation = fixed != 0 ? fixed : plan.shape.dilation;
    const std::size_t length = plan.shape.output_length(), repeat = kTile * dilation;
    std::size_t n = 0;
    while (n < count) {
      const std::size_t start = (column + n) / dilation * repeat, skipped = (column + n) % dilation;
      const std::size_t run = least(dilation - skipped, count - n);
      if (fixed == 1 && n + kQuad <= count && start + kQuad * repeat <= length) {
        for (std::size_t i = 0; i < kTile; i += kQuad)
          transpose([&](std::size_t k) { return phases + (i + k) * kWidth + n; },
                    [&](std::size_t k) { return row + start + k * kTile + i; });
        n += kQuad;
        continue;
      }
      if (run == dilation && start + repeat <= length) {
        for (std::size_t i = 0; i < kTile; ++i)
          std::memcpy(row + start + i * dilation, phases + i * kWidth + n, dilation * sizeof(float));
      } else {  // what other panels have beside it stays as it is
        for (std::size_t i = 0; i < kTile; ++i)
          for (std::size_t k = 0; k < run; ++k) {
            const std::size_t at = start + i * dilation + skipped + k;
            if (at < length) row[at] = phases[i * kWidth + n + k];
          }
      }
      n += run;
    }
  }

  template <std::size_t vectors>
  static void outputs(const ConvolutionPlan& plan, const float* products, const float* bias,
                      std::size_t column, float* y) {
    float phases[kTile * kWidth];
    const std::size_t count = least(vectors * kLanes, plan.columns - column);
    for (std::size_t m = 0; m < plan.shape.filters; ++m) {
      const Floats offset = broadcast(bias != nullptr ? bias[m] : 0.0f);
      for (std::size_t v = 0; v < vectors; ++v)
        outputs_of(products + (m * vectors + v) * kLanes, plan.products_stride, offset, phases + v * kLanes);
      float* const row = y + m * plan.shape.output_length();
      switch (plan.shape.dilation) {
        case 1:
          from_phases<1>(plan, phases, column, count, row);
          break;
        case 3:
          from_phases<3>(plan, phases, column, count, row);
          break;
        case 5:
          from_phases<5>(plan, phases, column, count, row);
          break;
        default:
          from_phases<0>(plan, phases, column, count, row);
      }
    }
  }

  LOQUOR_INLINE static void outputs_of(const float* products, std::size_t stride, Floats offset,
                                       float* phases) {
    Floats inner[Out::kOutputs * In::kPoints];
    for (std::size_t p = 0; p < In::kPoints; ++p) {
      Floats given[Out::kPoints], made[Out::kOutputs];
      for (std::size_t o = 0; o < Out::kPoints; ++o)
        given[o] = load(products + (p * Out::kPoints + o) * stride);
      Out::outputs(given, made);
      for (std::size_t group = 0; group < Out::kOutputs; ++group)
        inner[group * In::kPoints + p] = made[group];
    }
    for (std::size_t group = 0; group < Out::kOutputs; ++group) {
      Floats made[In::kOutputs];
      In::outputs(inner + group * In::kPoints, made);
      for (std::size_t i = 0; i < In::kOutputs; ++i)
        store(phases + (group * In::kOutputs + i) * kWidth, made[i] + offset);
    }
  }

  template <std::size_t vectors>
  static void panel(const ConvolutionPlan& plan, const float* x, const float* weights, const float* bias,
                    std::size_t column, float* scratch, float* y) {
    float* const made = scratch + kPoints * plan.inputs_stride;
    inputs<vectors>(plan, x, column, scratch, made + kPoints * plan.products_stride);
    for (std::size_t p = 0; p < kPoints; ++p)
      products<vectors>(plan, weights + p * plan.weights_stride, scratch + p * plan.inputs_stride,
                        made + p * plan.products_stride);
    outputs<vectors>(plan, made, bias, column, y);
  }
};

// Calls `work` with the tiles for this number of taps.
template <class Work>
LOQUOR_INLINE auto with_tiles(std::size_t taps, const Work& work) {
  if (taps <= 3) return work(Tiles<1, 6>{});
  if (taps <= 4) return work(Tiles<1, 7>{});
  if (taps <= 8) return work(Tiles<2, 7>{});
  return work(Tiles<3, 7>{});
}

}  // namespace

ConvolutionPlan convolution_plan(const ConvolutionShape& shape) {
  return with_tiles(shape.taps, [&](auto tiles) { return decltype(tiles)::plan(shape); });
}

void convolution_weights(const ConvolutionPlan& plan, const float* weights, std::size_t block,
                         float* transformed) {
  with_tiles(plan.shape.taps,
             [&](auto tiles) { decltype(tiles)::weights(plan, weights, block, transformed); });
}

void convolution_panel(const ConvolutionPlan& plan, const float* x, const float* transformed,
                       const float* bias, std::size_t panel, float* scratch, float* y) {
  const std::size_t first = plan.vectors * panel / plan.panels,
                    vectors = plan.vectors * (panel + 1) / plan.panels - first;
  with_tiles(plan.shape.taps, [&](auto tiles) {
    using Chosen = decltype(tiles);
    switch (vectors) {
      case 1:
        Chosen::template panel<1>(plan, x, transformed, bias, first * kLanes, scratch, y);
        break;
      case 2:
        Chosen::template panel<2>(plan, x, transformed, bias, first * kLanes, scratch, y);
        break;
      default:
        Chosen::template panel<3>(plan, x, transformed, bias, first * kLanes, scratch, y);
    }
  });
}

}  // namespace loquor::LOQUOR_UNIT

#endif
