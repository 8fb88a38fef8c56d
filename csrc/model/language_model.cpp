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
                             const std::optional<LmProbe>& probe, int64_t rows)
    : session_(std::move(session)),
      signature_(read_lm_signature(session_)),
      probe_(probe ? *probe : probe_language_model(session_, signature_, device, rows)),
      rows_(rows),
      longest_run_(std::numeric_limits<int64_t>::max()),
      host_(session_.api_ptr()),
      host_cache_(device.host_memory()),
      cache_(signature_.kv, session_.memory(device), probe_.kv_mode),
      binding_(session_),
      embeds_(session_.api_ptr(), signature_.embeds_type),
      part_(session_.api_ptr(), signature_.embeds_type),
      logits_(session_.api_ptr(), signature_.logits_type) {
  if (session_.on_device()) longest_run_ = find_longest_run();
}

// A provider may use another kernel for long inputs than for short ones, and on some drivers that one is
// wrong (WebGPU's fused attention from 32 positions on, where a subgroup has 4 lanes: docs/adr/0043). So the
// same positions are run at once and in parts, which must agree.
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
    const Span<float> logits = run(0, kWhole, options).row(0);
    found.emplace_back(logits.begin(), logits.begin() + vocab);
  }
  if (alike(found[0], found[1])) return std::numeric_limits<int64_t>::max();
  log::write(log::Level::kWarning,
             session_.file_name() + " gives other logits for " + std::to_string(kWhole) +
                 " positions at once than in parts of " + std::to_string(kPart) +
                 " (a fault of the device's driver or provider); prompts are run in parts");
  return kPart;
}

// The cache last: whoever finds room in it finds the rest.
void LanguageModel::reserve(int64_t slots, int64_t capacity, bool unused) {
  const int64_t rows = cache_.pooled() ? slots : slots * rows_;
  embeds_.reserve(static_cast<std::size_t>(rows * signature_.hidden_size));
  logits_.reserve(static_cast<std::size_t>(rows * signature_.vocab_size));
  row_positions_.resize(std::max(row_positions_.size(), static_cast<std::size_t>(rows)));
  if (signature_.attention_weights) {
    const auto attended = static_cast<std::size_t>(rows * cache_.granted(capacity));
    attention_.resize(std::max(attention_.size(), attended));
  }
  if (batched()) {
    const auto masks = static_cast<std::size_t>(rows * cache_.granted(capacity));
    row_masks_.resize(std::max(row_masks_.size(), masks));
  }
  cache_.reserve(slots, capacity, unused);
}

void LanguageModel::begin(int64_t slot, int64_t capacity, int64_t rows) {
  cache_.begin(slot, capacity, rows);
  const auto size = static_cast<std::size_t>(cache_.capacity(slot));
  if (rows > 1) row_masks_.resize(std::max(row_masks_.size(), static_cast<std::size_t>(rows) * size));
  if (size <= ones_.size()) return;
  ones_.assign(size, 1);
  positions_.resize(size);
  std::iota(positions_.begin(), positions_.end(), 0);
}

float* LanguageModel::embeds(int64_t positions) {
  embeds_.reserve(static_cast<std::size_t>(positions * signature_.hidden_size));
  return embeds_.data();
}

StepOutput LanguageModel::run(Span<const int64_t> slots, int64_t count, const ort::RunOptions& options) {
  const int64_t rows = static_cast<int64_t>(slots.size()) * cache_.rows(slots[0]);
  embeds_.to_graph(static_cast<std::size_t>(rows * count * signature_.hidden_size));
  int64_t done = 0;
  for (; count - done > longest_run_; done += longest_run_)
    run_part(slots, count, done, longest_run_, options);
  run_part(slots, count, done, count - done, options);
  return output(rows, count - done);
}

// Runs `part` of the `count` positions written to embeds() for each row, from `done` on. Slots of a pool go
// one by one: GroupQueryAttention takes several positions behind a past for one row only.
void LanguageModel::run_part(Span<const int64_t> slots, int64_t count, int64_t done, int64_t part,
                             const ort::RunOptions& options) {
  int64_t row = 0;
  for (const int64_t slot : slots) {
    const int64_t rows = cache_.rows(slot);
    binding_.input("inputs_embeds", part_view(row, rows, count, done, part));
    run_slots(slot, 1, part, row, options);
    row += rows;
  }
  for (const int64_t slot : slots) cache_.advance(slot, part);
}

// Those embeddings, [rows, part, hidden_size].
ort::Value LanguageModel::part_view(int64_t row, int64_t rows, int64_t count, int64_t done, int64_t part) {
  const int64_t hidden = signature_.hidden_size;
  const int64_t first = (row * count + done) * hidden;
  if (rows == 1 || part == count) {
    return embeds_.view({rows, part, hidden}, static_cast<std::size_t>(first));
  }
  const auto elements = static_cast<std::size_t>(rows * part * hidden);
  part_.reserve(elements);
  for (int64_t i = 0; i < rows; ++i) {
    std::copy_n(embeds_.data() + first + i * count * hidden, part * hidden, part_.data() + i * part * hidden);
  }
  part_.to_graph(elements);
  return part_.view({rows, part, hidden});
}

