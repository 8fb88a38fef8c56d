// Sequences of two rows, for classifier-free guidance: each row gives what it gives alone, and the choice is
// made from both.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "allocations.hpp"
#include "base/rng.hpp"
#include "bundle.hpp"
#include "decode/device_sampler.hpp"
#include "decode/generate.hpp"
#include "decode/guidance.hpp"
#include "decode/sampler.hpp"
#include "fault_injection.hpp"
#include "refusal.hpp"
#include "rows_fixture.hpp"

using namespace loquor;
using namespace loquor::testing;

namespace {

using Logits = std::vector<float>;
constexpr int64_t kHidden = 64;

// Ping-pong, a pool, buffers of its own for each slot, and a pool in a device's memory.
const Setup kSetups[] = {{"concat"}, {"mha"}, {"gqa"}, {"gqa", true, false}, {"gqa", true, true}};
const Setup kGuided[] = {
    {"llama-concat"}, {"llama-gqa"}, {"llama-gqa", true, false}, {"llama-gqa", true, true}};

class Lm {
 public:
  Lm(const FaultInjection& faults, const Setup& setup, int64_t rows)
      : run_(*faults.api),
        lm(load_graph(faults.api, setup.form, Graph::kLanguageModel),
           device_of(*faults.api, setup.own_memory, setup.addressable), {}, rows) {}

  // Of a sequence: one for all rows, or one for each.
  std::vector<int64_t> slots(int64_t sequence) const {
    const int64_t own = lm.slots_of(lm.rows());
    return own == 1 ? std::vector<int64_t>{sequence} : std::vector<int64_t>{2 * sequence, 2 * sequence + 1};
  }
  void reserve(int64_t sequences, int64_t capacity) {
    lm.reserve(sequences * lm.slots_of(lm.rows()), capacity);
  }
  void begin(int64_t sequence, int64_t capacity) {
    const std::vector<int64_t> own = slots(sequence);
    for (const int64_t slot : own) lm.begin(slot, capacity, own.size() == 1 ? lm.rows() : 1);
  }

  // Runs positions [from, from + count) of `which`, one for each row of a sequence.
  std::vector<Logits> run(const std::vector<uint64_t>& which, int64_t from, int64_t count,
                          int64_t sequence = 0) {
    float* to = lm.embeds(static_cast<int64_t>(which.size()) * count);
    for (const uint64_t each : which) to = write(to, each, from, count);
    return rows_of(lm.run(slots(sequence), count, run_));
  }

  // One step of the first slots of a pool together; `which` by row, at these positions.
  std::vector<Logits> step(const std::vector<uint64_t>& which, const std::vector<int64_t>& at) {
    float* to = lm.embeds(static_cast<int64_t>(which.size()));
    for (std::size_t row = 0; row < which.size(); ++row) to = write(to, which[row], at[row], 1);
    std::vector<int64_t> all(which.size());
    std::iota(all.begin(), all.end(), 0);
    return rows_of(lm.step(all, run_));
  }

 private:
  static float* write(float* to, uint64_t which, int64_t from, int64_t count) {
    const CounterRng rng(which);
    for (int64_t i = 0; i < count * kHidden; ++i) {
      *to++ = 4 * rng.uniform(static_cast<uint64_t>(from * kHidden + i)) - 2;
    }
    return to;
  }
  static std::vector<Logits> rows_of(const StepOutput& output) {
    std::vector<Logits> rows;
    for (std::size_t row = 0; row < static_cast<std::size_t>(output.rows); ++row) {
      rows.emplace_back(output.row(row).begin(), output.row(row).end());
    }
    return rows;
  }

  ort::RunOptions run_;

 public:
  LanguageModel lm;
};

float distance(const Logits& a, const Logits& b) {
  REQUIRE(a.size() == b.size());
  float largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::fabs(a[i] - b[i]));
  return std::isnan(largest) ? 1e9f : largest;
}

constexpr float kClose = 1e-4f;

