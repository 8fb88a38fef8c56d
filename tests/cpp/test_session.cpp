// Sessions and tensors over a runtime that answers as the test wants.
#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "bundle.hpp"
#include "fault_injection.hpp"
#include "ort/session.hpp"
#include "refusal.hpp"

using namespace loquor;
using namespace loquor::testing;

namespace {

// The log lines of its lifetime, from warnings upwards.
class Warnings {
 public:
  Warnings() { log::set_sink(&keep, this, log::Level::kWarning); }
  ~Warnings() { log::set_sink(nullptr, nullptr, log::Level::kError); }
  Warnings(const Warnings&) = delete;
  Warnings& operator=(const Warnings&) = delete;

  std::vector<std::string> lines;

 private:
  static void keep(void* self, int, const char* line) {
    static_cast<Warnings*>(self)->lines.emplace_back(line);
  }
};

// Fails the first `failing` session creations and records the level each was asked for.
struct Levels {
  explicit Levels(int failing, abi::OrtErrorCode code) {
    SetOptimizationLevel::plan = [this](auto*, abi::GraphOptimizationLevel level) {
      asked.push_back(level);
      return abi::ORT_OK;
    };
    CreateSession::plan = [=](auto&&...) { return CreateSession::calls <= failing ? code : abi::ORT_OK; };
  }
  std::vector<int> asked;
};

ort::Session load_embed_tokens(const FaultInjection& faults) {
  return load_graph(faults.api, "concat", Graph::kEmbedTokens);
}

}  // namespace

TEST_CASE("a graph that cannot be loaded for want of threads or memory does not blame the model") {
  if (!have_bundles()) return;
  const auto api = ort::Api::open(environment("LOQUOR_TEST_RUNTIME"));
  ErrorKind doing = ErrorKind::kModel;
  const auto kind_of = [&](const char* message) {
    return refusal([&] {
             api->check((*api)->CreateStatus(ort::abi::ORT_FAIL, message), doing, "loading or running it");
           })
        .kind;
  };
  CHECK(kind_of("env.cc:327 pthread_create failed, error code: 11") == ErrorKind::kBusy);
  CHECK(kind_of("Exception during initialization: std::bad_alloc") == ErrorKind::kInternal);
  CHECK(kind_of("bfc_arena.cc Failed to allocate memory for requested buffer") == ErrorKind::kInternal);
  CHECK(kind_of("Node (x) has no kernel") == ErrorKind::kModel);
  doing = ErrorKind::kExecution;
  CHECK(kind_of("bfc_arena.cc:360 Failed to allocate memory for requested buffer") == ErrorKind::kInternal);
  CHECK(kind_of("Non-zero status code returned while running Conv node: std::bad_alloc") ==
        ErrorKind::kInternal);
  CHECK(kind_of("invalid dimensions") == ErrorKind::kExecution);
}

TEST_CASE("a session is made at the highest level and tells its ports") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const Levels levels(0, abi::ORT_OK);
  const Warnings warnings;
  const ort::Session session = load_embed_tokens(faults);
  CHECK(levels.asked == std::vector<int>{abi::ORT_ENABLE_ALL});
  CHECK(std::string(session.optimization_level()) == "all");
  CHECK(warnings.lines.empty());
  REQUIRE(session.inputs().size() == 1);
  CHECK(session.inputs()[0].name == "input_ids");
  CHECK(session.inputs()[0].describe() == "int64 [?, ?]");
  REQUIRE(session.outputs().size() == 1);
  CHECK(session.outputs()[0].describe() == "float32 [?, ?, 64]");
  CHECK(session.file_name() == "embed_tokens.onnx");
}

TEST_CASE("where optimizations break a graph the next lower level is tried, kept and told") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const std::vector<int> order = {abi::ORT_ENABLE_ALL, abi::ORT_ENABLE_EXTENDED, abi::ORT_ENABLE_BASIC};
  const std::vector<std::string> names = {"all", "extended", "basic"};
  for (const auto code : {abi::ORT_NOT_IMPLEMENTED, abi::ORT_INVALID_GRAPH}) {
    for (int failing = 1; failing <= 2; ++failing) {
      CAPTURE(code);
      CAPTURE(failing);
      CreateSession::calls = 0;
      const Levels levels(failing, code);
      const Warnings warnings;
      const ort::Session session = load_embed_tokens(faults);
      CHECK(session.optimization_level() == names[static_cast<std::size_t>(failing)]);
      CHECK(levels.asked == std::vector<int>(order.begin(), order.begin() + failing + 1));
      REQUIRE(warnings.lines.size() == static_cast<std::size_t>(failing));
      for (std::size_t i = 0; i < warnings.lines.size(); ++i) {
        CHECK(warnings.lines[i].find("embed_tokens.onnx") == 0);
        CHECK(warnings.lines[i].find("'" + names[i] + "'") != std::string::npos);
        CHECK(warnings.lines[i].find("a failure made by the test") != std::string::npos);
      }
    }
  }
}

