#include "model/language_model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "base/log.hpp"

namespace loquor {
namespace {

// Whether logits differ by rounding only. Measured by the median, which one enormous logit (a token forbidden
// by its bias) does not move.
bool alike(const std::vector<float>& a, const std::vector<float>& b) {
  std::vector<float> sizes(a.size());
  double difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sizes[i] = std::fabs(a[i]);
    difference += static_cast<double>(std::fabs(a[i] - b[i]));
  }
  const auto middle = sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / 2);
  std::nth_element(sizes.begin(), middle, sizes.end());
  return difference / static_cast<double>(a.size()) <= 0.02 * static_cast<double>(*middle);
}

}  // namespace

LanguageModel::LanguageModel(ort::Session session, const ort::Device& device,
                             const std::optional<LmProbe>& probe)
    : session_(std::move(session)),
      signature_(read_lm_signature(session_)),
      probe_(probe ? *probe : probe_language_model(session_, signature_, device)),
      longest_run_(std::numeric_limits<int64_t>::max()),
      host_(session_.api_ptr()),
      host_cache_(device.host_memory()),
      cache_(signature_.kv, session_.memory(device), probe_.kv_mode),
      binding_(session_),
      embeds_(session_.api_ptr(), signature_.embeds_type),
      logits_(session_.api_ptr(), signature_.logits_type) {
  if (session_.on_device()) longest_run_ = find_longest_run();
}

// A provider may use another kernel for long inputs than for short ones, and on some drivers that one is
// wrong (WebGPU's fused attention from 32 positions on, where a subgroup has 4 lanes). So the same positions
// are run at once and in parts, which must agree.
int64_t LanguageModel::find_longest_run() {
  constexpr int64_t kWhole = 64;
  constexpr int64_t kPart = 16;
  const ort::RunOptions options(session_.api());
  const auto vocab = static_cast<std::size_t>(signature_.vocab_size);
  std::vector<std::vector<float>> found;
  reserve(1, kWhole);
  for (const int64_t part : {kPart, kWhole}) {
    begin(0, kWhole);
    const int64_t elements = kWhole * signature_.hidden_size;
    float* values = embeds(kWhole);
    for (int64_t i = 0; i < elements; ++i) {
      values[i] = static_cast<float>(std::sin(static_cast<double>(i * i)));
    }
    longest_run_ = part;
    const Span<float> logits = run(0, kWhole, options).logits;
    found.emplace_back(logits.begin(), logits.begin() + vocab);
  }
  if (alike(found[0], found[1])) return std::numeric_limits<int64_t>::max();
  log::write(log::Level::kWarning,
             session_.file_name() + " gives other logits for " + std::to_string(kWhole) +
                 " positions at once than in parts of " + std::to_string(kPart) +
                 " (a fault of the device's driver or provider); prompts are run in parts");
  return kPart;
}

void LanguageModel::reserve(int64_t slots, int64_t capacity) {
  cache_.reserve(slots, capacity);
  embeds_.reserve(static_cast<std::size_t>(slots * signature_.hidden_size));
  logits_.reserve(static_cast<std::size_t>(slots * signature_.vocab_size));
  row_positions_.resize(std::max(row_positions_.size(), static_cast<std::size_t>(slots)));
  if (!batched()) return;
  const auto masks = static_cast<std::size_t>(slots * cache_.capacity(0));
  row_masks_.resize(std::max(row_masks_.size(), masks));
}

void LanguageModel::begin(int64_t slot, int64_t capacity) {
  cache_.begin(slot, capacity);
  const auto size = static_cast<std::size_t>(cache_.capacity(slot));
  if (size <= ones_.size()) return;
  ones_.assign(size, 1);
  positions_.resize(size);
  std::iota(positions_.begin(), positions_.end(), 0);
}

float* LanguageModel::embeds(int64_t positions) {
  embeds_.reserve(static_cast<std::size_t>(positions * signature_.hidden_size));
  return embeds_.data();
}