// The logits of one sequence alone after `prompt` positions, and after each of `steps` more.
std::vector<Logits> alone(const FaultInjection& faults, const Setup& setup, uint64_t which, int64_t prompt,
                          int64_t steps) {
  Lm single(faults, setup, 1);
  single.reserve(1, prompt + steps);
  single.begin(0, prompt + steps);
  std::vector<Logits> all = {single.run({which}, 0, prompt)[0]};
  for (int64_t at = prompt; at < prompt + steps; ++at) all.push_back(single.run({which}, at, 1)[0]);
  return all;
}

// The same tokens the slow way: each row is a sequence of its own in a model of one row, what they give is
// combined in double, and every step runs both whole.
std::vector<int64_t> by_two_models(Bench& bench, const Prompt& prompt) {
  Model& model = bench.model;
  LanguageModel& lm = model.language_model;
  const Family& family = *model.manifest.family;
  Sampler sampler(family.logits_stages, lm.signature().vocab_size, model.manifest.start_token,
                  family.start_counts);
  sampler.reset(prompt.options);
  std::vector<std::vector<float>> sequences(2, prompt.voice->audio_features);
  const auto room = [](std::vector<float>& to, std::size_t rows) {
    to.resize(to.size() + rows * kHidden);
    return to.data() + to.size() - rows * kHidden;
  };
  for (const bool with_text : {true, false}) {
    model.embed_tokens.embed_prompt(prompt.ids, prompt.options.exaggeration, with_text,
                                    room(sequences[with_text ? 0 : 1], prompt.ids.size()), bench.run);
  }
  std::vector<int64_t> tokens;
  while (tokens.size() < static_cast<std::size_t>(prompt.options.max_new_tokens)) {
    std::vector<Logits> found;
    for (const auto& sequence : sequences) {
      const auto length = static_cast<int64_t>(sequence.size()) / kHidden;
      lm.reserve(1, length);
      lm.begin(0, length);
      std::copy(sequence.begin(), sequence.end(), lm.embeds(length));
      const Span<float> logits = lm.run(0, length, bench.run).logits;
      found.emplace_back(logits.begin(), logits.end());
    }
    const auto weight = static_cast<double>(prompt.options.cfg_weight);
    for (std::size_t i = 0; i < found[0].size(); ++i) {
      const double with = static_cast<double>(found[0][i]);
      found[0][i] = static_cast<float>(with + weight * (with - static_cast<double>(found[1][i])));
    }
    tokens.push_back(sampler.next(found[0], tokens.size()));
    for (auto& sequence : sequences) {
      model.embed_tokens.embed_token(tokens.back(), static_cast<int64_t>(tokens.size()), room(sequence, 1),
                                     bench.run);
    }
  }
  return tokens;
}

}  // namespace

TEST_CASE("two rows of a sequence give what each gives alone, however the cache is kept") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  constexpr int64_t kPrompt = 37;
  constexpr int64_t kSteps = 5;
  for (const Setup& setup : kSetups) {
    CAPTURE(setup.form);
    CAPTURE(setup.own_memory);
    CAPTURE(setup.addressable);
    const auto first = alone(faults, setup, 1, kPrompt, kSteps);
    const auto second = alone(faults, setup, 2, kPrompt, kSteps);
    CHECK(distance(first[0], second[0]) > 0.1f);  // they differ
    Lm both(faults, setup, 2);
    both.reserve(2, 300);
    for (const int64_t part : {kPrompt, int64_t{20}}) {
      if (part < kPrompt && !both.lm.extends()) continue;
      both.begin(1, 300);
      std::vector<Logits> found;
      for (int64_t done = 0; done < kPrompt; done += part) {
        found = both.run({1, 2}, done, std::min(part, kPrompt - done), 1);
      }
      for (std::size_t step = 0;; ++step) {
        REQUIRE(found.size() == 2);
        CHECK(distance(found[0], first[step]) < kClose);
        CHECK(distance(found[1], second[step]) < kClose);
        if (step == kSteps) break;
        found = both.run({1, 2}, kPrompt + static_cast<int64_t>(step), 1, 1);
      }
    }
    const bool pooled = setup.form == "gqa" && (!setup.own_memory || setup.addressable);
    CHECK(both.lm.batched() == pooled);
    CHECK(both.lm.extends() == (setup.form != "gqa" || pooled));
  }
}

