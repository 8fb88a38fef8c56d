#include "model/probe.hpp"

#include <algorithm>
#include <cmath>

#include "base/half.hpp"
#include "base/log.hpp"
#include "model/contract.hpp"
#include "model/float_buffer.hpp"

namespace loquor {
namespace {

constexpr int64_t kPrefill = 2;   // positions of the first run
constexpr int64_t kCapacity = 6;  // of the shared buffer: more than is ever filled here

class Prober {
 public:
  Prober(const ort::Session& session, const LmSignature& signature, const ort::Device& device)
      : session_(session),
        signature_(signature),
        host_(session.api_ptr()),
        device_(session.memory(device)),
        options_(session.api()),
        embeds_(session.api_ptr(), signature.embeds_type) {
    embeds_.reserve(static_cast<std::size_t>(kPrefill * signature.hidden_size));
  }

  // Prefill and one decode step, each with a past of just its length and a present of the runtime's own.
  void run_separate() {
    std::vector<ort::Value> pasts = run_once(kPrefill, 0, {}, logits_prefill);
    run_once(1, kPrefill, pasts, logits_step);
  }

  // After run_separate failed: whether it does so again, while the cache with room for more runs.
  bool needs_whole_buffers() {
    std::vector<float> ignored;
    try {
      run_with_buffers(kPrefill, 0, shared_buffers(), ignored);
    } catch (const Error&) {
      return false;
    }
    try {
      run_once(kPrefill, 0, {}, ignored);
    } catch (const Error&) {
      return true;
    }
    return false;
  }

  // The same with one shared buffer for each tensor. False when the graph refuses or gives other logits.
  bool run_shared() {
    const auto buffers = shared_buffers();
    try {
      std::vector<float> prefill;
      std::vector<float> step;
      run_with_buffers(kPrefill, 0, buffers, prefill);
      run_with_buffers(1, kPrefill, buffers, step);
      return close(prefill, logits_prefill) && close(step, logits_step);
    } catch (const Error& error) {
      log::write(log::Level::kDebug, session_.file_name() + " keeps no shared KV buffer: " + error.what());
      return false;
    }
  }

  // After run_shared: two rows of different lengths in one step, each against the same step alone.
  bool run_batched() {
    if (!device_.host()) return false;
    const std::size_t row_bytes = static_cast<std::size_t>(kCapacity) * signature_.kv.position_bytes();
    std::vector<std::shared_ptr<void>> blocks;
    std::vector<std::shared_ptr<void>> second;  // the blocks' second rows
    for (std::size_t i = 0; i < signature_.kv.past_names.size(); ++i) {
      blocks.push_back(device_.allocate(2 * row_bytes));
      second.emplace_back(blocks.back(), static_cast<unsigned char*>(blocks.back().get()) + row_bytes);
      fill_with_garbage(blocks.back().get());
      fill_with_garbage(second.back().get());
    }
    try {
      std::vector<float> ignored;
      std::vector<float> alone;
      std::vector<float> together;
      run_with_buffers(1, 0, second, ignored);
      run_with_buffers(1, 1, second, alone);  // its position is written again below
      run_with_buffers(kPrefill, 0, blocks, ignored);
      step_two_rows(blocks, together);
      const std::size_t half = together.size() / 2;
      return close({together.begin(), together.begin() + static_cast<std::ptrdiff_t>(half)}, logits_step) &&
             close({together.begin() + static_cast<std::ptrdiff_t>(half), together.end()}, alone);
    } catch (const Error& error) {
      log::write(log::Level::kDebug, session_.file_name() + " steps one sequence at a time: " + error.what());
      return false;
    }
  }

