// Prompts in chunks and kept prefixes: the tokens are the same bits whether a prefix was computed or copied
// in, whoever joins, leaves or is cancelled meanwhile.
#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "capi/handles.hpp"
#include "decode/prefix_cache.hpp"
#include "engine_fixture.hpp"
#include "refusal.hpp"

using namespace loquor;
using namespace loquor::testing;

namespace {

std::shared_ptr<const Voice> voice_with(float value) {
  auto voice = std::make_shared<Voice>();
  voice->audio_features = {value, 1, 2};
  return voice;
}

void put(PrefixCache& cache, const std::shared_ptr<const Voice>& voice, std::size_t size) {
  const auto prefix = cache.make_computed(voice, size);
  REQUIRE((prefix != nullptr));
  cache.put(prefix);
}

void bring(PrefixCache& cache, const std::shared_ptr<const Voice>& voice, std::size_t size) {
  const auto prefix = cache.make_brought(voice, size);
  REQUIRE((prefix != nullptr));
  cache.put(prefix);
}

// A text of `count` ids, closed as the bundle's tokenizer does.
std::vector<int64_t> text_of(int count) {
  std::vector<int64_t> ids;
  for (int i = 0; i < count; ++i) ids.push_back(39 + i * 7 % 900);
  ids.insert(ids.end(), {50256, 50256});
  return ids;
}

EngineOptions with_prefixes(std::size_t bytes, const std::string& dtype = "fp32") {
  EngineOptions options = engine_options(dtype);
  options.prefix_cache_bytes = bytes;
  options.slots = 3;
  return options;
}

// An engine, and a voice whose prefix takes several chunks.
struct Stage {
  Stage(const FaultInjection& faults, const std::string& form, const EngineOptions& options)
      : engine(faults.api, bundle(form), options) {
    std::vector<float> longer;
    for (int i = 0; i < 4; ++i) {
      const auto samples = recording();
      longer.insert(longer.end(), samples.begin(), samples.end());
    }
    voice = std::make_shared<const Voice>(engine.encode_voice(longer, nullptr));
    REQUIRE(voice->prefix_length > 130);
  }
  Tokens generate(const GenerationOptions& options, const std::vector<int64_t>& ids = text_ids()) {
    return engine.generate({ids, voice, options}, nullptr, {});
  }
  std::shared_ptr<const Voice> other(float change) const {
    auto copy = std::make_shared<Voice>(*voice);
    copy->audio_features[0] += change;
    return copy;
  }

  Engine engine;
  std::shared_ptr<const Voice> voice;
};

constexpr std::size_t kPlenty = std::size_t{64} << 20;

}  // namespace

TEST_CASE("the least recently used prefixes make way, and their bytes never exceed the limit") {
  PrefixCache cache(100);
  const auto a = voice_with(1);
  const auto b = voice_with(2);
  const auto c = voice_with(3);
  put(cache, a, 40);
  put(cache, b, 40);
  CHECK((cache.find(*a) != nullptr));
  const auto held = cache.find(*b);
  CHECK((cache.find(*a) != nullptr));
  put(cache, c, 30);  // b was used longest ago
  CHECK((cache.find(*b) == nullptr));
  CHECK(held->size == 40);  // who copies from it may go on
  CHECK(cache.usage().bytes == 70);
  CHECK(cache.usage().count == 2);
  CHECK(cache.usage().hits == 3);
  CHECK(cache.usage().misses == 1);
  put(cache, a, 90);  // in the place of its older one
  CHECK(cache.usage().count == 1);
  CHECK(cache.usage().bytes == 90);
  CHECK((cache.make_computed(b, 101) == nullptr));
  CHECK((cache.make_brought(b, 0) == nullptr));
  CHECK(cache.usage().bytes == 90);
  CHECK((PrefixCache(0).make_computed(a, 1) == nullptr));
}

TEST_CASE("a voice that was read again is the same voice, one that differs in a value is not") {
  PrefixCache cache(100);
  put(cache, voice_with(1), 10);
  CHECK((cache.find(*voice_with(1)) != nullptr));
  CHECK((cache.find(*voice_with(1.5f)) == nullptr));
}

