#include "decode/sampler.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "base/half.hpp"
#include "base/rng.hpp"

namespace loquor {
namespace {

constexpr float kRemoved = -std::numeric_limits<float>::infinity();

// Equal logits get equal weights even at +inf, where a difference would be NaN.
double weight(float logit, float largest) {
  return logit == largest ? 1.0 : std::exp(static_cast<double>(logit) - static_cast<double>(largest));
}

// An unsigned number that orders as the float does.
uint32_t sort_key(float logit) {
  const uint32_t bits = detail::float_bits(logit + 0.0f);  // the addition makes -0 equal to +0
  const uint32_t all_if_negative = 0u - (bits >> 31);
  return bits ^ (all_if_negative | 0x80000000u);
}

float logit_of(uint32_t key) {
  return detail::float_from_bits((key & 0x80000000u) != 0 ? key & 0x7FFFFFFFu : ~key);
}

bool has_nan(Span<float> logits) {
  unsigned found = 0;  // no early exit: the loop vectorizes
  for (const float logit : logits) found |= static_cast<unsigned>(logit != logit);
  return found != 0;
}

}  // namespace

Sampler::Sampler(std::vector<SamplerStage> order, int64_t vocab_size, int64_t start_token, bool start_counts)
    : order_(std::move(order)),
      vocab_size_(static_cast<std::size_t>(std::max<int64_t>(vocab_size, 0))),
      start_token_(static_cast<std::size_t>(start_token)),
      start_counts_(start_counts) {
  if (start_token < 0 || start_token >= vocab_size || vocab_size > std::numeric_limits<int32_t>::max()) {
    throw Error(ErrorKind::kModel, "the start token " + std::to_string(start_token) +
                                       " is not in a vocabulary of " + std::to_string(vocab_size) +
                                       " tokens");
  }
  history_.reserve(vocab_size_);
  generated_.resize(vocab_size_);
  candidates_.resize(vocab_size_);
  sorted_.resize(vocab_size_);
  band_.resize(vocab_size_);
  weights_.resize(vocab_size_);
}

void Sampler::reset(const GenerationOptions& options) {
  validate(options);
  options_ = options;
  history_.clear();
  std::fill(generated_.begin(), generated_.end(), static_cast<unsigned char>(0));
}

int64_t Sampler::next(Span<float> logits, uint64_t step) {
  if (logits.size() != vocab_size_) {
    throw Error(ErrorKind::kExecution, "the language model returned " + std::to_string(logits.size()) +
                                           " logits at step " + std::to_string(step) + ", expected " +
                                           std::to_string(vocab_size_));
  }
  if (has_nan(logits)) throw nan_logits(step);
  const int64_t token = options_.temperature == 0 ? greedy(logits) : sample(logits, step);
  if (token != kNoToken) remember(token);
  return token;
}

int64_t Sampler::greedy(Span<float> logits) {
  apply_repetition_penalty(logits, true);
  const float* largest = std::max_element(logits.begin(), logits.end());  // the first of equals
  return *largest == kRemoved ? kNoToken : largest - logits.begin();
}

int64_t Sampler::sample(Span<float> logits, uint64_t step) {
  for (const SamplerStage stage : order_) apply(stage, logits);
  const std::size_t count = gather_candidates(logits);
  if (count == 0) return kNoToken;
  uint32_t largest_key = 0;
  for (std::size_t i = 0; i < count; ++i) largest_key = std::max(largest_key, candidates_[i].key);
  const float largest = logit_of(largest_key);
  double total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    total += weight(logit_of(candidates_[i].key), largest);
    weights_[i] = total;
  }
  // u <= 1 - 2^-24, so the target stays below the last sum and some candidate exceeds it; one of weight 0
  // repeats the sum before it and is never the first to do so.
  const double target = static_cast<double>(CounterRng(options_.seed).uniform(step)) * total;
  const auto end = weights_.begin() + static_cast<std::ptrdiff_t>(count);
  const auto chosen = std::upper_bound(weights_.begin(), end, target) - weights_.begin();
  return candidates_[static_cast<std::size_t>(chosen)].token;
}

void Sampler::apply(SamplerStage stage, Span<float> logits) {
  switch (stage) {
    case SamplerStage::kTemperature:
      return apply_temperature(logits);
    case SamplerStage::kTopK:
      return apply_top_k(logits);
    case SamplerStage::kTopP:
      return apply_top_p(logits);
    case SamplerStage::kMinP:
      return apply_min_p(logits);
    case SamplerStage::kRepetitionPenalty:
      return apply_repetition_penalty(logits, start_counts_);
  }
}