  // One position and then two, in the way the cache will be kept, against the decode step.
  bool run_extending(KvMode mode) {
    try {
      std::vector<float> ignored;
      std::vector<float> logits;
      if (mode == KvMode::kInPlace) {
        const auto buffers = shared_buffers();
        run_with_buffers(1, 0, buffers, ignored);
        run_with_buffers(kPrefill, 1, buffers, logits);
      } else {
        const std::vector<ort::Value> pasts = run_once(1, 0, {}, ignored);
        run_once(kPrefill, 1, pasts, logits);
      }
      const auto last = static_cast<std::ptrdiff_t>(logits_step.size());
      return close({logits.end() - last, logits.end()}, logits_step);
    } catch (const Error& error) {
      log::write(log::Level::kDebug, session_.file_name() + " takes a prompt in one run: " + error.what());
      return false;
    }
  }

  bool last_only() const { return static_cast<int64_t>(logits_prefill.size()) == signature_.vocab_size; }

 private:
  // One for each tensor.
  std::vector<std::shared_ptr<void>> shared_buffers() const {
    const std::size_t bytes = static_cast<std::size_t>(kCapacity) * signature_.kv.position_bytes();
    std::vector<std::shared_ptr<void>> buffers;
    for (std::size_t i = 0; i < signature_.kv.past_names.size(); ++i) {
      buffers.push_back(device_.allocate(bytes));
      if (device_.host()) fill_with_garbage(buffers.back().get());
    }
    return buffers;
  }

  // Positions that are read though they are not filled must show in the logits.
  void fill_with_garbage(void* data) const {
    const std::size_t count =
        static_cast<std::size_t>(kCapacity * signature_.kv.heads * signature_.kv.head_dim);
    if (signature_.kv.type == ort::ElementType::kInt8) {
      std::fill_n(static_cast<int8_t*>(data), count, int8_t{99});
    } else if (signature_.kv.type == ort::ElementType::kFloat16) {
      std::fill_n(static_cast<uint16_t*>(data), count, float_to_half(9.0f));
    } else {
      std::fill_n(static_cast<float*>(data), count, 9.0f);
    }
  }

  // Made-up embeddings of the positions from `past` on.
  void write_embeds(float* to, int64_t count, int64_t past) const {
    const int64_t before = past * signature_.hidden_size;
    for (int64_t i = 0; i < count * signature_.hidden_size; ++i) {
      to[i] = 0.1f * static_cast<float>(std::sin(static_cast<double>(before + i + 1)));
    }
  }

  void bind_inputs(ort::Binding& binding, int64_t count, int64_t past) {
    write_embeds(embeds_.data(), count, past);
    embeds_.to_graph(static_cast<std::size_t>(count * signature_.hidden_size));
    binding.input("inputs_embeds", embeds_.view({1, count, signature_.hidden_size}));
    binding.input("attention_mask", host_.view(ort::ElementType::kInt64, ones_, {1, past + count}));
    if (signature_.position_ids) {
      binding.input("position_ids", host_.view(ort::ElementType::kInt64, positions_ + past, {1, count}));
    }
    binding.output_to_host("logits");
  }

  std::vector<ort::Value> run_once(int64_t count, int64_t past, const std::vector<ort::Value>& pasts,
                                   std::vector<float>& logits) {
    const KvLayout& kv = signature_.kv;
    ort::Binding binding(session_);
    bind_inputs(binding, count, past);
    const std::shared_ptr<void> nothing = device_.allocate(kv.position_bytes());
    for (std::size_t i = 0; i < kv.past_names.size(); ++i) {
      const char* name = kv.past_names[i].c_str();
      if (past == 0) {
        binding.input(name, device_.view(kv.type, nothing.get(), {1, kv.heads, 0, kv.head_dim}));
      } else {
        binding.input(name, pasts[i + 1]);  // pasts[0] was the logits
      }
      binding.output_to_host(kv.present_names[i].c_str());
    }
    binding.run(options_);
    std::vector<ort::Value> outputs = binding.outputs();
    logits = floats_of(session_.api(), outputs[0]);
    return outputs;
  }

  void run_with_buffers(int64_t count, int64_t past, const std::vector<std::shared_ptr<void>>& buffers,
                        std::vector<float>& logits) {
    const KvLayout& kv = signature_.kv;
    ort::Binding binding(session_);
    bind_inputs(binding, count, past);
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      const auto shared = device_.view(kv.type, buffers[i].get(), {1, kv.heads, kCapacity, kv.head_dim});
      binding.input(kv.past_names[i].c_str(), shared);
      binding.output(kv.present_names[i].c_str(), shared);
    }
    binding.run(options_);
    logits = floats_of(session_.api(), binding.outputs()[0]);
  }