TEST_CASE("a graph broken at every level, and any other failure at once, is kModel with the file's name") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const auto refused = [&](abi::OrtErrorCode code, int tries) {
    CAPTURE(code);
    CreateSession::calls = 0;
    const Levels levels(99, code);
    const Warnings warnings;
    const Refusal error = refusal([&] { load_embed_tokens(faults); });
    CHECK(error.kind == ErrorKind::kModel);
    CHECK(error.names("embed_tokens.onnx: a failure made by the test"));
    CHECK(levels.asked.size() == static_cast<std::size_t>(tries));
    CHECK(warnings.lines.size() == static_cast<std::size_t>(tries - 1));
  };
  refused(abi::ORT_NOT_IMPLEMENTED, 3);
  refused(abi::ORT_INVALID_GRAPH, 3);
  for (const auto code : {abi::ORT_FAIL, abi::ORT_NO_SUCHFILE, abi::ORT_EP_FAIL, abi::ORT_INVALID_PROTOBUF,
                          abi::ORT_RUNTIME_EXCEPTION}) {
    refused(code, 1);
  }
}

TEST_CASE("a binding runs on our memory; a failed run is kExecution and the next one works") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const ort::Session session = load_embed_tokens(faults);
  const ort::Memory host(faults.api);
  const ort::RunOptions options(*faults.api);
  std::vector<int64_t> ids = {5, 6, 7};
  std::vector<float> first(3 * 64);
  std::vector<float> second(3 * 64);
  ort::Binding binding(session);
  binding.input("input_ids", host.view(ort::ElementType::kInt64, ids.data(), {1, 3}));
  binding.output("inputs_embeds", host.view(ort::ElementType::kFloat32, first.data(), {1, 3, 64}));
  binding.run(options);
  CHECK(first[0] != 0);

  RunWithBinding::plan = fail_call(1);
  const Refusal error = refusal([&] { binding.run(options); });
  CHECK(error.kind == ErrorKind::kExecution);
  CHECK(error.text == "running embed_tokens.onnx: a failure made by the test");

  binding.output("inputs_embeds", host.view(ort::ElementType::kFloat32, second.data(), {1, 3, 64}));
  binding.run(options);
  CHECK(first == second);
}

TEST_CASE("terminated run options end every run that carries them, and no other") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const ort::Session session = load_embed_tokens(faults);
  const ort::Memory host(faults.api);
  std::vector<int64_t> ids = {5, 6, 7};
  const auto input = host.view(ort::ElementType::kInt64, ids.data(), {1, 3});
  const auto run = [&](const ort::RunOptions& options) {
    return session.run(options, {{"input_ids", input.get()}}, {"inputs_embeds"});
  };
  const ort::RunOptions terminated(*faults.api);
  const ort::RunOptions free(*faults.api);
  CHECK(ort::shape_of(*faults.api, run(terminated)[0].get()).dims == std::vector<int64_t>{1, 3, 64});
  terminated.terminate();
  CHECK(refusal([&] { run(terminated); }).kind == ErrorKind::kExecution);
  CHECK(refusal([&] { run(terminated); }).kind == ErrorKind::kExecution);
  CHECK(ort::shape_of(*faults.api, run(free)[0].get()).count() == 192);
}

TEST_CASE("a device's allocator: what it cannot give is kExecution, what it gave goes back to it") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const ort::Session session = load_embed_tokens(faults);
  const ort::Memory device(faults.api, session.get(), "Cpu",
                           false);  // the CPU's, taken the way of any device
  REQUIRE_FALSE(device.host());
  AllocatorAlloc::plan = fail_call(2);
  const auto memory = device.allocate(1000);
  REQUIRE(memory.get() != nullptr);
  std::memset(memory.get(), 1, 1000);
  const Refusal error = refusal([&] { device.allocate(1000); });
  CHECK(error.kind == ErrorKind::kExecution);
  CHECK(error.text == "allocating 1000 bytes on the device: a failure made by the test");
  CHECK(device.allocate(1000).get() != nullptr);
}
