#include "model/vocoder.hpp"

#include <cstdlib>

#include "model/contract.hpp"
#include "model/float_buffer.hpp"

namespace loquor {
namespace {

// A matrix of so many rows, its columns one behind the other.
std::vector<float> turned(const std::vector<float>& matrix, int64_t rows) {
  const auto height = static_cast<std::size_t>(rows), width = matrix.size() / height;
  std::vector<float> columns(matrix.size());
  for (std::size_t row = 0; row < height; ++row) {
    for (std::size_t column = 0; column < width; ++column)
      columns[column * height + row] = matrix[row * width + column];
  }
  return columns;
}

}  // namespace

Vocoder::Vocoder(ort::Session session, int64_t samples_per_token)
    : graph_(std::move(session), samples_per_token, {kMel}) {
  const Contract contract(graph_.session());
  constexpr int64_t kFree = Contract::kFree;
  const ort::Port& mel = contract.input(kMel, {ort::ElementType::kFloat32}, {kFree, kFree, kFree});
  contract.output("waveform", float_types(), {kFree, kFree});
  for (std::size_t axis = 1; axis < mel.dims.size(); ++axis) {
    if (mel.symbols[axis].find("*tokens") == std::string::npos) continue;
    rows_ = std::strtoll(mel.symbols[axis].c_str(), nullptr, 10);
    rows_last_ = axis == 2;
    bins_ = contract.fixed(mel, rows_last_ ? 1 : 2, "number of bins");
  }
  if (rows_ <= 0) {
    contract.fail("'" + mel.name + "' should declare its rows by token but is " + mel.describe());
  }
}

std::vector<float> Vocoder::rows_of(const ort::Value& mel) const {
  std::vector<float> rows = floats_of(session().api(), mel);
  if (rows_last_) rows = turned(rows, bins_);
  return rows;
}

std::vector<float> Vocoder::decode(Span<const float> mel, int64_t tokens, const ort::RunOptions& options,
                                   const NoiseOrigin& origin, PhaseTrack* track) const {
  const int64_t rows = tokens * rows_;
  const auto size = static_cast<std::size_t>(rows * bins_);
  if (mel.size() < size) {
    Contract(session()).fail("'" + std::string(kMel) + "' should have " + std::to_string(rows) +
                             " rows for " + std::to_string(tokens) + " tokens but has " +
                             std::to_string(static_cast<int64_t>(mel.size()) / bins_));
  }
  std::vector<float> heard(mel.end() - size, mel.end());
  if (rows_last_) heard = turned(heard, rows);
  const ort::Memory host(session().api_ptr());
  const ort::Value value = host.view(ort::ElementType::kFloat32, heard.data(),
                                     {1, rows_last_ ? bins_ : rows, rows_last_ ? rows : bins_});
  const ort::Value wave =
      graph_.run(options, {{kMel, value.get()}}, "waveform", {tokens, 0, tokens}, origin, track);
  return floats_of(session().api(), wave);
}

}  // namespace loquor