TEST_CASE("a row of a pool computes the bits that it computes alone") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const Setup setup = {"gqa"};
  const auto first = alone(faults, setup, 1, 40, 3);
  const auto second = alone(faults, setup, 2, 40, 3);
  Lm both(faults, setup, 2);
  both.reserve(1, 300);
  both.begin(0, 300);
  auto found = both.run({1, 2}, 0, 40);
  for (std::size_t step = 0; step < 4; ++step) {
    CHECK(found[0] == first[step]);
    CHECK(found[1] == second[step]);
    found = both.run({1, 2}, 40 + static_cast<int64_t>(step), 1);
  }
}

TEST_CASE("sequences of two rows step together, move and grow together, in any memory that can be pooled") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const Setup& setup : {Setup{"gqa"}, Setup{"gqa", true, true}}) {
    CAPTURE(setup.own_memory);
    const int64_t lengths[] = {40, 7, 23};
    std::vector<std::vector<Logits>> expected;
    for (uint64_t which = 0; which < 6; ++which) {
      expected.push_back(alone(faults, setup, which, lengths[which / 2], 4));
    }
    Lm both(faults, setup, 2);
    REQUIRE(both.lm.batched());
    both.reserve(3, 300);
    for (int64_t slot = 0; slot < 3; ++slot) {
      both.begin(slot, 300);
      both.run({uint64_t(2 * slot), uint64_t(2 * slot + 1)}, 0, lengths[slot], slot);
    }
    for (int64_t step = 0; step < 2; ++step) {
      const auto found =
          both.step({0, 1, 2, 3, 4, 5}, {40 + step, 40 + step, 7 + step, 7 + step, 23 + step, 23 + step});
      for (std::size_t row = 0; row < 6; ++row) {
        CHECK(distance(found[row], expected[row][std::size_t(step) + 1]) < kClose);
      }
    }
    for (const int64_t row : {0, 1}) both.lm.move(4 + row, row);  // the last one takes the place of the first
    both.reserve(3, 700);  // a longer one comes: all are copied into a larger pool
    const auto found = both.step({4, 5, 2, 3}, {25, 25, 9, 9});
    for (std::size_t row = 0; row < 4; ++row) {
      CHECK(distance(found[row], expected[row < 2 ? row + 4 : row][3]) < kClose);
    }
  }
}

TEST_CASE("a graph that does not take two rows together is refused where it has to") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  RunWithBinding::plan = [](auto&&...) { return abi::ORT_OK; };
  int runs = 0;
  CreateTensor::plan = [&](auto*, void*, size_t, const int64_t* shape, size_t rank, auto, auto**) {
    if (rank == 3 && shape[0] == 2) ++runs;  // embeddings of two rows
    return rank == 3 && shape[0] == 2 ? abi::ORT_FAIL : abi::ORT_OK;
  };
  const Refusal refused = refusal([&] { Lm(faults, {"concat"}, 2); });
  CHECK(refused.kind == ErrorKind::kModel);
  CHECK(refused.names("a sequence takes 2 rows of a batch"));
  CHECK(runs > 0);
  Lm(faults, {"concat"}, 1);
  Lm pooled(faults, {"gqa"}, 2);  // row by row
  CHECK(pooled.lm.extends());
}

TEST_CASE("rows are combined as in double, and equal logits stay") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr std::size_t kVocab = 300;
  const CounterRng rng(5);
  std::vector<float> with;
  std::vector<float> without;
  for (std::size_t i = 0; i < kVocab; ++i) {
    with.push_back(20 * rng.uniform(i) - 10);
    without.push_back(i == 9 ? with[9] : 20 * rng.uniform(kVocab + i) - 10);
  }
  with[3] = without[3] = with[7] = -kInfinity;
  const std::vector<float> before = with;
  guide(with, without, 0.5f);
  for (std::size_t i = 0; i < kVocab; ++i) {
    if (std::isinf(before[i])) {
      CHECK(with[i] == -kInfinity);
      continue;
    }
    const auto conditioned = static_cast<double>(before[i]);
    const double expected = conditioned + 0.5 * (conditioned - static_cast<double>(without[i]));
    CHECK(std::fabs(static_cast<double>(with[i]) - expected) < 4e-6);
  }
  CHECK(with[9] == before[9]);
}

