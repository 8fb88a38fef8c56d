// The sampler as nodes of a graph: it must choose the tokens that the host's sampler chooses.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "allocations.hpp"
#include "base/rng.hpp"
#include "bundle.hpp"
#include "decode/device_sampler.hpp"
#include "decode/device_sampler_names.hpp"
#include "decode/generate.hpp"
#include "decode/sampler.hpp"
#include "fault_injection.hpp"
#include "refusal.hpp"
#include "small_graphs.hpp"
#include "temp_folder.hpp"

using namespace loquor;
using namespace loquor::testing;
namespace names = loquor::device_sampler;

namespace {

using Stages = std::vector<SamplerStage>;
const Stages kTurbo = families()[0].logits_stages;
// As the English and Multilingual models have it.
const Stages kEnglish = {SamplerStage::kRepetitionPenalty, SamplerStage::kTemperature, SamplerStage::kMinP,
                         SamplerStage::kTopP};
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The nodes over a graph that hands on the logits it is given.
class Nodes {
 public:
  Nodes(const ort::ApiPtr& api, Stages order, int64_t vocab, int64_t start, bool float64, int opset = 18)
      : api_(api),
        order_(std::move(order)),
        vocab_(vocab),
        start_(start),
        float64_(float64),
        session_(api, folder_.write("identity.onnx", SmallGraphs::identity(vocab, opset)),
                 session_config(api), "", device_sampler_nodes(order_, float64)),
        host_(api),
        run_(*api) {}

  void reset(const GenerationOptions& options) { reset(std::vector<GenerationOptions>{options}); }
  // Several sequences, a row each.
  void reset(const std::vector<GenerationOptions>& options) {
    options_ = options;
    history_.assign(options.size() * static_cast<std::size_t>(vocab_), 0.0f);
    for (std::size_t i = 0; i < options.size(); ++i) {
      history_[i * static_cast<std::size_t>(vocab_) + static_cast<std::size_t>(start_)] = 1;
    }
  }

  int64_t next(std::vector<float> logits, uint64_t step) {
    return next_of_each(std::move(logits), {step}).front();
  }

  // `logits` [rows, vocab]; each row is at a step of its own.
  std::vector<int64_t> next_of_each(std::vector<float> logits, const std::vector<uint64_t>& steps) {
    const bool in_order =
        std::find(order_.begin(), order_.end(), SamplerStage::kRepetitionPenalty) != order_.end();
    constexpr std::size_t kWidth = names::kParamCount;
    const auto rows = static_cast<int64_t>(steps.size());
    std::vector<double> doubles(steps.size() * kWidth);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      fill_device_sampler_params(options_[i], steps[i], vocab_, in_order,
                                 {doubles.data() + i * kWidth, kWidth});
    }
    std::vector<float> singles(doubles.begin(), doubles.end());
    const auto x = host_.view(ort::ElementType::kFloat32, logits.data(), {rows, 1, vocab_});
    const auto params = float64_ ? host_.view(ort::ElementType::kFloat64, doubles.data(), {rows, kWidth})
                                 : host_.view(ort::ElementType::kFloat32, singles.data(), {rows, kWidth});
    const auto history = host_.view(ort::ElementType::kFloat32, history_.data(), {rows, vocab_});
    auto made =
        session_.run(run_, {{"x", x.get()}, {names::kParams, params.get()}, {names::kHistory, history.get()}},
                     {names::kToken, names::kHistoryAfter});
    const float* after = ort::data_of<float>(*api_, made[1].get());
    history_.assign(after, after + history_.size());
    const auto* tokens = ort::data_of<int64_t>(*api_, made[0].get());
    return {tokens, tokens + steps.size()};
  }

  const ort::Session& session() const { return session_; }

 private:
  TempFolder folder_;
  ort::ApiPtr api_;
  Stages order_;
  int64_t vocab_;
  int64_t start_;
  bool float64_;
  ort::Session session_;
  ort::Memory host_;
  ort::RunOptions run_;
  std::vector<GenerationOptions> options_;
  std::vector<float> history_;
};