void Sampler::apply_temperature(Span<float> logits) const {
  const float temperature = options_.temperature;
  if (temperature == 1) return;
  for (float& logit : logits) logit /= temperature;
}

void Sampler::apply_top_k(Span<float> logits) {
  const auto k = static_cast<std::size_t>(options_.top_k);
  if (k == 0 || k >= logits.size()) return;
  const std::size_t count = gather_candidates(logits);
  if (k >= count) return;
  // Counting by the keys' high bits finds the band that holds the k-th; only that band gets ordered.
  constexpr uint32_t kShift = 20;
  std::array<uint32_t, 1u << (32 - kShift)> band_sizes{};
  for (std::size_t i = 0; i < count; ++i) ++band_sizes[candidates_[i].key >> kShift];
  std::size_t band = band_sizes.size() - 1;
  std::size_t above = 0;
  while (above + band_sizes[band] < k) above += band_sizes[band--];
  auto end = band_.begin();
  for (std::size_t i = 0; i < count; ++i) {
    if (candidates_[i].key >> kShift == band) *end++ = candidates_[i].key;
  }
  const auto kth = band_.begin() + static_cast<std::ptrdiff_t>(k - above - 1);
  std::nth_element(band_.begin(), kth, end, std::greater<>());
  const float threshold = logit_of(*kth);
  for (float& logit : logits) logit = logit < threshold ? kRemoved : logit;
}

void Sampler::apply_top_p(Span<float> logits) {
  if (options_.top_p == 1) return;
  const std::size_t count = gather_candidates(logits);
  if (count == 0) return;
  sort_candidates(count);
  const float largest = logit_of(candidates_[count - 1].key);
  double total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    weights_[i] = weight(logit_of(candidates_[i].key), largest);
    total += weights_[i];
  }
  const double dropped = 1.0 - static_cast<double>(options_.top_p);
  double cumulative = 0;
  for (std::size_t i = 0; i + 1 < count; ++i) {
    cumulative += weights_[i];
    if (cumulative / total > dropped) break;
    logits[static_cast<std::size_t>(candidates_[i].token)] = kRemoved;
  }
}

void Sampler::apply_min_p(Span<float> logits) const {
  if (options_.min_p == 0) return;
  const float largest = *std::max_element(logits.begin(), logits.end());
  const auto min_p = static_cast<double>(options_.min_p);
  // The logarithm spares the exp of all but the tokens near the threshold or above it.
  const double clearly_below = static_cast<double>(largest) + std::log(min_p) - 1.0;
  for (float& logit : logits) {
    const bool drop = static_cast<double>(logit) < clearly_below || weight(logit, largest) < min_p;
    logit = drop ? kRemoved : logit;
  }
}

void Sampler::apply_repetition_penalty(Span<float> logits, bool start_counts) const {
  const bool said = generated_[start_token_] != 0;
  if ((start_counts || history_.empty()) && !said) penalize(logits[start_token_]);
  for (const int32_t token : history_) penalize(logits[static_cast<std::size_t>(token)]);
}

void Sampler::penalize(float& logit) const {
  const float penalty = options_.repetition_penalty;
  logit = logit < 0 ? logit * penalty : logit / penalty;
}

// Fills candidates_ with the tokens still in play, by ascending id, and returns how many they are.
std::size_t Sampler::gather_candidates(Span<float> logits) {
  std::size_t count = 0;
  for (std::size_t token = 0; token < logits.size(); ++token) {
    candidates_[count] = {sort_key(logits[token]), static_cast<int32_t>(token)};
    count += static_cast<std::size_t>(logits[token] > kRemoved);  // no branch to mispredict
  }
  return count;
}

// Stable radix sort of candidates_[0, count) by ascending key, a byte a pass.
void Sampler::sort_candidates(std::size_t count) {
  for (uint32_t shift = 0; shift < 32; shift += 8) {
    const auto digit = [shift](const Candidate& c) { return (c.key >> shift) & 0xFFu; };
    std::array<uint32_t, 256> place{};
    for (std::size_t i = 0; i < count; ++i) ++place[digit(candidates_[i])];
    uint32_t before = 0;
    for (uint32_t& entry : place) before += std::exchange(entry, before);
    for (std::size_t i = 0; i < count; ++i) sorted_[place[digit(candidates_[i])]++] = candidates_[i];
    candidates_.swap(sorted_);
  }
}

void Sampler::remember(int64_t token) {
  unsigned char& known = generated_[static_cast<std::size_t>(token)];
  if (known == 0) history_.push_back(static_cast<int32_t>(token));
  known = 1;
}

}  // namespace loquor
