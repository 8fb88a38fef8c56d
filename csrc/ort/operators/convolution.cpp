//   ToomCookConv(x [batch, channels, time], weights [filters, channels, taps], bias [filters] or none;
//                dilation = 1, pad_begin = 0, pad_end = 0) -> y [batch, filters, ...]
// ONNX's Conv of one dimension, stride 1 and one group, with 3 to 12 taps.
#include "kernels/convolution.hpp"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>

#include "ort/operator.hpp"
#include "ort/operators/all.hpp"

namespace loquor::ort {
namespace {

struct ToomCookConv {
  static constexpr const char* kName = "ToomCookConv";
  static constexpr Argument kInputs[3] = {{}, {}, {abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, true}};
  static constexpr Argument kOutputs[1] = {};

  explicit ToomCookConv(const Attributes& attributes)
      : dilation_(attributes.integer("dilation", 1)),
        pad_begin_(attributes.integer("pad_begin", 0)),
        pad_end_(attributes.integer("pad_end", 0)) {
    if (dilation_ < 1 || pad_begin_ < 0 || pad_end_ < 0)
      throw Error(ErrorKind::kModel,
                  "ToomCookConv takes a dilation of 1 or more and pads of 0 or more, not " +
                      std::to_string(dilation_) + ", " + std::to_string(pad_begin_) + " and " +
                      std::to_string(pad_end_));
  }

  void compute(Call& call) {
    const Tensor x = call.input(0), weights = call.input(1), bias = call.input(2);
    const ConvolutionShape shape = shape_of(x, weights, bias);
    const std::size_t batch = x.dim(0), length = shape.output_length();
    const int64_t dims[] = {x.dims[0], weights.dims[0], static_cast<int64_t>(length)};
    auto* const y = static_cast<float*>(call.output(0, dims, 3));
    if (batch == 0) return;

    const Convolution convolution(shape);
    const std::size_t parts = batch * convolution.parts();
    const std::size_t workers = std::min(parts, most_workers());
    const Scratch scratch =
        call.scratch(sizeof(float) * (convolution.weight_floats() + workers * convolution.scratch_floats()));
    float* const transformed = scratch.floats();
    call.parallel(convolution.weight_parts(), [&](std::size_t part) {
      convolution.transform_weights(weights.as<float>(), part, transformed);
    });
    // A worker takes the next part until there is none: as many run at once as the session has threads.
    std::atomic<std::size_t> next{0};
    call.parallel(workers, [&](std::size_t worker) {
      float* const own = transformed + convolution.weight_floats() + worker * convolution.scratch_floats();
      for (std::size_t part = next++; part < parts; part = next++) {
        const std::size_t row = part / convolution.parts();
        convolution.compute(x.as<float>() + row * shape.channels * shape.length, transformed,
                            bias.as<float>(), part % convolution.parts(), own,
                            y + row * shape.filters * length);
      }
    });
  }

 private:
  ConvolutionShape shape_of(const Tensor& x, const Tensor& weights, const Tensor& bias) const {
    if (x.rank != 3 || weights.rank != 3 || x.dims[1] != weights.dims[1] || x.dims[1] < 1 ||
        weights.dims[0] < 1 || (bias && (bias.rank != 1 || bias.dims[0] != weights.dims[0])))
      throw Error(
          ErrorKind::kModel,
          "ToomCookConv takes x [batch, channels, time], weights [filters, channels, taps] and a bias "
          "[filters], each of them at least 1");
    ConvolutionShape shape;
    shape.filters = weights.dim(0);
    shape.channels = weights.dim(1);
    shape.taps = weights.dim(2);
    shape.length = x.dim(2);
    shape.dilation = static_cast<std::size_t>(dilation_);
    shape.pad_begin = static_cast<std::size_t>(pad_begin_);
    shape.pad_end = static_cast<std::size_t>(pad_end_);
    if (shape.taps < Convolution::kFewestTaps || shape.taps > Convolution::kMostTaps)
      throw Error(ErrorKind::kModel,
                  "ToomCookConv takes weights of 3 to 12 taps, not " + std::to_string(shape.taps));
    if (shape.output_length() == 0)
      throw Error(ErrorKind::kModel, "ToomCookConv: a row of " + std::to_string(shape.length) +
                                         " and its pads are shorter than the weights reach");
    return shape;
  }

  static std::size_t most_workers() {
    static const std::size_t processors = std::max(1U, std::thread::hardware_concurrency());
    return processors;
  }

  int64_t dilation_, pad_begin_, pad_end_;
};

}  // namespace

const abi::OrtCustomOp* convolution_operator() { return operator_of<ToomCookConv>(); }

}  // namespace loquor::ort
