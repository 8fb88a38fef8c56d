// A device whose memory is not the host's: WebGPU on a driver in software (scripts/software-gpu). It is slow, so
// there are few tests here and they are small.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "bundle.hpp"
#include "decode/generate.hpp"
#include "refusal.hpp"

using namespace loquor;
using namespace loquor::testing;

namespace {

// Begins every test here: false, and said so, without the driver.
bool have_device() {
  if (!have_bundles()) return false;
  if (!environment("LOQUOR_TEST_PLUGIN").empty()) return true;
  MESSAGE("skipped: LOQUOR_TEST_PLUGIN is not set (scripts/cpp-tests sets it where scripts/software-gpu can)");
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

TEST_CASE("where each graph's nodes run") {
  if (!have_device()) return;
  const auto api = device_api();
  const auto config = webgpu(api);
  for (const auto& file : manifest_of("gqa").files) {
    const ort::Session session(api, file.path, config);
    for (const auto& [provider, nodes] : session.nodes_by_provider()) {
      std::string line;
      for (const auto& n : nodes) line += n + "; ";
      MESSAGE(session.file_name() << " " << provider << " " << nodes.size() << ": " << (provider[0] == 'C' ? line : ""));
    }
    for (const auto& port : session.inputs()) MESSAGE(port.name << " host " << session.input_on_host(port.name));
    for (const auto& port : session.outputs()) MESSAGE(port.name << " host " << session.output_on_host(port.name));
  }
}

namespace {
// Logits after a prefill of `first` positions and after each of the following single steps.
std::vector<std::vector<float>> logits_of(LanguageModel& lm, const ort::RunOptions& run, int64_t first,
                                          int64_t length) {
  const int64_t hidden = lm.signature().hidden_size;
  std::vector<std::vector<float>> all;
  lm.begin(length);
  for (int64_t at = 0; at < length; at += all.size() > 1 ? 1 : (at == 0 ? first : 1)) {
    const int64_t count = at == 0 ? first : 1;
    float* embeds = lm.embeds(count);
    for (int64_t i = 0; i < count * hidden; ++i) {
      embeds[i] = 2 * static_cast<float>(std::sin(static_cast<double>((at * hidden + i) * (at * hidden + i) % 7919)));
    }
    const Span<float> logits = lm.run(count, run);
    all.emplace_back(logits.begin(), logits.end());
  }
  return all;
}
}  // namespace

TEST_CASE("lm") {
  if (!have_device()) return;
  const auto api = device_api();
  const ort::RunOptions run(*api);
  for (const char* form : {"gqa", "concat", "mha"}) {
    LanguageModel cpu(load_graph(api, form, Graph::kLanguageModel), session_config(api).device);
    LanguageModel gpu(ort::Session(api, manifest_of(form).files[2].path, webgpu(api)), webgpu(api).device);
    for (int n : {1, 2, 9, 15, 16, 17, 24, 31, 32, 33, 40, 48, 63, 64, 65, 100, 128}) {
    const auto a = logits_of(cpu, run, n, n + 1), b = logits_of(gpu, run, n, n + 1);
    std::size_t i = 0;
      float worst = 0;
      for (std::size_t j = 0; j < a[i].size(); ++j) worst = std::max(worst, std::fabs(a[i][j] - b[i][j]));
      MESSAGE(std::string(form) << " " << n << " " << worst);
    }
  }
}


TEST_CASE("gen") {
  if (!have_device()) return;
  const auto api = device_api();
  for (const char* form : {"gqa", "mha"}) {
  Model cpu(api, manifest_of(form), session_config(api));
  Model gpu(api, manifest_of(form), webgpu(api));
  const ort::RunOptions run(*api);
  std::vector<float> e1(5 * 64), e2(5 * 64);
  cpu.embed_tokens.embed(text_ids(), e1.data(), run);
  gpu.embed_tokens.embed(text_ids(), e2.data(), run);
  MESSAGE("embeds " << (e1 == e2));
  const int64_t t = 77;
  cpu.embed_tokens.embed({&t, 1}, e1.data(), run);
  gpu.embed_tokens.embed({&t, 1}, e2.data(), run);
  MESSAGE("embed1 " << (e1 == e2) << e1[0] << " " << e2[0]);
  const Voice voice = cpu.speech_encoder.encode(recording(), run);
  Generator a(cpu), b(gpu);
  const auto x = a.generate({text_ids(), voice, greedy(12), {}}, run, nullptr);
  const auto y = b.generate({text_ids(), voice, greedy(12), {}}, run, nullptr);
  const auto z = b.generate({text_ids(), voice, greedy(12), {}}, run, nullptr);
  std::string l;
  for (auto* q : {&x, &y, &z}) { for (auto i : q->ids) { l += std::to_string(i) + " "; } l += "| "; }
  MESSAGE(l << x.prompt_length);
  }
}

TEST_SUITE_END();