  // Row 0 holds kPrefill positions, row 1 a single one.
  void step_two_rows(const std::vector<std::shared_ptr<void>>& blocks, std::vector<float>& logits) {
    const KvLayout& kv = signature_.kv;
    ort::Binding binding(session_);
    write_embeds(embeds_.data(), 1, kPrefill);
    write_embeds(embeds_.data() + signature_.hidden_size, 1, 1);
    embeds_.to_graph(static_cast<std::size_t>(2 * signature_.hidden_size));
    int64_t mask[2 * (kPrefill + 1)] = {1, 1, 1, 1, 1, 0};
    int64_t positions[2] = {kPrefill, 1};
    binding.input("inputs_embeds", embeds_.view({2, 1, signature_.hidden_size}));
    binding.input("attention_mask", host_.view(ort::ElementType::kInt64, mask, {2, kPrefill + 1}));
    if (signature_.position_ids) {
      binding.input("position_ids", host_.view(ort::ElementType::kInt64, positions, {2, 1}));
    }
    binding.output_to_host("logits");
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const auto both = device_.view(kv.type, blocks[i].get(), {2, kv.heads, kCapacity, kv.head_dim});
      binding.input(kv.past_names[i].c_str(), both);
      binding.output(kv.present_names[i].c_str(), both);
    }
    binding.run(options_);
    logits = floats_of(session_.api(), binding.outputs()[0]);
  }

  // Measured by the spread of the logits, not by the largest: one forbidden token's -1000 would hide any
  // error.
  static bool close(const std::vector<float>& found, const std::vector<float>& expected) {
    if (found.size() != expected.size()) return false;
    const float center = median(expected);
    std::vector<float> off(expected);
    for (float& value : off) value = std::fabs(value - center);
    const float spread = std::max(median(std::move(off)), 1e-4f);
    for (std::size_t i = 0; i < found.size(); ++i) {
      const float allowed = std::max(0.1f * spread, 0.01f * std::fabs(expected[i]));
      if (!(std::fabs(found[i] - expected[i]) <= allowed)) return false;
    }
    return true;
  }

  static float median(std::vector<float> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
  }

  const ort::Session& session_;
  const LmSignature& signature_;
  ort::Memory host_;
  ort::Memory device_;
  ort::RunOptions options_;
  FloatBuffer embeds_;
  int64_t ones_[kCapacity] = {1, 1, 1, 1, 1, 1};
  int64_t positions_[kCapacity] = {0, 1, 2, 3, 4, 5};

 public:
  std::vector<float> logits_prefill;
  std::vector<float> logits_step;
};

}  // namespace

LmProbe probe_language_model(const ort::Session& session, const LmSignature& signature,
                             const ort::Device& device) {
  Prober prober(session, signature, device);
  try {
    prober.run_separate();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kExecution || !prober.needs_whole_buffers()) throw;
    Contract(session).fail(
        "this export keeps its KV cache in whole buffers (as TensorScatter does), and has to be prepared, "
        "which an engine does with prepare=True (no --no-prepare) on the CPU and on WebGPU");
  }
  const auto rows = static_cast<int64_t>(prober.logits_prefill.size()) / signature.vocab_size;
  if (rows != kPrefill && rows != 1) {
    Contract(session).fail("'logits' should have a row for each of " + std::to_string(kPrefill) +
                           " positions, or only the last, but has " + std::to_string(rows));
  }
  LmProbe probe;
  probe.logits_of_last_only = rows == 1;
  probe.kv_mode = prober.run_shared() ? KvMode::kInPlace : KvMode::kPingPong;
  probe.extends = prober.run_extending(probe.kv_mode);
  probe.batched = probe.kv_mode == KvMode::kInPlace && prober.run_batched();
  return probe;
}

}  // namespace loquor
