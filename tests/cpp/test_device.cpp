// A device whose memory is not the host's: WebGPU on a driver in software (scripts/software-gpu). It is slow,
// so there are few tests here and they are small.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "bundle.hpp"
#include "decode/device_sampler.hpp"
#include "decode/generate.hpp"
#include "refusal.hpp"
#include "small_graphs.hpp"
#include "temp_folder.hpp"

using namespace loquor;
using namespace loquor::testing;

namespace {

// Begins every test here: false, and said so, without the driver.
bool have_device() {
  if (!have_bundles()) return false;
  if (!environment("LOQUOR_TEST_PLUGIN").empty()) return true;
  MESSAGE(
      "skipped: LOQUOR_TEST_PLUGIN is not set (scripts/cpp-tests sets it where scripts/software-gpu can)");
  return false;
}

ort::ApiPtr device_api() {
  auto api = ort::Api::open(environment("LOQUOR_TEST_RUNTIME"));
  api->add_provider_library(environment("LOQUOR_TEST_PLUGIN"));
  return api;
}

ort::SessionConfig webgpu(const ort::ApiPtr& api) { return {ort::choose_device(*api, "webgpu", {}), 1}; }

}  // namespace

TEST_SUITE_BEGIN("device");

TEST_CASE("a plugin's provider is a device, and its memory is not the host's") {
  if (!have_device()) return;
  const auto api = device_api();
  api->add_provider_library(environment("LOQUOR_TEST_PLUGIN"));  // again: nothing happens
  const ort::Device device = ort::choose_device(*api, "webgpu", {});
  CHECK(device.provider == "WebGpuExecutionProvider");
  CHECK(device.plugin != nullptr);
  CHECK(!device.host_memory());
  CHECK(!device.addressable);
  CHECK(refusal([&] { api->add_provider_library("/nowhere/lib.so"); }).kind == ErrorKind::kRuntimeMissing);
  CHECK(refusal([&] { api->add_provider_library(api->path()); }).kind == ErrorKind::kRuntimeMissing);
  const Refusal option = refusal([&] {
    ort::SessionConfig config{ort::choose_device(*api, "webgpu", {{"enableInt64", "perhaps"}}), 1};
    const ort::Session session(api, manifest_of("gqa").files[2].path, config);
  });
  CHECK(option.names("enableInt64"));
}

TEST_CASE("tensors are copied to a device and back, and counted") {
  if (!have_device()) return;
  const auto api = device_api();
  const auto config = webgpu(api);
  const ort::Session session(api, manifest_of("gqa").files[2].path, config);
  const ort::Memory host(api);
  const ort::Memory device = session.memory(config.device);
  CHECK(host.host());
  CHECK(!device.host());
  std::vector<float> there = {1, 2, 3, 4, 5, 6};
  std::vector<float> back(6);
  const auto buffer = device.allocate(6 * sizeof(float));
  const auto other = device.allocate(6 * sizeof(float));
  const auto on_host = host.view(ort::ElementType::kFloat32, there.data(), {2, 3});
  const auto on_device = device.view(ort::ElementType::kFloat32, buffer.get(), {2, 3});
  const auto twin = device.view(ort::ElementType::kFloat32, other.get(), {2, 3});
  CHECK(ort::is_host(*api, on_host.get()));
  CHECK(!ort::is_host(*api, on_device.get()));
  const uint64_t up = api->copies().to_device_bytes;
  const uint64_t down = api->copies().to_host_bytes;
  ort::copy(*api, on_host, on_device);
  ort::copy(*api, on_device, twin);
  ort::copy(*api, twin, host.view(ort::ElementType::kFloat32, back.data(), {2, 3}));
  CHECK(back == there);
  CHECK(api->copies().to_device_bytes - up == 24);
  CHECK(api->copies().to_host_bytes - down == 24);
}