std::vector<GenerationOptions> option_grid() {
  std::vector<GenerationOptions> grid;
  for (const float temperature : {0.0f, 0.3f, 0.8f, 1.0f, 3.0f}) {
    for (const int32_t top_k : {0, 1, 40, 1000, 6563}) {
      for (const float top_p : {0.02f, 0.5f, 0.95f, 1.0f}) {
        for (const float min_p : {0.0f, 0.05f, 1.0f}) {
          GenerationOptions options;
          options.temperature = temperature;
          options.top_k = top_k;
          options.top_p = top_p;
          options.min_p = min_p;
          options.repetition_penalty = top_k == 40 ? 1.0f : top_k == 1 ? 0.7f : 1.2f;
          options.seed = grid.size();
          grid.push_back(options);
        }
      }
    }
  }
  return grid;
}

// Random logits; by `kind` as a model gives them, with many ties, or with infinities and large numbers among
// them.
std::vector<float> random_logits(uint64_t seed, int64_t vocab, uint64_t kind) {
  const CounterRng rng(seed);
  std::vector<float> logits(static_cast<std::size_t>(vocab));
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const float u = rng.uniform(2 * i);
    const float v = rng.uniform(2 * i + 1);
    logits[i] = 2.5f * std::sqrt(-2 * std::log(u + 1e-7f)) * std::cos(6.2831853f * v);
    if (kind == 1) logits[i] = std::round(logits[i] * 2) / 2;
    if (kind == 2 && u < 0.3f) logits[i] = v < 0.9f ? -kInfinity : v < 0.95f ? -3e38f : 80.0f;
  }
  return logits;
}

struct Agreement {
  int64_t tokens = 0;
  std::vector<std::string> differences;
  double furthest = 0;  // of u from the border between the two tokens, as a share of the total
};

// How far u lies outside the part of the cumulative weights that belongs to `token`, as a share of the total;
// `logits` are as the host's sampler left them. 1 for a token that it had removed.
double distance_to(const std::vector<float>& logits, int64_t token, double u) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double before = 0;
  double own = 0;
  double total = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double weight = std::exp(static_cast<double>(logits[i]) - static_cast<double>(largest));
    if (static_cast<int64_t>(i) < token) before += weight;
    if (static_cast<int64_t>(i) == token) own = weight;
    total += weight;
  }
  if (own == 0) return 1;
  return std::max({0.0, before / total - u, u - (before + own) / total});
}

std::vector<float> logits_at(const GenerationOptions& options, uint64_t step, int64_t vocab) {
  return random_logits(1000 * options.seed + step, vocab, (options.seed + step) % 3);
}

// The same for a top_p a hair larger or smaller, whichever brings `token` nearest: the sums decide which
// token is the last that top_p keeps, too. At a temperature of 0 nothing is rounded.
double distance_to_host(const Stages& order, int64_t vocab, int64_t start, const GenerationOptions& options,
                        uint64_t step, int64_t token) {
  if (options.temperature == 0) return 1;
  constexpr float kHair = 5e-6f;
  double nearest = 1;
  for (const float shift : {0.0f, -kHair, kHair}) {
    GenerationOptions shifted = options;
    if (options.top_p < 1) shifted.top_p += shift;
    Sampler host(order, vocab, start);
    host.reset(shifted);
    std::vector<float> logits;
    for (uint64_t at = 0; at <= step; ++at) {
      logits = logits_at(options, at, vocab);
      host.next(logits, at);
    }
    const auto u = static_cast<double>(CounterRng(options.seed).uniform(step));
    nearest = std::min(nearest, distance_to(logits, token, u));
  }
  return nearest;
}

// Both over the same sequences; a sequence ends with a difference, since the histories then differ.
Agreement compare(Nodes& nodes, const Stages& order, int64_t vocab, int64_t start,
                  const std::vector<GenerationOptions>& grid, uint64_t steps) {
  Agreement found;
  Sampler host(order, vocab, start);
  for (const GenerationOptions& options : grid) {
    host.reset(options);
    nodes.reset(options);
    for (uint64_t step = 0; step < steps; ++step) {
      std::vector<float> logits = logits_at(options, step, vocab);
      const int64_t device_token = nodes.next(logits, step);
      const int64_t host_token = host.next(logits, step);
      ++found.tokens;
      if (device_token == host_token) continue;
      const double distance = distance_to_host(order, vocab, start, options, step, device_token);
      found.furthest = std::max(found.furthest, distance);
      found.differences.push_back("options " + std::to_string(options.seed) + " step " +
                                  std::to_string(step) + ": " + std::to_string(device_token) + " for " +
                                  std::to_string(host_token) + ", " + std::to_string(1e6 * distance) +
                                  " millionths off");
      break;
    }
  }
  return found;
}

}  // namespace

