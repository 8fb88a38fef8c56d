// Leaving a batch, and joining one, in memory that has to be copied and may not be.
#include <doctest/doctest.h>

#include <chrono>
#include <exception>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "bundle.hpp"
#include "engine/worker.hpp"
#include "fault_injection.hpp"
#include "refusal.hpp"
#include "rows_fixture.hpp"

using namespace loquor;
using namespace loquor::testing;

namespace {

// Sequences that step together in a device's memory, and what each gives alone on the host. Those with a
// weight take two rows.
class Together {
 public:
  Together(const FaultInjection& faults, const std::vector<int32_t>& limits,
           const std::vector<float>& weights = {})
      : device(faults, {"llama-gqa", true, true}, weights.empty() ? 1 : 2),
        limits_(limits),
        weights_(weights) {
    weights_.resize(limits.size());
    Bench host(faults, {"llama-gqa"}, weights.empty() ? 1 : 2);
    for (std::size_t i = 0; i < limits.size(); ++i) {
      expected.push_back(generate(host.generator, prompt(i, host), host.run).ids);
    }
    device.generator.reserve(static_cast<int64_t>(limits.size()), 200);
    for (std::size_t i = 0; i < limits.size(); ++i) sequences.push_back(device.generator.make_sequence());
  }

  void prefill(std::size_t which) {
    while (!device.generator.prefill(*sequences[which], prompt(which, device), device.run)) {
    }
  }
  void prefill_all() {
    for (std::size_t i = 0; i < sequences.size(); ++i) prefill(i);
  }
  void step_to_the_end() {
    while (device.generator.running() > 0) {
      device.generator.step_all(device.run);
      for (const auto& sequence : sequences) {
        if (sequence->finished()) device.generator.release(*sequence);
      }
    }
  }

  Bench device;
  std::vector<std::vector<int64_t>> expected;
  std::vector<std::unique_ptr<Sequence>> sequences;

 private:
  Prompt prompt(std::size_t i, const Bench& bench) const {
    return bench.prompt(sampled(limits_[i], i), weights_[i]);
  }

  const std::vector<int32_t> limits_;
  std::vector<float> weights_;
};

ErrorKind kind_of(const std::exception_ptr& error) {
  return refusal([&] { std::rethrow_exception(error); }).kind;
}

// Fails views of a KV cache, so that no copy of one begins, `times` times from now on.
void fail_copies(int times) {
  CreateTensor::plan = [times](auto*, void*, size_t, const int64_t*, size_t rank, auto, auto**) mutable {
    return rank == 4 && times-- > 0 ? abi::ORT_FAIL : abi::ORT_OK;
  };
}

}  // namespace

TEST_CASE("a device's memory that can be addressed at an offset serves several requests in a step") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  CHECK(ort::choose_device(*faults.api, "cpu", {}).addressable);
  CHECK_FALSE(Bench(faults, {"llama-gqa", true, false}, 1).generator.batched());
  CHECK_FALSE(Bench(faults, {"llama-concat", true, true}, 1).generator.batched());
  Together together(faults, {10, 17, 24});
  CHECK(together.device.generator.batched());
  together.prefill_all();
  together.step_to_the_end();  // the last one is copied into the place of who leaves
  for (std::size_t i = 0; i < 3; ++i) CHECK(together.sequences[i]->tokens().ids == together.expected[i]);
}

TEST_CASE("who leaves leaves in any case: of those behind, only who cannot be copied fails") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const int failures : {1, 2, 3}) {
    CAPTURE(failures);
    Together together(faults, {20, 20, 20, 20, 20});
    Generator& generator = together.device.generator;
    together.prefill_all();
    generator.step_all(together.device.run);
    fail_copies(failures);
    generator.release(*together.sequences[1]);  // 2 to 4 are behind it
    CreateTensor::plan = nullptr;
    CHECK(generator.running() == 4 - failures);
    for (std::size_t i = 0; i < 5; ++i) {
      const Sequence& sequence = *together.sequences[i];
      const bool lost = i + failures > 4;
      CHECK(sequence.holds_slot() == (i != 1 && !lost));
      REQUIRE((sequence.error() != nullptr) == lost);
      if (!lost) continue;
      CHECK(kind_of(sequence.error()) == ErrorKind::kInternal);  // as the runtime's failure is
      const Refusal refused = refusal([&] { generator.step(*together.sequences[i], together.device.run); });
      CHECK(refused.kind == ErrorKind::kInternal);
      generator.release(*together.sequences[i]);  // changes nothing
    }
    // Slots that are free again are taken as any.
    together.sequences[1] = generator.make_sequence();
    together.prefill(1);
    together.step_to_the_end();
    for (std::size_t i = 0; i + failures <= 4; ++i) {
      CHECK(together.sequences[i]->tokens().ids == together.expected[i]);
    }
  }
}