namespace {

// The largest difference of the logits after a prefill of `first` positions and after each of `steps` more.
float worst_difference(LanguageModel& a, LanguageModel& b, const ort::RunOptions& run, int64_t first,
                       int64_t steps) {
  float worst = 0;
  const int64_t hidden = a.signature().hidden_size;
  for (LanguageModel* lm : {&a, &b}) {
    lm->reserve(1, first + steps);
    lm->begin(0, first + steps);
  }
  for (int64_t at = 0; at < first + steps; at = at == 0 ? first : at + 1) {
    const int64_t count = at == 0 ? first : 1;
    for (LanguageModel* lm : {&a, &b}) {
      float* embeds = lm->embeds(count);
      for (int64_t i = 0; i < count * hidden; ++i) {
        embeds[i] = 2 * static_cast<float>(std::sin(static_cast<double>((at * hidden + i) * 37 % 7919)));
      }
    }
    const Span<float> one = a.run(0, count, run).logits;
    const Span<float> other = b.run(0, count, run).logits;
    for (std::size_t i = 0; i < one.size(); ++i) worst = std::max(worst, std::fabs(one[i] - other[i]));
  }
  return worst;
}

// What crossed between the memories since it was made.
class Crossed {
 public:
  explicit Crossed(const ort::Api& api)
      : api_(api), up_(api.copies().to_device_bytes), down_(api.copies().to_host_bytes) {}
  uint64_t to_device() const { return api_.copies().to_device_bytes - up_; }
  uint64_t to_host() const { return api_.copies().to_host_bytes - down_; }

 private:
  const ort::Api& api_;
  uint64_t up_;
  uint64_t down_;
};

}  // namespace

TEST_CASE("the language model gives the CPU's logits, with its cache on the device") {
  if (!have_device()) return;
  const auto api = device_api();
  const ort::RunOptions run(*api);
  for (const std::string form : {"concat", "gqa"}) {
    CAPTURE(form);
    LanguageModel cpu(load_graph(api, form, Graph::kLanguageModel), session_config(api).device);
    LanguageModel gpu(ort::Session(api, manifest_of(form).files[2].path, webgpu(api)), webgpu(api).device);
    CHECK(gpu.kv_mode() == cpu.kv_mode());
    // The kernels differ: sums in another order, other approximations of exp. A wrong cache is off by whole
    // units.
    for (const int64_t first : {1, 31, 60}) CHECK(worst_difference(cpu, gpu, run, first, 3) < 1e-4f);

    // What crosses in a step is the step's own input and output, whatever the cache holds.
    const auto step_bytes =
        static_cast<uint64_t>((gpu.signature().hidden_size + gpu.signature().vocab_size) * 4);
    gpu.reserve(1, 200);
    gpu.begin(0, 200);
    gpu.embeds(150);
    gpu.run(0, 150, run);
    const Crossed crossed(*api);
    gpu.embeds(1);
    gpu.run(0, 1, run);
    CHECK(crossed.to_device() + crossed.to_host() <= step_bytes + 64);
  }
}

TEST_CASE("the device samples: the host's tokens, and of a step only the token comes back") {
  if (!have_device()) return;
  const auto api = device_api();
  const auto config = webgpu(api);
  CHECK(!config.device.float64);
  const Manifest manifest = manifest_of("gqa");
  Model cpu(api, manifest, session_config(api));
  Model gpu(api, manifest, config,
            {device_sampler_nodes(manifest.family->logits_stages, config.device.float64)});
  REQUIRE(gpu.language_model.kv_mode() == KvMode::kInPlace);
  const auto placed = gpu.language_model.session().nodes_by_provider();
  if (const auto on_host = placed.find("CPUExecutionProvider"); on_host != placed.end()) {
    for (const std::string& node : on_host->second) CHECK(node.find("loquor") == std::string::npos);
  }

  const ort::RunOptions run(*api);
  const auto voice = std::make_shared<const Voice>(cpu.speech_encoder()->encode(recording(), run));
  Generator host(cpu);
  Generator device(gpu);
  CHECK(!host.samples_on_device());
  CHECK(device.samples_on_device());
  for (const GenerationOptions& options : {greedy(6), sampled(6)}) {
    const Prompt prompt = {text_ids(), voice, options};
    const auto expected = generate(host, prompt, run).ids;
    std::vector<uint64_t> up;
    std::vector<uint64_t> down;
    const Crossed crossed(*api);
    const auto found = generate(device, prompt, run, [&] {
      up.push_back(crossed.to_device());
      down.push_back(crossed.to_host());
    });
    CHECK(found.ids == expected);
    REQUIRE(up.size() == 5);
    constexpr uint64_t kParams = 8 * sizeof(float);
    constexpr uint64_t kPosition = sizeof(int64_t);
    for (std::size_t step = 1; step < up.size(); ++step) {
      CHECK(down[step] - down[step - 1] == sizeof(int64_t));  // the token
      CHECK(up[step] - up[step - 1] == kParams + kPosition);
    }
  }
}

