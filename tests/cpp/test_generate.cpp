// The loop on tiny bundles: which tokens, when it ends, what it refuses, and what a step costs.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "allocations.hpp"
#include "bundle.hpp"
#include "decode/device_sampler.hpp"
#include "decode/generate.hpp"
#include "decode/sampler.hpp"
#include "fault_injection.hpp"
#include "refusal.hpp"

using namespace loquor;
using namespace loquor::testing;

namespace {

// A model, its generator and a voice for them.
class Bench {
 public:
  Bench(const FaultInjection& faults, const Manifest& manifest, const LmExtension& nodes = {})
      : run(*faults.api), model(faults.api, manifest, session_config(faults.api), nodes), generator(model) {
    voice = model.speech_encoder()->encode(recording(), run);
  }
  explicit Bench(const FaultInjection& faults, const std::string& form = "gqa")
      : Bench(faults, manifest_of(form)) {}

  Prompt prompt(const GenerationOptions& options, const std::vector<int64_t>& ids = text_ids()) const {
    return {ids, std::make_shared<const Voice>(voice), options};
  }
  Tokens generate(const Prompt& wanted, const std::function<void()>& each = {}) {
    return testing::generate(generator, wanted, run, each);
  }
  Tokens generate(const GenerationOptions& options, const std::vector<int64_t>& ids = text_ids()) {
    return generate(prompt(options, ids));
  }
  int64_t prompt_length() const { return voice.prefix_length + static_cast<int64_t>(text_ids().size()); }

  ort::RunOptions run;
  Model model;
  Generator generator;
  Voice voice;
};

// The same tokens the slow way: every step runs the whole sequence again, on an empty cache.
std::vector<int64_t> by_prefills(Bench& bench, const GenerationOptions& options) {
  Model& model = bench.model;
  LanguageModel& lm = model.language_model;
  Sampler sampler(model.manifest.family->logits_stages, lm.signature().vocab_size,
                  model.manifest.start_token);
  sampler.reset(options);
  std::vector<float> sequence = bench.voice.audio_features;
  const auto hidden = static_cast<std::size_t>(lm.signature().hidden_size);
  const auto append = [&](const std::vector<int64_t>& ids) {
    const std::size_t end = sequence.size();
    sequence.resize(end + ids.size() * hidden);
    model.embed_tokens.embed(ids, sequence.data() + end, bench.run);
  };
  append(text_ids());
  std::vector<int64_t> tokens;
  while (tokens.size() < static_cast<std::size_t>(options.max_new_tokens)) {
    const auto length = static_cast<int64_t>(sequence.size() / hidden);
    lm.reserve(1, length);
    lm.begin(0, length);
    std::copy(sequence.begin(), sequence.end(), lm.embeds(length));
    const int64_t token = sampler.next(lm.run(0, length, bench.run).logits, tokens.size());
    if (token == model.manifest.stop_token) break;
    tokens.push_back(token);
    append({token});
  }
  return tokens;
}

// Our own allocations in each step of a run.
std::vector<int64_t> allocations_by_step(Bench& bench, const GenerationOptions& options,
                                         const std::function<void()>& in_step) {
  std::vector<int64_t> marks;
  marks.reserve(static_cast<std::size_t>(options.max_new_tokens));
  bench.generate(bench.prompt(options), [&] {
    if (in_step) in_step();
    marks.push_back(allocations());
  });
  std::adjacent_difference(marks.begin(), marks.end(), marks.begin());
  marks.erase(marks.begin());
  return marks;
}

}  // namespace

TEST_CASE("tokens are those of a whole prefill at every step") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const std::string form : {"concat", "mha", "gqa"}) {
    CAPTURE(form);
    Bench bench(faults, form);
    CHECK(bench.generate(greedy(40)).ids == by_prefills(bench, greedy(40)));
    CHECK(bench.generate(sampled(40)).ids == by_prefills(bench, sampled(40)));
  }
}

TEST_CASE("a request gives the same tokens whatever ran before it") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const std::string form : {"concat", "gqa"}) {
    CAPTURE(form);
    Bench bench(faults, form);
    const auto short_greedy = bench.generate(greedy(30)).ids;
    const auto long_sampled = bench.generate(sampled(400)).ids;
    CHECK(bench.generate(greedy(30)).ids == short_greedy);
    CHECK(bench.generate(sampled(400)).ids == long_sampled);
    CHECK(bench.generate(sampled(400, 2)).ids != long_sampled);
    CHECK(bench.generate(sampled(400), {40, 50256, 50256}).ids != long_sampled);
    Bench fresh(faults, form);
    CHECK(fresh.generate(sampled(400)).ids == long_sampled);
  }
}

