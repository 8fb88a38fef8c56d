#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "allocations.hpp"
#include "base/error.hpp"
#include "base/rng.hpp"
#include "decode/sampler.hpp"
#include "model/generation_options.hpp"

using loquor::CounterRng;
using loquor::Error;
using loquor::ErrorKind;
using loquor::GenerationOptions;
using loquor::kNoToken;
using loquor::Sampler;
using loquor::SamplerStage;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

const std::vector<SamplerStage> kTurboOrder = {SamplerStage::kTemperature, SamplerStage::kTopK,
                                               SamplerStage::kTopP, SamplerStage::kRepetitionPenalty};
const std::vector<SamplerStage> kEnglishOrder = {SamplerStage::kRepetitionPenalty, SamplerStage::kTemperature,
                                                 SamplerStage::kMinP, SamplerStage::kTopP};

// The same rules written as plainly as they are stated: full sorts, sets by search, one stage after another.
struct Reference {
  std::vector<SamplerStage> order;
  int64_t start;
  GenerationOptions options;
  std::vector<int64_t> generated;

  static std::vector<double> softmax(const std::vector<float>& logits) {
    const double largest = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
    std::vector<double> p;
    for (const float v : logits) p.push_back(std::exp(static_cast<double>(v) - largest));
    const double total = std::accumulate(p.begin(), p.end(), 0.0);
    for (double& x : p) x /= total;
    return p;
  }

  void penalize(std::vector<float>& logits, const std::vector<int64_t>& history) const {
    for (std::size_t id = 0; id < logits.size(); ++id) {
      if (std::find(history.begin(), history.end(), static_cast<int64_t>(id)) == history.end()) continue;
      const float p = options.repetition_penalty;
      logits[id] = logits[id] < 0 ? logits[id] * p : logits[id] / p;
    }
  }

  void top_k(std::vector<float>& logits) const {
    if (options.top_k == 0 || options.top_k >= static_cast<int64_t>(logits.size())) return;
    std::vector<float> sorted = logits;
    std::sort(sorted.rbegin(), sorted.rend());
    const float kth = sorted[static_cast<std::size_t>(options.top_k - 1)];
    for (float& v : logits) v = v < kth ? -kInf : v;
  }

  void top_p(std::vector<float>& logits) const {
    if (options.top_p == 1) return;
    std::vector<std::size_t> ids(logits.size());
    std::iota(ids.begin(), ids.end(), std::size_t{0});
    std::stable_sort(ids.begin(), ids.end(),
                     [&](std::size_t a, std::size_t b) { return logits[a] < logits[b]; });
    std::vector<float> ascending;
    for (const std::size_t id : ids) ascending.push_back(logits[id]);
    std::vector<double> cumulative;
    for (const float v : ascending) {
      const double before = cumulative.empty() ? 0.0 : cumulative.back();
      cumulative.push_back(before + std::exp(static_cast<double>(v) - static_cast<double>(ascending.back())));
    }
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      const double probability = cumulative[i] / cumulative.back();
      if (probability <= 1.0 - static_cast<double>(options.top_p)) logits[ids[i]] = -kInf;
    }
  }

  void min_p(std::vector<float>& logits) const {
    const std::vector<double> p = softmax(logits);
    const double least = static_cast<double>(options.min_p) * *std::max_element(p.begin(), p.end());
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (p[i] < least) logits[i] = -kInf;
    }
  }

  int64_t next(std::vector<float>& logits, uint64_t step) {
    const auto nothing_left = [&] { return *std::max_element(logits.begin(), logits.end()) == -kInf; };
    if (nothing_left()) return kNoToken;
    std::size_t chosen = 0;
    if (options.temperature == 0) {
      std::vector<int64_t> history = generated;
      history.push_back(start);
      penalize(logits, history);
      for (std::size_t i = 0; i < logits.size(); ++i) chosen = logits[i] > logits[chosen] ? i : chosen;
    } else {
      for (const SamplerStage stage : order) {
        if (stage == SamplerStage::kTemperature) {
          for (float& v : logits) v /= options.temperature;
        }
        if (stage == SamplerStage::kTopK) top_k(logits);
        if (stage == SamplerStage::kTopP) top_p(logits);
        if (stage == SamplerStage::kMinP) min_p(logits);
        if (stage == SamplerStage::kRepetitionPenalty) {
          penalize(logits, generated.empty() ? std::vector<int64_t>{start} : generated);
        }
      }
      const double largest = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
      double total = 0;
      for (const float v : logits) total += std::exp(static_cast<double>(v) - largest);
      const double target = static_cast<double>(CounterRng(options.seed).uniform(step)) * total;
      double cumulative = 0;
      for (chosen = 0; chosen < logits.size(); ++chosen) {
        cumulative += std::exp(static_cast<double>(logits[chosen]) - largest);
        if (cumulative > target) break;
      }
    }
    generated.push_back(static_cast<int64_t>(chosen));
    return static_cast<int64_t>(chosen);
  }
};