TEST_CASE("in float64 the nodes choose the host's tokens, whatever the options") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const Stages& order : {kTurbo, kEnglish}) {
    Nodes nodes(faults.api, order, 6563, 6561, true);
    const Agreement found = compare(nodes, order, 6563, 6561, option_grid(), 4);
    CHECK(found.tokens == 1200);
    CHECK(found.differences == std::vector<std::string>());
  }
  // Small vocabularies meet their borders often; any opset that has the operators will do.
  for (const int opset : {13, 17, 18, 21}) {
    CAPTURE(opset);
    Nodes nodes(faults.api, kTurbo, 9, 2, true, opset);
    CHECK(compare(nodes, kTurbo, 9, 2, option_grid(), 12).differences == std::vector<std::string>());
  }
}

// Sums of thousands of float32 weights are off by some 1e-6 of the total. Flat distributions have a border
// every 1e-4 of it, so a token in some hundreds differs there: to its neighbour, and never for another
// reason.
TEST_CASE("in float32 a token differs only where u lies within rounding of the border") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Nodes nodes(faults.api, kTurbo, 6563, 6561, false);
  const Agreement found = compare(nodes, kTurbo, 6563, 6561, option_grid(), 4);
  for (const std::string& difference : found.differences) MESSAGE(difference);
  CHECK(found.tokens > 1150);
  CHECK(found.differences.size() <= 12);
  CHECK(found.furthest < 1e-5);
  Nodes small(faults.api, kTurbo, 9, 2, false);
  CHECK(compare(small, kTurbo, 9, 2, option_grid(), 12).differences == std::vector<std::string>());
}

TEST_CASE("nothing to choose from, and NaN, come back as themselves") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const bool float64 : {true, false}) {
    CAPTURE(float64);
    Nodes nodes(faults.api, kTurbo, 5, 1, float64);
    for (const GenerationOptions& options : {greedy(1), sampled(1)}) {
      nodes.reset(options);
      CHECK(nodes.next(std::vector<float>(5, -kInfinity), 0) == kNoToken);
      CHECK(nodes.next({0, 1, std::numeric_limits<float>::quiet_NaN(), 3, 4}, 1) == names::kNotANumber);
      CHECK(nodes.next({-kInfinity, -kInfinity, -kInfinity, -50, -kInfinity}, 2) == 3);
      CHECK(nodes.next({0, 1, kInfinity, 3, 4}, 3) == 2);
    }
  }
}

TEST_CASE("sequences in one run choose as each does alone") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  constexpr int64_t kVocab = 50;
  for (const bool float64 : {true, false}) {
    CAPTURE(float64);
    const auto grid = option_grid();
    std::deque<Nodes> alone;
    for (std::size_t i = 0; i < 3; ++i) alone.emplace_back(faults.api, kTurbo, kVocab, 7, float64);
    Nodes together(faults.api, kTurbo, kVocab, 7, float64);
    for (std::size_t at = 0; at + 80 < grid.size(); at += 7) {
      const std::vector<GenerationOptions> options = {grid[at], grid[at + 40], grid[at + 80]};
      together.reset(options);
      for (std::size_t i = 0; i < 3; ++i) alone[i].reset({options[i]});
      for (uint64_t step = 0; step < 6; ++step) {
        std::vector<float> logits;
        std::vector<int64_t> expected;
        for (std::size_t i = 0; i < 3; ++i) {
          const auto own = logits_at(options[i], step + i, kVocab);
          logits.insert(logits.end(), own.begin(), own.end());
          expected.push_back(alone[i].next(own, step + i));
        }
        CHECK(together.next_of_each(logits, {step, step + 1, step + 2}) == expected);
      }
    }
  }
}