StepOutput LanguageModel::run(int64_t slot, int64_t count, const ort::RunOptions& options) {
  embeds_.to_graph(static_cast<std::size_t>(count * signature_.hidden_size));
  int64_t done = 0;
  for (; count - done > longest_run_; done += longest_run_) run_part(slot, done, longest_run_, options);
  run_part(slot, done, count - done, options);
  const int64_t skipped = probe_.logits_of_last_only ? 0 : count - done - 1;
  return output(1, static_cast<std::size_t>(skipped * signature_.vocab_size));
}

void LanguageModel::run_part(int64_t slot, int64_t first, int64_t count, const ort::RunOptions& options) {
  binding_.input("inputs_embeds", embeds_.view({1, count, signature_.hidden_size},
                                               static_cast<std::size_t>(first * signature_.hidden_size)));
  run_bound(slot, 1, count, options);
}

StepOutput LanguageModel::step(int64_t first, int64_t slots, const ort::RunOptions& options) {
  embeds_.to_graph(static_cast<std::size_t>(slots * signature_.hidden_size));
  return step_from(embeds_.view({slots, 1, signature_.hidden_size}), first, slots, options);
}

StepOutput LanguageModel::step_from(const ort::Value& embeds, int64_t first, int64_t slots,
                                    const ort::RunOptions& options) {
  binding_.input("inputs_embeds", embeds);
  run_bound(first, slots, 1, options);
  return output(slots, 0);
}

// Binds all but the embeddings, which are, and runs.
void LanguageModel::run_bound(int64_t first, int64_t slots, int64_t count, const ort::RunOptions& options) {
  cache_.bind(binding_, first, slots, count);
  bind_lengths(first, slots, count);
  if (logits_wanted_) {
    const int64_t positions = probe_.logits_of_last_only ? 1 : count;
    logits_.reserve(static_cast<std::size_t>(slots * positions * signature_.vocab_size));
    binding_.output("logits", logits_.view({slots, positions, signature_.vocab_size}));
  }
  binding_.run(options);
  for (int64_t slot = first; slot < first + slots; ++slot) cache_.advance(slot, count);
}

// Binds attention mask and position ids: windows on what never changes for one row; several are of different
// lengths and padded on the right.
void LanguageModel::bind_lengths(int64_t first, int64_t slots, int64_t count) {
  const auto bind = [&](int64_t* mask, int64_t* positions, int64_t longest) {
    binding_.input("attention_mask", host_.view(ort::ElementType::kInt64, mask, {slots, longest}));
    if (!signature_.position_ids) return;
    binding_.input("position_ids", host_.view(ort::ElementType::kInt64, positions, {slots, count}));
  };
  if (slots == 1) {
    const int64_t past = cache_.length(first);
    return bind(ones_.data(), positions_.data() + past, past + count);
  }
  int64_t longest = 0;
  for (int64_t row = 0; row < slots; ++row) longest = std::max(longest, cache_.length(first + row) + 1);
  for (int64_t row = 0; row < slots; ++row) {
    const int64_t length = cache_.length(first + row) + 1;
    int64_t* const mask = row_masks_.data() + row * longest;
    std::fill(std::fill_n(mask, length, 1), mask + longest, 0);
    row_positions_[static_cast<std::size_t>(row)] = length - 1;
  }
  bind(row_masks_.data(), row_positions_.data(), longest);
}

// The logits of `rows` rows behind `skipped` values.
StepOutput LanguageModel::output(int64_t rows, std::size_t skipped) {
  if (!logits_wanted_) return {rows, {}};
  const auto count = static_cast<std::size_t>(rows * signature_.vocab_size);
  logits_.from_graph(skipped, count);
  return {rows, {logits_.data() + skipped, count}};
}

void LanguageModel::keep_logits() {
  logits_wanted_ = false;
  binding_ = ort::Binding(session_);  // the old one names a buffer for them
}

}  // namespace loquor