TEST_CASE("STOP ends the run and is left out") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const std::vector<int64_t> all = Bench(faults).generate(greedy(20)).ids;
  REQUIRE(all.size() == 20);
  for (const std::size_t at : {std::size_t{0}, std::size_t{7}, std::size_t{19}}) {
    CAPTURE(at);
    Manifest manifest = manifest_of("gqa");
    manifest.stop_token = all[at];
    const auto first = std::find(all.begin(), all.end(), all[at]);
    const Tokens tokens = Bench(faults, manifest).generate(greedy(20));
    CHECK(tokens.ids == std::vector<int64_t>(all.begin(), first));
    CHECK(tokens.finish_reason == FinishReason::kStop);
  }
}

TEST_CASE("max_new_tokens ends the run with its last real token kept") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Bench bench(faults);
  const std::vector<int64_t> all = bench.generate(sampled(50)).ids;
  REQUIRE(all.size() == 50);
  for (const int32_t limit : {1, 2, 13, 49}) {
    CAPTURE(limit);
    RunWithBinding::calls = 0;
    const Tokens tokens = bench.generate(sampled(limit));
    CHECK(tokens.ids == std::vector<int64_t>(all.begin(), all.begin() + limit));
    CHECK(tokens.finish_reason == FinishReason::kLength);
    CHECK(tokens.prompt_length == bench.prompt_length());
    // The prefix in chunks; table and model for the text and all tokens but the last.
    CHECK(RunWithBinding::calls == (bench.voice.prefix_length + 63) / 64 + 2 * limit);
  }
}

TEST_CASE("the model's positions are the limit, and a prompt that leaves no room is refused") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Bench plenty(faults);
  const std::vector<int64_t> all = plenty.generate(greedy(10)).ids;
  const int64_t prompt = plenty.prompt_length();
  Manifest manifest = manifest_of("gqa");
  manifest.max_positions = prompt + 3;
  const Tokens tokens = Bench(faults, manifest).generate(greedy(10));
  CHECK(tokens.ids == std::vector<int64_t>(all.begin(), all.begin() + 3));
  CHECK(tokens.finish_reason == FinishReason::kLength);

  manifest.max_positions = prompt;
  Bench full(faults, manifest);
  RunWithBinding::calls = 0;
  const Refusal refused = refusal([&] { full.generate(greedy(10)); });
  CHECK(refused.kind == ErrorKind::kInvalidInput);
  CHECK(refused.names("together take " + std::to_string(prompt) + " positions"));
  CHECK(RunWithBinding::calls == 0);
}

TEST_CASE("ids that are not the bundle's own are refused before anything runs") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Bench bench(faults);
  RunWithBinding::calls = 0;
  const auto refused = [&](const std::vector<int64_t>& ids, const char* why) {
    const Refusal found = refusal([&] { bench.generate(greedy(3), ids); });
    CAPTURE(found.text);
    CHECK(found.kind == ErrorKind::kInvalidInput);
    CHECK(found.names(why));
  };
  refused({}, "must end with 50256, 50256");
  refused({39, 72}, "must end with 50256, 50256");
  refused({39, 50256}, "must end with 50256, 50256");
  refused({50256, 50256, 39}, "must end with 50256, 50256");
  refused({-1, 50256, 50256}, "holds -1, outside the text vocabulary [0, 50276)");
  refused({50276, 50256, 50256}, "holds 50276, outside");
  CHECK(RunWithBinding::calls == 0);
  CHECK(bench.generate(greedy(3), {50256, 50256}).ids.size() == 3);  // no text is for the caller to refuse
  CHECK(bench.generate(greedy(3), {50275, 50256, 50256}).ids.size() == 3);
}

TEST_CASE("a voice of another model, or a damaged one, is refused before anything runs") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Bench bench(faults);
  const Voice good = bench.voice;
  RunWithBinding::calls = 0;
  const auto refused = [&](auto change, const char* why) {
    bench.voice = good;
    change(bench.voice);
    const Refusal found = refusal([&] { bench.generate(greedy(3)); });
    CAPTURE(found.text);
    CHECK(found.kind == ErrorKind::kInvalidInput);
    CHECK(found.names(why));
    CHECK(found.names("make it again"));
  };
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  refused([](Voice& v) { v.hidden_size = 32; }, "hidden size should be 64 but is 32");
  refused([](Voice& v) { ++v.prefix_length; }, "audio_features holds");
  refused([](Voice& v) { v.audio_features.pop_back(); }, "audio_features holds");
  refused([](Voice& v) { v.audio_features[5] = kNan; }, "audio_features holds values that are not finite");
  refused([](Voice& v) { v.audio_features.clear(), v.prefix_length = 0; }, "must be 1 to 1024, not 0");
  refused([](Voice& v) { v.speaker_embeddings.resize(191); }, "speaker_embeddings should be 192 but is 191");
  refused([](Voice& v) { v.speaker_embeddings[0] = kNan; }, "speaker_embeddings holds values that are not");
  refused([](Voice& v) { v.speaker_feature_size = 40; }, "speaker_features should be 80 but is 40");
  refused([](Voice& v) { v.speaker_features.pop_back(); }, "speaker_features holds");
  refused([](Voice& v) { ++v.speaker_frames; }, "speaker_features must be two frames for each of its");
  refused([](Voice& v) { v.audio_tokens.pop_back(); }, "speaker_features must be two frames for each of its");
  refused([](Voice& v) { v.audio_tokens[0] = 6561; }, "audio_tokens holds 6561");
  refused([](Voice& v) { v.audio_tokens[0] = -1; }, "audio_tokens must not be negative, not -1");
  CHECK(RunWithBinding::calls == 0);
}