TEST_CASE("a graph that the sampler cannot be appended to is told, or used without it") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  CHECK(refusal([&] { Nodes(faults.api, kTurbo, 9, 2, true, 12); }).names("opset 13 or newer"));
  const Refusal refused = refusal([&] {
    ort::Session(faults.api, manifest_of("gqa").files[1].path, session_config(faults.api), "",
                 device_sampler_nodes(kTurbo, true));
  });
  CHECK(refused.kind == ErrorKind::kModel);
  CHECK(refused.names("needs 'logits'"));
  const ort::GraphExtension impossible = [](ort::GraphEdit& edit) {
    edit.node("NoSuchOperator", {"logits"}, {}, names::kToken);
  };
  CHECK(refusal([&] {
          Model(faults.api, manifest_of("gqa"), session_config(faults.api), {impossible});
        }).kind == ErrorKind::kModel);
  const Model without(faults.api, manifest_of("gqa"), session_config(faults.api), {impossible, true});
  CHECK(!has_device_sampler(without.language_model));
}

TEST_CASE("a request gives the host's tokens, whatever ran before it, and a step allocates nothing of ours") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const ort::RunOptions run(*faults.api);
  for (const std::string form : {"concat", "gqa"}) {
    for (const std::string dtype : {"fp32", "fp16"}) {
      CAPTURE(form);
      CAPTURE(dtype);
      Manifest manifest = manifest_of(form, dtype);
      manifest.stop_token = -3;  // no token: the runs are as long as they are asked to be
      Model plain(faults.api, manifest, session_config(faults.api));
      Model extended(faults.api, manifest, session_config(faults.api), {device_sampler_nodes(kTurbo, true)});
      const auto ports = [](const Model& model) { return model.language_model.session().inputs().size(); };
      CHECK(ports(extended) == ports(plain));
      CHECK(extended.language_model.kv_mode() == plain.language_model.kv_mode());
      Generator host(plain);
      Generator device(extended);
      CHECK(!host.samples_on_device());
      CHECK(device.samples_on_device());
      CHECK(device.batched() == (form == "gqa"));
      const auto voice = std::make_shared<const Voice>(plain.speech_encoder()->encode(recording(), run));
      for (const auto& options : {sampled(60), greedy(60), sampled(300, 5), sampled(60)}) {
        std::vector<int64_t> marks;
        marks.reserve(300);
        const Prompt prompt = {text_ids(), voice, options};
        const auto found = generate(device, prompt, run, [&] { marks.push_back(allocations()); }).ids;
        CHECK(found == generate(host, prompt, run).ids);
        REQUIRE(marks.size() > 58);
        CHECK(std::adjacent_find(marks.begin(), marks.end(), [](int64_t a, int64_t b) { return a != b; }) ==
              marks.end());
      }
      CHECK(refusal([&] { generate(device, {text_ids(), voice, greedy(0)}, run); }).kind ==
            ErrorKind::kInvalidInput);
    }
  }
}

// Each has a history, options and a counter of its own, on the one binding that they share.
TEST_CASE("sequences that sample on the device by turns do not disturb each other") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const ort::RunOptions run(*faults.api);
  for (const std::string form : {"concat", "gqa"}) {
    CAPTURE(form);
    Manifest manifest = manifest_of(form);
    manifest.stop_token = -3;
    Model plain(faults.api, manifest, session_config(faults.api));
    Model extended(faults.api, manifest, session_config(faults.api), {device_sampler_nodes(kTurbo, true)});
    Generator host(plain);
    Generator device(extended);
    const auto voice = std::make_shared<const Voice>(plain.speech_encoder()->encode(recording(), run));
    const std::vector<GenerationOptions> asked = {sampled(40, 3), greedy(25), sampled(60, 7)};
    std::vector<std::vector<int64_t>> expected;
    for (const auto& options : asked) {
      expected.push_back(generate(host, {text_ids(), voice, options}, run).ids);
    }
    device.reserve(3, 200);
    std::vector<std::unique_ptr<Sequence>> sequences;
    std::vector<std::vector<int64_t>> found(asked.size());
    std::size_t open = asked.size();
    for (std::size_t turn = 0; open > 0; ++turn) {
      if (turn % 4 == 0 && sequences.size() < asked.size()) {  // they join one after the other
        sequences.push_back(device.make_sequence());
        while (!device.prefill(*sequences.back(), {text_ids(), voice, asked[sequences.size() - 1]}, run)) {
        }
      }
      for (std::size_t i = 0; i < sequences.size(); ++i) {
        if (!found[i].empty()) continue;
        if (!sequences[i]->finished()) device.step(*sequences[i], run);
        if (!sequences[i]->finished()) continue;
        device.release(*sequences[i]);
        found[i] = sequences[i]->take_tokens().ids;
        --open;
      }
    }
    CHECK(found == expected);
  }
}