StepOutput LanguageModel::step(Span<const int64_t> slots, const ort::RunOptions& options) {
  const auto count = static_cast<int64_t>(slots.size());
  bool together = count == 1 || batched();
  for (std::size_t i = 1; i < slots.size(); ++i) together = together && slots[i] == slots[i - 1] + 1;
  if (!together) return run(slots, 1, options);
  const int64_t rows = count * cache_.rows(slots[0]);
  embeds_.to_graph(static_cast<std::size_t>(rows * signature_.hidden_size));
  return step_from(embeds_.view({rows, 1, signature_.hidden_size}), slots[0], count, options);
}

StepOutput LanguageModel::step_from(const ort::Value& embeds, int64_t first, int64_t slots,
                                    const ort::RunOptions& options) {
  binding_.input("inputs_embeds", embeds);
  run_slots(first, slots, 1, 0, options);
  for (int64_t slot = first; slot < first + slots; ++slot) cache_.advance(slot, 1);
  return output(slots * cache_.rows(first), 1);
}

void LanguageModel::run_slots(int64_t first, int64_t slots, int64_t count, int64_t at,
                              const ort::RunOptions& options) {
  cache_.bind(binding_, first, slots, count);
  bind_lengths(first, slots, count);
  if (logits_wanted_) {
    const int64_t rows = slots * cache_.rows(first);
    const int64_t positions = positions_of_logits(count);
    const int64_t size = positions * signature_.vocab_size;  // of a row
    logits_.reserve(static_cast<std::size_t>((at + rows) * size));
    binding_.output("logits", logits_.view({rows, positions, signature_.vocab_size},
                                           static_cast<std::size_t>(at * size)));
  }
  if (signature_.attention_weights) bind_attention(first, slots, count, at);
  binding_.run(options);
}

void LanguageModel::bind_attention(int64_t first, int64_t slots, int64_t count, int64_t at) {
  attended_ = 0;
  for (int64_t slot = first; slot < first + slots; ++slot)
    attended_ = std::max(attended_, cache_.length(slot) + count);
  const int64_t rows = slots * cache_.rows(first);
  const auto needed = static_cast<std::size_t>((at + rows) * attended_);
  if (needed > attention_.size()) attention_.resize(needed);
  binding_.output(kAttentionWeights, host_.view(ort::ElementType::kFloat32,
                                                attention_.data() + at * attended_, {rows, attended_}));
}

// Binds attention mask and position ids: windows on what never changes for one row; several may be of
// different lengths, and are padded on the right.
void LanguageModel::bind_lengths(int64_t first, int64_t slots, int64_t count) {
  const int64_t rows_of_slot = cache_.rows(first);
  const int64_t rows = slots * rows_of_slot;
  const auto bind = [&](int64_t* mask, int64_t* positions, int64_t longest) {
    binding_.input("attention_mask", host_.view(ort::ElementType::kInt64, mask, {rows, longest}));
    if (!signature_.position_ids) return;
    binding_.input("position_ids", host_.view(ort::ElementType::kInt64, positions, {rows, count}));
  };
  const auto past_of = [&](int64_t row) { return cache_.length(first + row / rows_of_slot); };
  if (rows == 1) return bind(ones_.data(), positions_.data() + past_of(0), past_of(0) + count);
  int64_t longest = 0;
  for (int64_t row = 0; row < rows; ++row) longest = std::max(longest, past_of(row) + count);
  const auto positions = static_cast<std::size_t>(rows * count);
  if (positions > row_positions_.size()) row_positions_.resize(positions);  // a prompt's
  for (int64_t row = 0; row < rows; ++row) {
    int64_t* const mask = row_masks_.data() + row * longest;
    std::fill(std::fill_n(mask, past_of(row) + count, 1), mask + longest, 0);
    int64_t* const places = row_positions_.data() + row * count;
    std::iota(places, places + count, past_of(row));
  }
  bind(row_masks_.data(), row_positions_.data(), longest);
}

// The logits of the last of `count` positions in each row, brought together.
StepOutput LanguageModel::output(int64_t rows, int64_t count) {
  if (!logits_wanted_) return {rows, {}};
  const std::size_t attended = signature_.attention_weights ? static_cast<std::size_t>(rows * attended_) : 0;
  const Span<const float> attention = {attention_.data(), attended};
  const auto vocab = static_cast<std::size_t>(signature_.vocab_size);
  const auto positions = static_cast<std::size_t>(positions_of_logits(count));
  const std::size_t all = static_cast<std::size_t>(rows) * vocab;
  if (rows == 1 || positions == 1) {
    const std::size_t skipped = (positions - 1) * vocab;
    logits_.from_graph(skipped, all);
    return {rows, {logits_.data() + skipped, all}, attention};
  }
  for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
    const std::size_t last = ((row + 1) * positions - 1) * vocab;
    logits_.from_graph(last, vocab);
    std::copy_n(logits_.data() + last, vocab, logits_.data() + row * vocab);
  }
  return {rows, {logits_.data(), all}, attention};
}

void LanguageModel::keep_logits() {
  logits_wanted_ = false;
  binding_ = ort::Binding(session_);  // the old one names a buffer for them
}

}  // namespace loquor