TEST_CASE("a prefix that somebody brought is its own voice's alone, and what was computed is better") {
  PrefixCache cache(100);
  auto brought = voice_with(1);
  bring(cache, brought, 40);
  CHECK(cache.find(*brought)->size == 40);
  CHECK((cache.find(*voice_with(1)) == nullptr));
  CHECK_FALSE(cache.has_computed(*brought));
  bring(cache, brought, 30);  // in the place of its older one
  CHECK(cache.usage().bytes == 30);

  put(cache, voice_with(1), 20);
  CHECK(cache.find(*brought)->size == 20);
  CHECK(cache.find(*voice_with(1))->size == 20);
  CHECK(cache.has_computed(*brought));
  CHECK(cache.usage().bytes == 50);

  brought.reset();  // nobody can ask for it any more: it makes way before those that are used
  put(cache, voice_with(2), 60);
  CHECK(cache.usage().count == 2);
  CHECK((cache.find(*voice_with(1)) != nullptr));
}

TEST_CASE("with a kept prefix the tokens are those without, in every form and precision") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const std::string form : {"concat", "mha", "gqa"}) {
    for (const std::string dtype : {"fp32", "fp16"}) {
      CAPTURE(form);
      CAPTURE(dtype);
      Stage with(faults, form, with_prefixes(kPlenty, dtype));
      Stage without(faults, form, with_prefixes(0, dtype));
      for (const int length : {3, 62, 63, 150}) {
        CAPTURE(length);
        const auto ids = text_of(length);
        const Tokens expected = without.generate(sampled(60, 9), ids);
        CHECK(expected.cached_positions == 0);
        const Tokens first = with.generate(sampled(60, 9), ids);
        CHECK(first.cached_positions == (length == 3 ? 0 : with.voice->prefix_length));
        const Tokens second = with.generate(sampled(60, 9), ids);
        CHECK(second.cached_positions == with.voice->prefix_length);
        CHECK(second.prompt_length == expected.prompt_length);
        CHECK(first.ids == expected.ids);
        CHECK(second.ids == expected.ids);
      }
      CHECK(with.engine.prefixes().count == 1);
      CHECK(without.engine.prefixes().count == 0);
    }
  }
}

TEST_CASE("a kept prefix runs the text alone, which takes the table once") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Stage stage(faults, "gqa", with_prefixes(kPlenty));
  const auto runs = [&](const std::vector<int64_t>& ids) {
    RunWithBinding::calls = 0;
    stage.generate(greedy(1), ids);
    return RunWithBinding::calls.load();
  };
  const auto prefix = static_cast<int>((stage.voice->prefix_length + 63) / 64);
  CHECK(runs(text_of(3)) == prefix + 2);
  CHECK(runs(text_of(3)) == 2);
  CHECK(runs(text_of(62)) == 2);
  CHECK(runs(text_of(63)) == 3);
}

TEST_CASE("a prefix goes to another engine of the same graphs, and nothing else passes for one") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Stage first(faults, "gqa", with_prefixes(kPlenty));
  const auto expected = first.generate(sampled(40, 2)).ids;
  const PrefixPtr made = first.engine.prefix(first.voice, nullptr);
  const PrefixPtr computed = Stage(faults, "gqa", with_prefixes(kPlenty)).engine.prefix(first.voice, nullptr);
  REQUIRE(computed->size == made->size);
  CHECK(std::equal(made->kv.get(), made->kv.get() + made->size, computed->kv.get()));

  Stage second(faults, "gqa", with_prefixes(kPlenty));
  second.engine.keep_prefix(second.voice, {made->kv.get(), made->size});
  const Tokens tokens = second.generate(sampled(40, 2));
  CHECK(tokens.cached_positions == second.voice->prefix_length);
  CHECK(tokens.ids == expected);

  const Refusal shorter =
      refusal([&] { second.engine.keep_prefix(second.voice, {made->kv.get(), made->size - 4}); });
  CHECK(shorter.kind == ErrorKind::kInvalidInput);
  CHECK(shorter.names("should be " + std::to_string(made->size) + " bytes"));
  std::vector<unsigned char> infinite(made->kv.get(), made->kv.get() + made->size);
  for (const float value : {std::numeric_limits<float>::infinity(), -3e38f, 65505.0f}) {
    std::memcpy(infinite.data() + made->size - 4, &value, 4);
    const Refusal wild =
        refusal([&] { second.engine.keep_prefix(second.voice, {infinite.data(), infinite.size()}); });
    CHECK(wild.kind == ErrorKind::kInvalidInput);
    CHECK(wild.names("holds values that are not finite or larger than 65504"));
  }
  Stage small(faults, "gqa", with_prefixes(1000));
  const Refusal too_small = refusal([&] { small.engine.prefix(small.voice, nullptr); });
  CHECK(too_small.kind == ErrorKind::kInvalidInput);
  CHECK(too_small.names("prefix_cache_bytes is 1000"));
  small.engine.keep_prefix(small.voice, {made->kv.get(), made->size});  // there is no room: no matter
  CHECK(small.engine.prefixes().count == 0);
  CHECK(small.generate(sampled(40, 2)).ids == expected);
}