TEST_CASE(
    "guided tokens are those of two whole sequences combined in double, and weight 0 those of one row") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const Setup& setup : kGuided) {
    CAPTURE(setup.form);
    CAPTURE(setup.own_memory);
    CAPTURE(setup.addressable);
    Bench single(faults, setup, 1);
    Bench guided(faults, setup, 2);
    for (const GenerationOptions& options : {greedy(25), sampled(25, 4)}) {
      const auto plain = generate(single.generator, single.prompt(options, 0), single.run).ids;
      CHECK(generate(guided.generator, guided.prompt(options, 0), guided.run).ids == plain);
      const auto found = generate(guided.generator, guided.prompt(options, 0.7f), guided.run).ids;
      CHECK(found == by_two_models(single, single.prompt(options, 0.7f)));
      CHECK(found != plain);
    }
  }
}

TEST_CASE("guided sequences step together as alone, join and leave, and a step allocates nothing of ours") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const Setup& setup : {Setup{"llama-gqa"}, Setup{"llama-gqa", true, true}}) {
    CAPTURE(setup.own_memory);
    Bench bench(faults, setup, 2);
    REQUIRE(bench.generator.batched());
    const int32_t limits[] = {40, 15, 60, 30};
    const float weights[] = {0.5f, 0, 1.5f, 0.7f};
    const auto prompt = [&](std::size_t i) { return bench.prompt(sampled(limits[i], i), weights[i]); };
    std::vector<std::vector<int64_t>> alone;
    for (std::size_t i = 0; i < 4; ++i) alone.push_back(generate(bench.generator, prompt(i), bench.run).ids);

    bench.generator.reserve(3, 200);
    std::vector<std::unique_ptr<Sequence>> sequences;
    const auto join = [&](std::size_t which) {
      sequences.push_back(bench.generator.make_sequence());
      while (!bench.generator.prefill(*sequences.back(), prompt(which), bench.run)) {
      }
    };
    for (std::size_t which = 0; which < 3; ++which) join(which);
    std::vector<int64_t> allocated;
    allocated.reserve(100);
    while (bench.generator.running() > 0) {
      const int64_t before = allocations();
      bench.generator.step_all(bench.run);
      allocated.push_back(allocations() - before);
      for (const auto& sequence : sequences) {
        if (sequence->finished()) bench.generator.release(*sequence);
      }
      if (allocated.size() == 14) join(3);  // in the slot of the second, which has just left
    }
    for (std::size_t i = 0; i < 4; ++i) CHECK(sequences[i]->tokens().ids == alone[i]);
    CHECK(std::count(allocated.begin(), allocated.end(), 0) == static_cast<std::ptrdiff_t>(allocated.size()));
  }
}

TEST_CASE("a kept prefix is one row, for both") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const std::string form : {"llama-concat", "llama-gqa"}) {
    CAPTURE(form);
    Bench bench(faults, {form}, 2, std::size_t{64} << 20);
    const LanguageModel& lm = bench.model.language_model;
    CHECK(lm.snapshot_bytes(10) == lm.signature().kv.bytes_of(10));
    const Prompt prompt = bench.prompt(sampled(30, 2), 0.6f);
    const Tokens computed = generate(bench.generator, prompt, bench.run);
    const Tokens copied = generate(bench.generator, prompt, bench.run);
    CHECK(computed.cached_positions == 0);
    CHECK(copied.cached_positions == bench.voice->prefix_length);
    CHECK(copied.ids == computed.ids);
  }
}

