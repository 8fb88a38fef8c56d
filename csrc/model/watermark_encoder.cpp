#include "model/watermark_encoder.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "model/contract.hpp"
#include "model/float_buffer.hpp"

namespace loquor {

WatermarkEncoder::WatermarkEncoder(ort::ApiPtr api, const std::string& file, int threads)
    : session_(api, file, {ort::choose_device(*api, "cpu", {}), threads}) {
  const Contract contract(session_);
  const std::vector<ort::ElementType> float32 = {ort::ElementType::kFloat32};
  contract.input("frames", float32, {Contract::kFree, kFrame});
  contract.output("change", float32, {Contract::kFree, kFrame});
  contract.no_other_inputs({"frames"});
}

std::vector<float> WatermarkEncoder::change(Span<const float> frames, const ort::RunOptions& options) const {
  const ort::Memory host(session_.api_ptr());
  const auto count = static_cast<int64_t>(frames.size()) / kFrame;
  // The runtime takes inputs as mutable memory but does not write to them.
  const auto value =
      host.view(ort::ElementType::kFloat32, const_cast<float*>(frames.data()), {count, kFrame});
  const auto made = session_.run(options, {{"frames", value.get()}}, {"change"});
  std::vector<float> change = floats_of(session_.api(), made[0]);
  const bool finite = std::all_of(change.begin(), change.end(), [](float x) { return std::isfinite(x); });
  if (change.size() != frames.size() || !finite) {
    throw Error(ErrorKind::kExecution, session_.file_name() +
                                           " gave no usable watermark, so that the speech is not handed out "
                                           "unmarked: make the graph again");
  }
  return change;
}

}  // namespace loquor