// Deterministic draws for the random cases.
class Draw {
 public:
  explicit Draw(uint64_t seed) : rng_(seed) {}
  float unit() { return rng_.uniform(step_++); }
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(rng_.block(step_++)[0] % n); }
  float normal() {
    const float a = unit();
    return std::sqrt(-2.0f * std::log(1.0f - a)) * std::cos(6.2831853f * unit());
  }
  template <class T>
  T one_of(const std::vector<T>& values) {
    return values[below(values.size())];
  }

 private:
  CounterRng rng_;
  uint64_t step_ = 0;
};

std::vector<float> random_logits(Draw& draw, std::size_t vocab) {
  std::vector<float> logits(vocab);
  const std::size_t shape = draw.below(6);
  for (float& v : logits) {
    v = draw.normal() * 4;
    if (shape == 1) v = std::round(v) / 2;            // many ties, and -0 beside +0
    if (shape == 2 && draw.below(2) == 0) v = -kInf;  // a masked head
    if (shape == 3) v *= draw.one_of<float>({1e-30f, 1.0f, 1e30f, 1e36f});
    if (shape == 4) v = 1.5f;                                // all equal
    if (shape == 5) v = draw.below(vocab) == 0 ? v : -kInf;  // next to nothing, or nothing, left
  }
  return logits;
}

GenerationOptions random_options(Draw& draw) {
  GenerationOptions options;
  options.temperature = draw.one_of<float>({0.0f, 0.1f, 0.5f, 0.8f, 1.0f, 1.7f, 10.0f});
  options.top_k = draw.one_of<int32_t>({0, 1, 2, 5, 20, 1000});
  options.top_p = draw.one_of<float>({1e-20f, 1e-6f, 0.1f, 0.5f, 0.9f, 0.95f, 1.0f});
  options.min_p = draw.one_of<float>({0.0f, 0.05f, 0.3f, 1.0f});
  options.repetition_penalty = draw.one_of<float>({0.7f, 1.0f, 1.2f, 3.0f});
  options.seed = draw.below(1u << 30);
  return options;
}

}  // namespace

TEST_CASE("3,000 random sequences equal the plain reference, token for token and logit for logit") {
  Draw draw(7);
  int64_t tokens = 0;
  for (int round = 0; round < 3000; ++round) {
    const std::size_t vocab = 1 + draw.below(draw.below(4) == 0 ? 600 : 40);
    std::vector<SamplerStage> order = {SamplerStage::kTemperature, SamplerStage::kTopK, SamplerStage::kTopP,
                                       SamplerStage::kMinP, SamplerStage::kRepetitionPenalty};
    for (std::size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[draw.below(i + 1)]);
    order.resize(draw.below(order.size() + 1));
    const auto start = static_cast<int64_t>(draw.below(vocab));
    const GenerationOptions options = random_options(draw);
    Sampler sampler(order, static_cast<int64_t>(vocab), start);
    sampler.reset(options);
    Reference reference{order, start, options, {}};
    for (uint64_t step = 0; step < 4; ++step) {
      std::vector<float> logits = random_logits(draw, vocab);
      std::vector<float> expected_logits = logits;
      const int64_t expected = reference.next(expected_logits, step);
      CAPTURE(round);
      CAPTURE(step);
      REQUIRE(sampler.next(logits, step) == expected);
      if (expected == kNoToken) break;
      REQUIRE(logits == expected_logits);
      ++tokens;
    }
  }
  CHECK(tokens > 9000);
}

