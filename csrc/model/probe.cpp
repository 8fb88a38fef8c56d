#include "model/probe.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string>

#include "base/log.hpp"
#include "model/contract.hpp"
#include "model/float_buffer.hpp"

namespace loquor {
namespace {

constexpr int64_t kPrefill = 2;   // positions of the first run
constexpr int64_t kCapacity = 6;  // of the shared buffer: more than is ever filled here
// A byte that makes a large, plain number of any type: 12.1 of four in float32, 2.6 in float16, 65 in int8.
constexpr unsigned char kGarbage = 0x41;

class Prober {
 public:
  // Runs `rows` rows together, which hold made-up sequences number `first`, `first` + 1, ...
  Prober(const ort::Session& session, const LmSignature& signature, const ort::Device& device,
         int64_t first = 0, int64_t rows = 1)
      : first_(first),
        rows_(rows),
        session_(session),
        signature_(signature),
        host_(session.api_ptr()),
        device_(session.memory(device)),
        options_(session.api()),
        embeds_(session.api_ptr(), signature.embeds_type),
        ones_(static_cast<std::size_t>(rows * kCapacity), 1),
        positions_(static_cast<std::size_t>(rows * kPrefill)) {
    embeds_.reserve(static_cast<std::size_t>(rows * kPrefill * signature.hidden_size));
  }

  // Prefill and one step, each with a past of just its length and a present of the runtime's own.
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
    if (!can_pool(device_)) return false;
    const std::size_t row_bytes = static_cast<std::size_t>(kCapacity) * signature_.kv.position_bytes();
    try {
      std::vector<std::shared_ptr<void>> blocks;
      std::vector<std::shared_ptr<void>> second;  // the blocks' second rows
      for (std::size_t i = 0; i < signature_.kv.past_names.size(); ++i) {
        blocks.push_back(device_.allocate(2 * row_bytes));
        second.emplace_back(blocks.back(), static_cast<unsigned char*>(blocks.back().get()) + row_bytes);
        fill_with_garbage(blocks.back().get());
        fill_with_garbage(second.back().get());
      }
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

  // One position and then two, in the way the cache will be kept, against that step.
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
      return close(last_of_rows(logits), logits_step);
    } catch (const Error& error) {
      log::write(log::Level::kDebug, session_.file_name() + " takes a prompt in one run: " + error.what());
      return false;
    }
  }

  // Whether one of the rows gave what it gives alone.
  bool agrees(const Prober& alone) const {
    const int64_t row = alone.first_ - first_;
    return close(part_of(logits_prefill, row), alone.logits_prefill) &&
           close(part_of(logits_step, row), alone.logits_step);
  }

 private:
  std::vector<float> part_of(const std::vector<float>& logits, int64_t row) const {
    const std::size_t size = logits.size() / static_cast<std::size_t>(rows_);
    const auto begin = logits.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(row) * size);
    return {begin, begin + static_cast<std::ptrdiff_t>(size)};
  }

  std::vector<float> last_of_rows(const std::vector<float>& logits) const {
    std::vector<float> last;
    for (int64_t row = 0; row < rows_; ++row) {
      const std::vector<float> own = part_of(logits, row);
      last.insert(last.end(), own.end() - static_cast<std::ptrdiff_t>(signature_.vocab_size), own.end());
    }
    return last;
  }

  // One for each tensor.
  std::vector<std::shared_ptr<void>> shared_buffers() const {
    const std::size_t row_bytes = static_cast<std::size_t>(kCapacity) * signature_.kv.position_bytes();
    std::vector<std::shared_ptr<void>> buffers;
    for (std::size_t i = 0; i < signature_.kv.past_names.size(); ++i) {
      buffers.push_back(device_.allocate(static_cast<std::size_t>(rows_) * row_bytes));
      if (!device_.host()) continue;
      for (int64_t row = 0; row < rows_; ++row) {
        fill_with_garbage(static_cast<unsigned char*>(buffers.back().get()) +
                          static_cast<std::size_t>(row) * row_bytes);
      }
    }
    return buffers;
  }

  // A row of a buffer. Positions that are read though they are not filled must show in the logits.
  void fill_with_garbage(void* data) const {
    const auto& kv = signature_.kv;
    const std::size_t bytes =
        static_cast<std::size_t>(kCapacity * kv.heads * kv.head_dim) * ort::element_size(kv.type);
    if (!device_.host()) {
      std::vector<unsigned char> garbage(bytes, kGarbage);
      const ort::Shape shape = {1, kv.heads, kCapacity, kv.head_dim};
      return ort::copy(session_.api(), host_.view(kv.type, garbage.data(), shape),
                       device_.view(kv.type, data, shape));
    }
    std::memset(data, kGarbage, bytes);
  }