TEST_CASE("a false prefix harms nobody but the voice it was brought for") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Stage stage(faults, "gqa", with_prefixes(kPlenty));
  const auto expected = Stage(faults, "gqa", with_prefixes(0)).generate(sampled(40, 2)).ids;
  const auto twin = stage.other(0);  // another file with the same features
  const std::vector<unsigned char> zeros(
      stage.engine.model().language_model.snapshot_bytes(twin->prefix_length));
  stage.engine.keep_prefix(twin, {zeros.data(), zeros.size()});
  const auto harmed = [&] { return stage.engine.generate({text_ids(), twin, sampled(40, 2)}, nullptr, {}); };
  CHECK(harmed().ids != expected);
  const Tokens tokens = stage.generate(sampled(40, 2));
  CHECK(tokens.cached_positions == 0);
  CHECK(tokens.ids == expected);
  CHECK(harmed().ids == expected);  // now that the engine knows better
  stage.engine.keep_prefix(twin, {zeros.data(), zeros.size()});
  CHECK(harmed().ids == expected);
  const PrefixPtr known = stage.engine.prefix(twin, nullptr);
  CHECK_FALSE(std::equal(zeros.begin(), zeros.end(), known->kv.get()));
}

TEST_CASE("a prefix of another layout is refused by the C ABI, whatever its size") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  loquor_engine engine{std::make_shared<std::unique_ptr<Engine>>(
      std::make_unique<Engine>(faults.api, bundle("gqa"), with_prefixes(kPlenty)))};
  const loquor_voice voice{std::make_shared<const Voice>(engine.engine.encode_voice(recording(), nullptr))};
  CHECK(loquor_engine_check_voice(&engine, &voice) == LOQUOR_OK);
  loquor_prefix* made = nullptr;
  REQUIRE(loquor_engine_get_prefix(&engine, &voice, nullptr, &made) == LOQUOR_OK);
  loquor_prefix_info info = {};
  info.struct_size = sizeof(info);
  REQUIRE(loquor_prefix_get_info(made, &info) == LOQUOR_OK);
  CHECK(loquor_engine_keep_prefix(&engine, &voice, &info) == LOQUOR_OK);
  const auto refused = [&](auto change) {
    loquor_prefix_info other = info;
    change(other);
    CHECK(loquor_engine_keep_prefix(&engine, &voice, &other) == LOQUOR_ERROR_INVALID_INPUT);
    return std::string(loquor_last_error());
  };
  CHECK(refused([](auto& i) { std::swap(i.heads, i.positions); }).find("should be fp32 [") ==
        std::string("the prefix of this voice ").size());
  CHECK(refused([](auto& i) { i.dtype = "fp16"; }).find("but is fp16 [") != std::string::npos);
  CHECK(refused([](auto& i) { i.dtype = nullptr; }) == "dtype must not be NULL");
  CHECK(refused([](auto& i) { i.data = nullptr; }) == "data must not be NULL");
  CHECK(refused([](auto& i) { i.size -= 4; }).find(" bytes but is ") != std::string::npos);
  CHECK(refused([](auto& i) { i.struct_size = 0; }) == "prefix: struct_size is not set");
  loquor_prefix_destroy(made);
}

TEST_CASE("others step while a prompt is run in chunks, and one that leaves meanwhile is no loss") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const std::string form : {"gqa", "concat"}) {
    CAPTURE(form);
    Stage stage(faults, form, with_prefixes(0));
    const auto long_alone = stage.generate(greedy(200)).ids;
    std::vector<std::vector<int64_t>> alone;
    for (int i = 0; i < 6; ++i) {
      alone.push_back(stage.generate(sampled(3 + 9 * i, uint64_t(i)), text_of(40 * i + 5)).ids);
    }
    const auto open = [&](const GenerationOptions& options, const std::vector<int64_t>& ids) {
      RequestPtr request = stage.engine.prepare_stream({ids, stage.voice, options}, chunks_of(0), false);
      stage.engine.submit(request);
      return request;
    };
    const auto running = open(greedy(200), text_ids());
    std::vector<RequestPtr> others;
    for (int i = 0; i < 6; ++i) {
      others.push_back(open(sampled(3 + 9 * i, uint64_t(i)), text_of(40 * i + 5)));
    }
    for (std::size_t i = 0; i < 6; ++i) CHECK(read_all(*others[i]).tokens == alone[i]);
    CHECK(read_all(*running).tokens == long_alone);
  }
}