TEST_CASE("of two rows the one that is not copied takes the other along") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const int which : {1, 2, 3, 4, 5, 6}) {
    CAPTURE(which);
    Together together(faults, {20, 20, 20, 20, 20}, {0.7f, 0, 0.7f, 0.5f, 0.5f});
    Generator& generator = together.device.generator;
    together.prefill_all();
    generator.step_all(together.device.run);
    CreateTensor::plan = [which, seen = 0](auto*, void*, size_t, const int64_t*, size_t rank, auto,
                                           auto**) mutable {
      return rank == 4 && ++seen == which ? abi::ORT_FAIL : abi::ORT_OK;
    };
    generator.release(*together.sequences[0]);
    CreateTensor::plan = nullptr;
    int64_t kept = 0;
    for (std::size_t i = 1; i < 5; ++i) {
      CHECK(together.sequences[i]->holds_slot() == (together.sequences[i]->error() == nullptr));
      kept += together.sequences[i]->holds_slot() ? 1 : 0;
    }
    CHECK(kept == 3);
    CHECK(generator.running() == kept);
    together.step_to_the_end();
    for (std::size_t i = 1; i < 5; ++i) {
      if (together.sequences[i]->error() != nullptr) continue;
      CHECK(together.sequences[i]->tokens().ids == together.expected[i]);
    }
  }
}

TEST_CASE("who had all its tokens needs no copy, and who cannot join the others fails alone") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Together together(faults, {10, 10, 30, 30});
  Generator& generator = together.device.generator;
  for (const std::size_t which : {2, 0, 1}) together.prefill(which);
  while (!together.sequences[0]->finished()) generator.step_all(together.device.run);
  fail_copies(1);
  generator.release(*together.sequences[0]);
  CHECK(together.sequences[1]->error() == nullptr);
  CHECK(together.sequences[1]->tokens().ids == together.expected[1]);
  CHECK(generator.running() == 1);

  together.sequences[0] = generator.make_sequence();
  together.prefill(0);  // 2 and 0 step; 3 begins behind them, and 0 leaves before it is done
  Sequence& late = *together.sequences[3];
  const Prompt prompt = together.device.prompt(sampled(30, 3), 0);
  REQUIRE_FALSE(generator.prefill(late, prompt, together.device.run));
  generator.release(*together.sequences[0]);
  fail_copies(1000);
  const Refusal refused = refusal([&] {
    while (!generator.prefill(late, prompt, together.device.run)) {
    }
  });
  CHECK(refused.kind == ErrorKind::kInternal);
  CreateTensor::plan = nullptr;
  generator.release(late);
  CHECK(generator.running() == 1);
  together.step_to_the_end();
  CHECK(together.sequences[2]->tokens().ids == together.expected[2]);
}

TEST_CASE("in an engine, too, only who cannot be copied fails, and hears why") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Bench bench(faults, {"llama-gqa", true, true}, 1);
  std::vector<std::vector<int64_t>> expected;
  std::vector<RequestPtr> requests;
  Inbox inbox(8);
  for (uint64_t i = 0; i < 3; ++i) {
    const Prompt prompt = bench.prompt(sampled(i == 0 ? 40 : 60, i), 0);
    expected.push_back(generate(bench.generator, prompt, bench.run).ids);
    RequestSpec spec;
    spec.prompt = prompt;
    spec.budget = bench.generator.check(prompt);
    requests.push_back(std::make_shared<Request>(std::move(spec), *faults.api, [&] { inbox.ring(); }));
    inbox.submit(requests.back());
  }
  // Behind a step of all three the first view of one row's cache is that of who takes the first one's place.
  CreateTensor::plan = [together = false, failed = false](auto*, void*, size_t, const int64_t* shape,
                                                          size_t rank, auto, auto**) mutable {
    if (rank != 4) return abi::ORT_OK;
    together = together || shape[0] == 3;
    if (!together || failed || shape[0] != 1) return abi::ORT_OK;
    failed = true;
    return abi::ORT_FAIL;
  };
  Worker worker(bench.model, bench.generator, inbox, 3,
                Worker::Conduct{std::chrono::seconds(10), true, false});
  inbox.close();
  std::thread(&Worker::run, &worker).join();
  CHECK(requests[0]->wait({}).tokens.ids == expected[0]);
  CHECK(requests[1]->wait({}).tokens.ids == expected[1]);
  const Refusal refused = refusal([&] { requests[2]->wait({}); });
  CHECK(refused.kind == ErrorKind::kInternal);
  CHECK(refused.names("a failure made by the test"));
  CHECK(bench.generator.running() == 0);
}
