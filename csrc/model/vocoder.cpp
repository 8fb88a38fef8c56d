#include "model/vocoder.hpp"

#include <cstdlib>

#include "model/contract.hpp"
#include "model/float_buffer.hpp"

namespace loquor {

Vocoder::Vocoder(ort::Session session, int64_t samples_per_token)
    : graph_(std::move(session), samples_per_token, {kMel}) {
  const Contract contract(graph_.session());
  constexpr int64_t kFree = Contract::kFree;
  const ort::Port& mel = contract.input(kMel, {ort::ElementType::kFloat32}, {kFree, kFree, kFree});
  contract.output("waveform", float_types(), {kFree, kFree});
  for (std::size_t axis = 0; axis < mel.dims.size(); ++axis) {
    if (mel.symbols[axis].find("*tokens") == std::string::npos) continue;
    time_ = axis;
    rows_ = std::strtoll(mel.symbols[axis].c_str(), nullptr, 10);
  }
  if (rows_ <= 0)
    contract.fail("'" + mel.name + "' should declare its rows by token but is " + mel.describe());
}

std::vector<float> Vocoder::decode(const ort::Value& mel, int64_t tokens, const ort::RunOptions& options,
                                   const NoiseOrigin& origin, PhaseTrack* track) const {
  const ort::Api& api = session().api();
  std::vector<int64_t> dims = ort::shape_of(api, mel.get()).dims;
  const int64_t given = dims[time_];
  const int64_t rows = tokens * rows_;
  if (given < rows) {
    Contract(session()).fail("'" + std::string(kMel) + "' should have " + std::to_string(rows_) +
                             " rows for each token, " + std::to_string(rows) + ", but has " +
                             std::to_string(given));
  }
  int64_t outer = 1;
  int64_t inner = 1;
  for (std::size_t axis = 0; axis < dims.size(); ++axis) {
    if (axis != time_) (axis < time_ ? outer : inner) *= dims[axis];
  }
  dims[time_] = rows;
  const float* const from = ort::data_of<float>(api, mel.get());
  std::vector<float> heard;
  heard.reserve(static_cast<std::size_t>(outer * rows * inner));
  for (int64_t i = 1; i <= outer; ++i) {
    const float* const end = from + i * given * inner;
    heard.insert(heard.end(), end - rows * inner, end);
  }
  const ort::Memory host(session().api_ptr());
  const auto value = host.view(ort::ElementType::kFloat32, heard.data(), dims.data(), dims.size());
  const ort::Value wave =
      graph_.run(options, {{kMel, value.get()}}, "waveform", {tokens, 0, tokens}, origin, track);
  return floats_of(api, wave);
}

}  // namespace loquor