TEST_CASE("guided tokens are chosen on the host, also where the graph has the device's nodes") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Bench host(faults, {"llama-gqa"}, 2);
  Bench nodes(faults, {"llama-gqa"}, 2, 0, {device_sampler_nodes(families().front().logits_stages, true)});
  CHECK_FALSE(nodes.generator.samples_on_device());
  const Prompt prompt = host.prompt(sampled(10, 3), 0.5f);
  CHECK(generate(nodes.generator, prompt, nodes.run).ids == generate(host.generator, prompt, host.run).ids);
}

TEST_CASE("a sequence without guidance costs one row, alone and beside those that have it") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Bench bench(faults, {"llama-gqa"}, 2);
  int64_t most = 0;
  CreateTensor::plan = [&](auto*, void*, size_t, const int64_t* shape, size_t rank, auto, auto**) {
    if (rank == 3 && shape[1] == 1 && shape[2] == kHidden) most = std::max(most, shape[0]);
    return abi::ORT_OK;
  };
  for (const auto& [weight, rows] : {std::pair{0.0f, 1}, std::pair{0.5f, 2}}) {
    most = 0;
    generate(bench.generator, bench.prompt(greedy(5), weight), bench.run);
    CHECK(most == rows);
  }
  bench.generator.reserve(3, 200);
  std::vector<std::unique_ptr<Sequence>> sequences;
  for (const float weight : {0.0f, 0.5f, 0.0f}) {
    sequences.push_back(bench.generator.make_sequence());
    const Prompt prompt = bench.prompt(greedy(5), weight);
    while (!bench.generator.prefill(*sequences.back(), prompt, bench.run)) {
    }
  }
  most = 0;
  bench.generator.step_all(bench.run);
  CHECK(most == 4);
  CHECK(bench.generator.running() == 3);
  for (const auto& sequence : sequences) bench.generator.release(*sequence);
  CHECK(bench.generator.running() == 0);
}

TEST_CASE("sequences of two rows step by turns as together, each beside its second row") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Bench bench(faults, {"llama-gqa"}, 2);
  const auto prompt = [&](std::size_t i) { return bench.prompt(sampled(12, i), i == 1 ? 0.0f : 0.7f); };
  std::vector<std::vector<int64_t>> alone;
  for (std::size_t i = 0; i < 3; ++i) alone.push_back(generate(bench.generator, prompt(i), bench.run).ids);
  for (const bool batched : {true, false}) {
    bench.generator.set_batched(batched);
    bench.generator.reserve(3, 200);
    std::vector<std::unique_ptr<Sequence>> sequences;
    for (std::size_t i = 0; i < 3; ++i) {
      sequences.push_back(bench.generator.make_sequence());
      while (!bench.generator.prefill(*sequences.back(), prompt(i), bench.run)) {
      }
    }
    while (bench.generator.running() > 0) {
      for (const auto& sequence : sequences) {
        if (sequence->holds_slot() && !sequence->finished()) bench.generator.step(*sequence, bench.run);
      }
      for (const auto& sequence : sequences) {
        if (sequence->finished()) bench.generator.release(*sequence);
      }
    }
    for (std::size_t i = 0; i < 3; ++i) CHECK(sequences[i]->tokens().ids == alone[i]);
  }
}

TEST_CASE("a text that its end is in, and one of more positions than the model has, are refused") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Bench bench(faults, {"llama-gqa"}, 2);
  Prompt prompt = bench.prompt(greedy(3), 0.5f);
  prompt.ids.insert(prompt.ids.begin() + 3, 0);
  CHECK(refusal([&] { bench.generator.check(prompt); }).names("input_ids holds 0 within the text"));
  prompt.ids[3] = 704;
  CHECK(refusal([&] { bench.generator.check(prompt); }).names("outside the text vocabulary [0, 704)"));
  prompt.ids.erase(prompt.ids.begin() + 3);
  prompt.ids.insert(prompt.ids.begin() + 2, 2045, 14);  // and four more, between START and STOP
  CHECK_THROWS_AS(bench.generator.check(prompt), Error);
  prompt.ids.erase(prompt.ids.begin() + 2);
  CHECK(bench.generator.check(prompt).prompt == 33 + 2053);
  prompt.options.max_new_tokens = 5000;
  CHECK(bench.generator.check(prompt).limit <= 4099);
}