TEST_CASE("the full vocabulary with the published defaults equals the plain reference") {
  constexpr std::size_t kVocab = 6563;
  Draw draw(8);
  for (const auto& order : {kTurboOrder, kEnglishOrder}) {
    GenerationOptions options;
    options.seed = 5;
    options.min_p = 0.05f;
    Sampler sampler(order, kVocab, 6561);
    sampler.reset(options);
    Reference reference{order, 6561, options, {}};
    for (uint64_t step = 0; step < 20; ++step) {
      std::vector<float> logits(kVocab);
      for (float& v : logits) v = draw.normal() * 3;
      std::vector<float> expected_logits = logits;
      const int64_t expected = reference.next(expected_logits, step);
      REQUIRE(sampler.next(logits, step) == expected);
      REQUIRE(logits == expected_logits);
    }
  }
}

TEST_CASE("greedy: penalty over the start token and everything generated, lowest id wins a tie") {
  GenerationOptions options;
  options.temperature = 0;
  options.repetition_penalty = 2;
  Sampler sampler(kTurboOrder, 5, 4);
  sampler.reset(options);
  const std::vector<float> logits = {1.0f, 3.0f, 3.0f, -1.0f, 5.0f};
  std::vector<float> row = logits;
  CHECK(sampler.next(row, 0) == 1);  // the start token's 5 became 2.5; 1 and 2 tie
  CHECK(row == std::vector<float>{1.0f, 3.0f, 3.0f, -1.0f, 2.5f});
  row = logits;
  CHECK(sampler.next(row, 1) == 2);
  row = logits;
  CHECK(sampler.next(row, 2) == 4);  // still penalized, and now the largest
  row = {0.0f, -1.0f, -1.0f, 0.0f, 5.0f};
  CHECK(sampler.next(row, 3) == 4);
  CHECK(row == std::vector<float>{0.0f, -2.0f, -2.0f, 0.0f, 2.5f});  // once per token, the start token too
  sampler.reset(options);
  row = logits;
  CHECK(sampler.next(row, 0) == 1);  // reset forgets
}

TEST_CASE("sampling: the start token is penalized for the first token only") {
  GenerationOptions options;
  options.temperature = 1;
  options.top_k = 1;
  options.repetition_penalty = 2;
  Sampler sampler({SamplerStage::kRepetitionPenalty, SamplerStage::kTopK}, 3, 2);
  sampler.reset(options);
  std::vector<float> row = {2.0f, 1.0f, 3.0f};
  CHECK(sampler.next(row, 0) == 0);
  row = {2.0f, 1.0f, 3.0f};
  CHECK(sampler.next(row, 1) == 2);
}

TEST_CASE("top_p counts -0 and +0 as equal and drops the lower id first") {
  GenerationOptions options;
  options.temperature = 1;
  options.top_p = 0.5f;
  Sampler sampler({SamplerStage::kTopP}, 4, 0);
  sampler.reset(options);
  std::vector<float> row = {0.0f, -0.0f, 0.0f, -0.0f};
  sampler.next(row, 0);
  CHECK(row == std::vector<float>{-kInf, -kInf, 0.0f, -0.0f});
}