TEST_CASE("options out of range are refused, and the next request is as if they had not been") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Bench bench(faults);
  const auto expected = bench.generate(greedy(5)).ids;
  CHECK(refusal([&] { bench.generate(greedy(0)); }).kind == ErrorKind::kInvalidInput);
  CHECK(bench.generate(greedy(5)).ids == expected);
}

TEST_CASE("a step allocates nothing of ours, from the first one on") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const std::string form : {"concat", "gqa"}) {
    for (const std::string dtype : {"fp32", "fp16"}) {
      Manifest manifest = manifest_of(form, dtype);
      manifest.stop_token = -2;  // no token: the runs are as long as they are asked to be
      Bench bench(faults, manifest);
      for (const GenerationOptions& options : {greedy(250), sampled(250)}) {
        CAPTURE(form);
        CAPTURE(dtype);
        CAPTURE(options.temperature);
        const auto steps = allocations_by_step(bench, options, {});
        REQUIRE(steps.size() == 248);
        CHECK(std::count(steps.begin(), steps.end(), 0) == 248);
        // The count sees one allocation in a step, of either kind.
        const auto plain =
            allocations_by_step(bench, options, [] { ::operator delete(::operator new(100)); });
        CHECK(std::count(plain.begin(), plain.end(), 1) == 248);
        const ort::Memory host(faults.api);
        const auto aligned = allocations_by_step(bench, options, [&] { host.allocate(100); });
        CHECK(std::count_if(aligned.begin(), aligned.end(), [](int64_t n) { return n > 0; }) == 248);
      }
    }
  }
}

TEST_CASE("sequences step together as alone, join and leave, and a step of all allocates nothing of ours") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Manifest manifest = manifest_of("gqa");
  manifest.stop_token = -2;
  const ort::GraphExtension nodes = device_sampler_nodes(manifest.family->logits_stages, true);
  Bench plain(faults, manifest);
  const int32_t limits[] = {90, 40, 120, 60};
  std::vector<std::vector<int64_t>> alone;
  for (int i = 0; i < 4; ++i) alone.push_back(plain.generate(sampled(limits[i], uint64_t(i))).ids);
  for (const bool on_device : {false, true}) {
    CAPTURE(on_device);
    Bench bench(faults, manifest, on_device ? LmExtension{nodes} : LmExtension{});
    CHECK(bench.generator.samples_on_device() == on_device);
    REQUIRE(bench.generator.batched());
    bench.generator.reserve(3, 600);
    std::vector<std::unique_ptr<Sequence>> sequences;
    const auto join = [&](int which) {
      sequences.push_back(bench.generator.make_sequence());
      const Prompt prompt = bench.prompt(sampled(limits[which], uint64_t(which)));
      while (!bench.generator.prefill(*sequences.back(), prompt, bench.run)) {
      }
    };
    std::vector<int64_t> allocated;
    allocated.reserve(200);
    for (int which = 0; which < 3; ++which) join(which);
    while (bench.generator.running() > 0) {
      const int64_t before = allocations();
      bench.generator.step_all(bench.run);
      allocated.push_back(allocations() - before);
      for (const auto& sequence : sequences) {
        if (sequence->finished()) bench.generator.release(*sequence);
      }
      if (allocated.size() == 39) join(3);  // in the slot of the second, which has just left
    }
    for (std::size_t i = 0; i < 4; ++i) CHECK(sequences[i]->tokens().ids == alone[i]);
    CHECK(std::count(allocated.begin(), allocated.end(), 0) == static_cast<std::ptrdiff_t>(allocated.size()));
    CHECK(allocated.size() == 119);
    CHECK(refusal([&] {
            for (int i = 0; i < 4; ++i) join(i);
          }).text == "every slot of the KV cache is taken");
  }
}