  // Made-up embeddings of a sequence's positions from `past` on.
  void write_embeds(float* to, int64_t count, int64_t past, int64_t which) const {
    const int64_t before = (past + 100 * which) * signature_.hidden_size;
    for (int64_t i = 0; i < count * signature_.hidden_size; ++i) {
      to[i] = 0.1f * static_cast<float>(std::sin(static_cast<double>(before + i + 1)));
    }
  }

  void bind_inputs(ort::Binding& binding, int64_t count, int64_t past) {
    for (int64_t row = 0; row < rows_; ++row) {
      write_embeds(embeds_.data() + row * count * signature_.hidden_size, count, past, first_ + row);
      std::iota(positions_.begin() + row * count, positions_.begin() + (row + 1) * count, past);
    }
    embeds_.to_graph(static_cast<std::size_t>(rows_ * count * signature_.hidden_size));
    binding.input("inputs_embeds", embeds_.view({rows_, count, signature_.hidden_size}));
    binding.input("attention_mask",
                  host_.view(ort::ElementType::kInt64, ones_.data(), {rows_, past + count}));
    if (signature_.position_ids) {
      binding.input("position_ids", host_.view(ort::ElementType::kInt64, positions_.data(), {rows_, count}));
    }
    binding.output_to_host("logits");
  }

  std::vector<ort::Value> run_once(int64_t count, int64_t past, const std::vector<ort::Value>& pasts,
                                   std::vector<float>& logits) {
    const KvLayout& kv = signature_.kv;
    ort::Binding binding(session_);
    bind_inputs(binding, count, past);
    const std::shared_ptr<void> nothing =
        device_.allocate(static_cast<std::size_t>(rows_) * kv.position_bytes());
    for (std::size_t i = 0; i < kv.past_names.size(); ++i) {
      const char* name = kv.past_names[i].c_str();
      if (past == 0) {
        binding.input(name, device_.view(kv.type, nothing.get(), {rows_, kv.heads, 0, kv.head_dim}));
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
      const auto shared = device_.view(kv.type, buffers[i].get(), {rows_, kv.heads, kCapacity, kv.head_dim});
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
    write_embeds(embeds_.data(), 1, kPrefill, 0);
    write_embeds(embeds_.data() + signature_.hidden_size, 1, 1, 0);
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

  const int64_t first_;
  const int64_t rows_;
  const ort::Session& session_;
  const LmSignature& signature_;
  ort::Memory host_;
  ort::Memory device_;
  ort::RunOptions options_;
  FloatBuffer embeds_;
  std::vector<int64_t> ones_;
  std::vector<int64_t> positions_;

 public:
  std::vector<float> logits_prefill;
  std::vector<float> logits_step;
};

// The rows of a sequence in one run, against each alone. Whether they may extend a past.
bool probe_rows(const ort::Session& session, const LmSignature& signature, const ort::Device& device,
                const Prober& first, KvMode mode, int64_t rows) {
  Prober together(session, signature, device, 0, rows);
  bool agrees = false;
  std::string refused;
  try {
    together.run_separate();
    agrees = together.agrees(first) && (mode == KvMode::kPingPong || together.run_shared());
    for (int64_t row = 1; agrees && row < rows; ++row) {
      Prober alone(session, signature, device, row);
      alone.run_separate();
      agrees = together.agrees(alone);
    }
  } catch (const Error& error) {
    refused = std::string(" (") + error.what() + ")";
  }
  if (!agrees) {
    Contract(session).fail("a sequence takes " + std::to_string(rows) +
                           " rows of a batch, and run together they do not give what each gives alone" +
                           refused);
  }
  return together.run_extending(mode);
}

}  // namespace

LmProbe probe_language_model(const ort::Session& session, const LmSignature& signature,
                             const ort::Device& device, int64_t rows_of_sequence) {
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
  const bool pooled = probe.kv_mode == KvMode::kInPlace && can_pool(session.memory(device));
  if (rows_of_sequence > 1 && !pooled) {
    probe.extends = probe_rows(session, signature, device, prober, probe.kv_mode, rows_of_sequence);
  }
  return probe;
}

}  // namespace loquor