TEST_CASE("steps of others run between the chunks of a prompt") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Stage stage(faults, "gqa", with_prefixes(0));
  // By the rows of the logits' view: single steps have one, chunks many.
  std::vector<int64_t> counts;
  CreateTensor::plan = [&](auto*, void*, size_t, const int64_t* shape, size_t rank, auto, auto**) {
    if (rank == 3 && shape[2] == 64) counts.push_back(shape[1]);
    return abi::ORT_OK;
  };
  const auto running =
      stage.engine.prepare_stream({text_ids(), stage.voice, greedy(400)}, chunks_of(5), false);
  stage.engine.submit(running);
  Chunk chunk;
  read(*running, chunk);
  const auto late = stage.engine.prepare_stream({text_ids(), stage.voice, greedy(3)}, chunks_of(0), false);
  stage.engine.submit(late);
  read_all(*late);
  running->cancel();
  stage.engine.halt();
  CreateTensor::plan = nullptr;
  std::size_t last = counts.size();
  std::size_t first = counts.size();
  for (std::size_t i = counts.size(); i-- > 0;) {
    if (counts[i] < 20) continue;  // chunks of a prefix: the last request's are the last ones
    if (last == counts.size()) last = i;
    if (last - i < 40) first = i;
  }
  REQUIRE(first < last);
  CHECK(std::count(counts.begin() + std::ptrdiff_t(first), counts.begin() + std::ptrdiff_t(last), 1) >= 2);
}

TEST_CASE("a cancel between two pieces ends the prompt there, and its slot serves the next") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const std::string form : {"gqa", "concat"}) {
    CAPTURE(form);
    Stage stage(faults, form, with_prefixes(0));
    const auto expected = stage.generate(greedy(20)).ids;
    for (int at = 1; at <= 3; ++at) {
      CAPTURE(at);
      const auto request =
          stage.engine.prepare_stream({text_ids(), stage.voice, greedy(20)}, chunks_of(0), false);
      RunWithBinding::calls = 0;
      RunWithBinding::plan = [&, n = 0](auto&&...) mutable {
        if (++n == at) request->cancel();
        return abi::ORT_OK;
      };
      stage.engine.submit(request);
      CHECK(refusal([&] { request->wait({}); }).kind == ErrorKind::kCancelled);
      CHECK(stage.generate(greedy(20)).ids == expected);  // behind it on the engine's thread
      RunWithBinding::plan = nullptr;
    }
  }
}

TEST_CASE("many threads speak in more voices than the cache holds") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Stage sizing(faults, "gqa", with_prefixes(kPlenty));
  const std::size_t one = sizing.engine.prefix(sizing.voice, nullptr)->size;
  Stage stage(faults, "gqa", with_prefixes(2 * one + one / 2));
  std::vector<std::shared_ptr<const Voice>> voices;
  std::vector<std::vector<int64_t>> expected;
  Stage plain(faults, "gqa", with_prefixes(0));
  for (int i = 0; i < 4; ++i) {
    voices.push_back(stage.other(0.5f * float(i)));
    expected.push_back(plain.engine.generate({text_ids(), voices.back(), sampled(12)}, nullptr, {}).ids);
  }
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 10; ++i) {
        const std::size_t which = (t * i + i) % 4;
        if (i % 5 == 3) {
          const PrefixPtr prefix = stage.engine.prefix(voices[which], nullptr);
          stage.engine.keep_prefix(voices[which], {prefix->kv.get(), prefix->size});
        }
        const Tokens tokens = stage.engine.generate({text_ids(), voices[which], sampled(12)}, nullptr, {});
        if (tokens.ids != expected[which]) ++wrong;
        if (stage.engine.prefixes().bytes > 2 * one + one / 2) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(stage.engine.prefixes().count == 2);
}