// Every slot has buffers of its own there, and every sequence a history; the binding is one.
TEST_CASE("two sequences take turns on the device") {
  if (!have_device()) return;
  const auto api = device_api();
  const auto config = webgpu(api);
  const Manifest manifest = manifest_of("gqa");
  Model cpu(api, manifest, session_config(api));
  Model gpu(api, manifest, config,
            {device_sampler_nodes(manifest.family->logits_stages, config.device.float64)});
  const ort::RunOptions run(*api);
  const auto voice = std::make_shared<const Voice>(cpu.speech_encoder()->encode(recording(), run));
  Generator host(cpu);
  Generator device(gpu);
  CHECK(!device.batched());
  const Prompt one = {text_ids(), voice, sampled(5, 3)};
  const Prompt other = {{33, 50256, 50256}, voice, greedy(4)};
  const auto expected_one = generate(host, one, run).ids;
  const auto expected_other = generate(host, other, run).ids;

  device.reserve(2, 100);
  const auto first = device.make_sequence();
  const auto second = device.make_sequence();
  while (!device.prefill(*first, one, run)) {
  }
  device.step(*first, run);
  while (!device.prefill(*second, other, run)) {
  }
  while (!first->finished() || !second->finished()) {
    for (const auto& sequence : {first.get(), second.get()}) {
      if (!sequence->finished()) device.step(*sequence, run);
    }
  }
  CHECK(first->tokens().ids == expected_one);
  CHECK(second->tokens().ids == expected_other);
  device.release(*first);
  device.release(*second);
}

TEST_CASE("the next step takes the token where the device left it") {
  if (!have_device()) return;
  const auto api = device_api();
  // With int64 on the device, and a table that does no arithmetic on ids, all of a step lies there.
  const ort::SessionConfig config{ort::choose_device(*api, "webgpu", {{"enableInt64", "1"}}), 1};
  const TempFolder folder;
  Manifest manifest = manifest_of("gqa");
  constexpr int64_t kWidth = 64;
  std::vector<float> table(static_cast<std::size_t>(manifest.text_vocab_size * kWidth));
  for (std::size_t i = 0; i < table.size(); ++i) {
    table[i] = static_cast<float>(std::sin(static_cast<double>(i * 37 % 7919)));
  }
  manifest.files[1].path = folder.write("table.onnx", SmallGraphs::table(table, kWidth));
  Model cpu(api, manifest, session_config(api));
  Model gpu(api, manifest, config,
            {device_sampler_nodes(manifest.family->logits_stages, config.device.float64)});
  REQUIRE(!gpu.embed_tokens.session().input_on_host("input_ids"));
  REQUIRE(!gpu.language_model.session().output_on_host("loquor.token"));

  const ort::RunOptions run(*api);
  const auto voice = std::make_shared<const Voice>(cpu.speech_encoder()->encode(recording(), run));
  Generator host(cpu);
  Generator device(gpu);
  const Prompt prompt = {text_ids(), voice, sampled(6)};
  const auto expected = generate(host, prompt, run).ids;
  std::vector<uint64_t> down;
  const Crossed crossed(*api);
  const auto found = generate(device, prompt, run, [&] { down.push_back(crossed.to_host()); });
  CHECK(found.ids == expected);
  REQUIRE(down.size() == 5);
  for (std::size_t step = 1; step < down.size(); ++step)
    CHECK(down[step] - down[step - 1] == sizeof(int64_t));
}

TEST_SUITE_END();