TEST_CASE("the drawn number exceeds, never equals: ends of the unit interval and of a token's share") {
  // Found by search: the first numbers of these seeds are 0 and 1/2.
  constexpr uint64_t kZero = 26173805;
  constexpr uint64_t kHalf = 8415202;
  REQUIRE(CounterRng(kZero).uniform(0) == 0.0f);
  REQUIRE(CounterRng(kHalf).uniform(0) == 0.5f);
  GenerationOptions options;
  Sampler sampler({}, 4, 0);
  const auto drawn = [&](uint64_t seed, std::vector<float> row) {
    options.seed = seed;
    sampler.reset(options);
    return sampler.next(row, 0);
  };
  CHECK(drawn(kZero, {-kInf, -2000.0f, 0.0f, 0.0f}) == 2);  // not the token of weight 0
  CHECK(drawn(kHalf, {1.0f, 1.0f, -2000.0f, -kInf}) ==
        1);  // the first half belongs to token 0 up to, not at, 1/2
  CHECK(drawn(kHalf, {1.0f, 1.0f, 1.0f, 1.0f}) == 2);
}

TEST_CASE("frequencies follow the softmax (chi-square, 20,000 seeds)") {
  const std::vector<double> p = {0.02, 0.28, 0.05, 0.3, 0.15, 0.2};
  std::vector<float> logits;
  for (const double x : p) logits.push_back(static_cast<float>(std::log(x)));
  constexpr int kDraws = 20000;
  std::vector<int> counts(p.size());
  Sampler sampler({SamplerStage::kTemperature}, 6, 0);
  GenerationOptions options;
  options.temperature = 1;
  std::vector<float> row;
  for (int i = 0; i < kDraws; ++i) {
    options.seed = static_cast<uint64_t>(i);
    sampler.reset(options);
    row = logits;
    ++counts[static_cast<std::size_t>(sampler.next(row, 0))];
  }
  double chi_square = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double expected = p[i] * kDraws;
    chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  CHECK(chi_square < 15.09);  // the 99th percentile at 5 degrees of freedom
}

TEST_CASE("nothing left, infinite and NaN logits") {
  for (const float temperature : {0.0f, 0.8f}) {
    GenerationOptions options;
    options.temperature = temperature;
    Sampler sampler(kTurboOrder, 3, 0);
    sampler.reset(options);
    std::vector<float> row(3, -kInf);
    CHECK(sampler.next(row, 0) == kNoToken);
    row = {1.0f, kInf, 2.0f};  // an overflow of fp16 is still the likeliest token
    CHECK(sampler.next(row, 1) == 1);
    row = {1.0f, std::numeric_limits<float>::quiet_NaN(), 2.0f};
    CHECK_THROWS_WITH_AS(sampler.next(row, 41), doctest::Contains("NaN logits at step 41"), Error);
    row.resize(2);
    CHECK_THROWS_WITH_AS(sampler.next(row, 42), doctest::Contains("2 logits at step 42, expected 3"), Error);
  }
}

TEST_CASE("the start token must be in the vocabulary") {
  CHECK_THROWS_AS(Sampler(kTurboOrder, 10, 10), Error);
  CHECK_THROWS_AS(Sampler(kTurboOrder, 10, -1), Error);
  CHECK_THROWS_AS(Sampler(kTurboOrder, 0, 0), Error);
}

TEST_CASE("next allocates nothing") {
  constexpr std::size_t kVocab = 6563;
  Draw draw(9);
  Sampler sampler(kTurboOrder, kVocab, 6561);
  std::vector<float> row(kVocab);
  for (const float temperature : {0.0f, 0.8f}) {
    for (const int32_t top_k : {0, 1000}) {
      GenerationOptions options;
      options.temperature = temperature;
      options.top_k = top_k;
      options.min_p = 0.01f;
      sampler.reset(options);
      int64_t during = 0;
      for (uint64_t step = 0; step < 50; ++step) {
        for (float& v : row) v = draw.normal() * 3;
        const int64_t before = allocations();
        sampler.next(row, step);
        during += allocations() - before;
      }
      CHECK(during == 0);
    }
  }
  const int64_t before = allocations();
  ::operator delete(::operator new(4));  // what a compiler may not leave out
  CHECK(allocations() == before + 1);    // the counter counts
}

TEST_CASE("reset refuses options that are out of range") {
  GenerationOptions options;
  options.top_p = 2;
  Sampler sampler(kTurboOrder, 10, 0);
  CHECK_THROWS_WITH_AS(sampler.reset(options), "top_p must be in (0, 1], not 2", Error);
}
