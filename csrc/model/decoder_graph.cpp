#include "model/decoder_graph.hpp"

#include <functional>
#include <numeric>

#include "model/contract.hpp"
#include "model/float_buffer.hpp"

namespace loquor {
namespace {

// Inputs and outputs that preparation writes (prepare/phase.py).
constexpr const char* kPhase = "loquor_phase";
constexpr const char* kPhaseAt = "loquor_phase_at";
constexpr const char* kPhaseNext = "loquor_phase_next";

int64_t product(const std::vector<int64_t>& dims) {
  return std::accumulate(dims.begin(), dims.end(), int64_t{1}, std::multiplies<>());
}

}  // namespace

DecoderGraph::DecoderGraph(ort::Session session, int64_t samples_per_token,
                           const std::vector<std::string>& fed)
    : session_(std::move(session)), samples_per_token_(samples_per_token) {
  const Contract contract(session_);
  std::vector<std::string> known = fed;
  for (const ort::Port& port : session_.inputs()) {
    if (!NoiseInput::is_one(port.name)) continue;
    noise_.emplace_back(port, contract);
    known.push_back(port.name);
  }
  anchored_ = contract.has_input(kPhase);
  if (anchored_) {
    contract.input(kPhaseAt, {ort::ElementType::kInt64}, {2});
    known.insert(known.end(), {kPhase, kPhaseAt});
  }
  contract.no_other_inputs(known);
}

ort::Value DecoderGraph::run(const ort::RunOptions& options, std::vector<ort::Session::Feed> feeds,
                             const char* output, const DecodeLengths& lengths, const NoiseOrigin& origin,
                             PhaseTrack* track) const {
  const ort::Memory host(session_.api_ptr());
  std::vector<std::vector<float>> drawn;
  std::vector<ort::Value> drawn_values;
  for (const NoiseInput& noise : noise_) {
    const std::vector<int64_t> dims = noise.dims(lengths);
    drawn.emplace_back(static_cast<std::size_t>(product(dims)));
    noise.fill(drawn.back().data(), lengths, origin);
    drawn_values.push_back(
        host.view(ort::ElementType::kFloat32, drawn.back().data(), dims.data(), dims.size()));
    feeds.emplace_back(noise.name().c_str(), drawn_values.back().get());
  }
  std::vector<std::string> wanted = {output};
  PhaseTrack still{{}, {}, 0, lengths.new_tokens};
  PhaseTrack& phase = track != nullptr ? *track : still;
  if (phase.cycles.empty()) {
    phase.cycles = {0};
    phase.dims = {1};
  }
  // Samples are counted from the end, since a prompt of half tokens moves the start.
  int64_t at[] = {phase.anchor == 0 ? 0 : samples_per_token_ * (phase.anchor - lengths.new_tokens),
                  samples_per_token_ * (phase.next - lengths.new_tokens) - 1};
  const auto at_value = host.view(ort::ElementType::kInt64, at, {2});
  const auto phase_value =
      host.view(ort::ElementType::kFloat32, phase.cycles.data(), phase.dims.data(), phase.dims.size());
  if (anchored_) {
    feeds.emplace_back(kPhase, phase_value.get());
    feeds.emplace_back(kPhaseAt, at_value.get());
    if (track != nullptr) wanted.emplace_back(kPhaseNext);
  }
  auto made = session_.run(options, feeds, wanted);
  if (made.size() > 1) {
    phase.cycles = floats_of(session_.api(), made[1]);
    phase.dims = ort::shape_of(session_.api(), made[1].get()).dims;
  }
  return std::move(made[0]);
}

}  // namespace loquor
