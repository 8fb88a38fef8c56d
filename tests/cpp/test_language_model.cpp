// The KV cache and the graph around it: whatever way positions are run, the logits are those of one prefill.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <new>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "allocations.hpp"
#include "base/rng.hpp"
#include "bundle.hpp"
#include "fault_injection.hpp"
#include "model/language_model.hpp"
#include "refusal.hpp"

using namespace loquor;
using namespace loquor::testing;

namespace {

using Logits = std::vector<float>;

constexpr int64_t kHidden = 64;
constexpr float kClose = 1e-4f;

// A language model and sequences of made-up embeddings for it.
class Lm {
 public:
  Lm(const FaultInjection& faults, const std::string& form, const std::string& dtype = "fp32",
     bool own_memory = false)
      : run_(*faults.api),
        lm_(load_graph(faults.api, form, Graph::kLanguageModel, dtype), device(*faults.api, own_memory)) {}

  LanguageModel& operator*() { return lm_; }

  void begin(int64_t capacity) {
    lm_.reserve(1, capacity);
    lm_.begin(0, capacity);
  }

  // Runs positions [from, from + count) of sequence `which`.
  Logits run(uint64_t which, int64_t from, int64_t count, int64_t slot = 0) {
    write(lm_.embeds(count), which, from, count);
    const Span<float> logits = lm_.run(slot, count, run_).logits;
    return Logits(logits.begin(), logits.end());
  }

  // One step of these sequences together, `at` their lengths; their logits by row.
  std::vector<Logits> step(const std::vector<uint64_t>& rows, const std::vector<int64_t>& at) {
    const auto count = static_cast<int64_t>(rows.size());
    float* const embeds = lm_.embeds(count);
    for (std::size_t row = 0; row < rows.size(); ++row) {
      write(embeds + static_cast<int64_t>(row) * kHidden, rows[row], at[rows[row]], 1);
    }
    std::vector<int64_t> slots(static_cast<std::size_t>(count));
    std::iota(slots.begin(), slots.end(), 0);
    const StepOutput output = lm_.step(slots, run_);
    REQUIRE(output.rows == count);
    std::vector<Logits> by_row;
    for (std::size_t row = 0; row < rows.size(); ++row) {
      by_row.emplace_back(output.row(row).begin(), output.row(row).end());
    }
    return by_row;
  }

  // The logits of the last of `length` positions, computed at once.
  Logits prefill(uint64_t which, int64_t length, int64_t capacity) {
    begin(capacity);
    return run(which, 0, length);
  }

  // The same by a prefill of `first` positions and single steps for the others.
  Logits stepwise(uint64_t which, int64_t first, int64_t length, int64_t capacity) {
    Logits logits = prefill(which, first, capacity);
    for (int64_t at = first; at < length; ++at) logits = run(which, at, 1);
    return logits;
  }

 private:
  static void write(float* embeds, uint64_t which, int64_t from, int64_t count) {
    const CounterRng rng(which);
    for (int64_t i = 0; i < count * kHidden; ++i) {
      embeds[i] = 4 * rng.uniform(static_cast<uint64_t>(from * kHidden + i)) - 2;
    }
  }

  // "Cpu" as a device memory of its own takes the ways that a GPU's tensors take.
  static ort::Device device(const ort::Api& api, bool own_memory) {
    ort::Device cpu = ort::choose_device(api, "cpu", {});
    if (own_memory) cpu.memory_name = "Cpu";
    cpu.addressable = !own_memory;
    return cpu;
  }

  ort::RunOptions run_;
  LanguageModel lm_;
};

float distance(const Logits& a, const Logits& b) {
  REQUIRE(a.size() == b.size());
  float largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::fabs(a[i] - b[i]));
  return std::isnan(largest) ? 1e9f : largest;
}

struct Form {
  std::string name;
  KvMode mode;
};
const Form kForms[] = {{"concat", KvMode::kPingPong}, {"mha", KvMode::kPingPong}, {"gqa", KvMode::kInPlace}};

}  // namespace

TEST_CASE("the probe finds how each form keeps its cache") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const Form& form : kForms) {
    for (const std::string dtype : {"fp32", "fp16"}) {
      CAPTURE(form.name);
      CAPTURE(dtype);
      Lm lm(faults, form.name, dtype);
      CHECK((*lm).kv_mode() == form.mode);
      CHECK((*lm).batched() == (form.name == "gqa"));
      CHECK((*lm).signature().hidden_size == kHidden);
      CHECK((*lm).signature().vocab_size == 6563);
      CHECK((*lm).signature().kv.layers == 2);
    }
  }
}

TEST_CASE("a shared buffer that changes the logits is found out, however large one of them is") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Lm lm(faults, "misleading");  // STOP's logit is some -1000
  CHECK((*lm).kv_mode() == KvMode::kPingPong);
  CHECK_FALSE((*lm).batched());
}

TEST_CASE("a prefill and steps, however cut, give the logits of one prefill") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const Form& form : kForms) {
    CAPTURE(form.name);
    Lm lm(faults, form.name);
    const Logits at_once = lm.prefill(1, 60, 300);
    CHECK(distance(at_once, lm.prefill(1, 59, 300)) > 0.1f);  // the last position matters
    CHECK(distance(at_once, lm.stepwise(1, 20, 60, 300)) < kClose);
    CHECK(distance(at_once, lm.stepwise(1, 1, 60, 300)) < kClose);
    lm.prefill(1, 10, 300);
    lm.run(1, 10, 30);  // several positions on a filled cache
    lm.run(1, 40, 1);
    CHECK(distance(at_once, lm.run(1, 41, 19)) < kClose);
  }
}

TEST_CASE("all forms have the same weights, so the same logits") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const Logits concat = Lm(faults, "concat").stepwise(2, 30, 50, 100);
  CHECK(distance(concat, Lm(faults, "mha").stepwise(2, 30, 50, 100)) < kClose);
  CHECK(distance(concat, Lm(faults, "gqa").stepwise(2, 30, 50, 100)) < kClose);
  // float16 keeps eleven bits; a wrong cache is off by whole units.
  CHECK(distance(concat, Lm(faults, "gqa", "fp16").stepwise(2, 30, 50, 100)) < 0.1f);
}

TEST_CASE("the capacity may grow and shrink between sequences without showing") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const Form& form : kForms) {
    CAPTURE(form.name);
    Lm lm(faults, form.name);
    const Logits expected = lm.stepwise(3, 10, 25, 25);
    for (const int64_t capacity : {40, 700, 25, 1500, 257, 256}) {
      CAPTURE(capacity);
      CHECK(distance(expected, lm.stepwise(3, 10, 25, capacity)) < kClose);
    }
  }
}

TEST_CASE("a sequence leaves nothing behind for the next one") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const Form& form : kForms) {
    CAPTURE(form.name);
    Lm fresh(faults, form.name);
    const Logits expected = fresh.stepwise(4, 12, 30, 200);
    Lm used(faults, form.name);
    used.stepwise(5, 100, 180, 200);  // longer, and an odd number of runs
    CHECK(used.stepwise(4, 12, 30, 200) == expected);
    used.prefill(6, 7, 200);  // given up after its prefill
    CHECK(used.stepwise(4, 12, 30, 200) == expected);
  }
}

TEST_CASE("more positions than the capacity are an error, and the cache stays usable") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const Form& form : kForms) {
    CAPTURE(form.name);
    Lm lm(faults, form.name);
    const Logits expected = lm.prefill(7, 256, 256);  // a whole step of capacity
    const Refusal step = refusal([&] { lm.run(7, 256, 1); });
    CHECK(step.kind == ErrorKind::kInternal);
    CHECK(step.text == "the KV cache holds 256 positions, 257 were asked for");
    lm.begin(10);
    CHECK(refusal([&] { lm.run(7, 0, 300); }).kind == ErrorKind::kInternal);
    CHECK(lm.prefill(7, 256, 256) == expected);
  }
}

TEST_CASE("memory from a device's allocator serves as the host's does") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const Form& form : kForms) {
    CAPTURE(form.name);
    const Logits expected = Lm(faults, form.name).stepwise(8, 12, 30, 300);
    Lm lm(faults, form.name, "fp32", true);
    CHECK((*lm).kv_mode() == form.mode);
    CHECK(AllocatorAlloc::calls > 0);
    CHECK(distance(expected, lm.stepwise(8, 12, 30, 300)) < kClose);

    AllocatorAlloc::plan = fail_call(3);  // while the buffers grow, some of them replaced
    CHECK(refusal([&] { lm.begin(2000); }).kind == ErrorKind::kExecution);
    CHECK(refusal([&] { lm.run(8, 0, 1); }).kind == ErrorKind::kInternal);  // there is no capacity now
    CHECK(distance(expected, lm.stepwise(8, 12, 30, 2000)) < kClose);
  }
}

TEST_CASE("a shared buffer that the runtime refuses means two buffers by turns") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const Logits expected = Lm(faults, "gqa").stepwise(9, 12, 30, 300);
  RunWithBinding::plan = fail_call(3);  // the probe's first run with a shared buffer
  Lm lm(faults, "gqa");
  CHECK((*lm).kv_mode() == KvMode::kPingPong);
  CHECK(distance(expected, lm.stepwise(9, 12, 30, 300)) < kClose);
}

TEST_CASE(
    "loading survives a failure of any call: an Error, or steps and prompts one by one, and nothing leaks") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  int thrown = 0;
  const auto fail_each = [&](auto slot, auto... allowed) {
    for (int n = 1;; ++n) {
      CAPTURE(n);
      decltype(slot)::calls = 0;
      decltype(slot)::plan = fail_call(n);
      try {
        Lm lm(faults, "gqa");
        if (decltype(slot)::calls < n) break;  // nothing was left to fail
        CHECK_FALSE(((*lm).batched() && (*lm).extends()));
      } catch (const Error& error) {
        CHECK(((error.kind() == allowed) || ...));
        ++thrown;
      }
      decltype(slot)::plan = nullptr;
    }
    decltype(slot)::plan = nullptr;
  };
  fail_each(CreateSession(), ErrorKind::kModel);
  fail_each(RunWithBinding(), ErrorKind::kExecution);
  fail_each(CreateBinding(), ErrorKind::kInternal);
  fail_each(CreateTensor(), ErrorKind::kInternal);
  fail_each(BindInput(), ErrorKind::kInternal);
  fail_each(BindOutput(), ErrorKind::kInternal);
  CHECK(thrown > 20);
}

TEST_CASE("rows of different lengths in one step give what each gives alone, wherever their slots move") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const std::string dtype : {"fp32", "fp16"}) {
    CAPTURE(dtype);
    const float close = dtype == "fp32" ? kClose : 0.05f;
    const int64_t lengths[] = {40, 7, 23};
    std::vector<Logits> alone;
    for (uint64_t which = 0; which < 3; ++which) {
      Lm lm(faults, "gqa", dtype);
      alone.push_back(lm.stepwise(which, lengths[which], lengths[which] + 6, 300));
    }
    Lm lm(faults, "gqa", dtype);
    (*lm).reserve(4, 300);
    for (int64_t slot = 0; slot < 3; ++slot) {
      (*lm).begin(slot, 300);
      lm.run(static_cast<uint64_t>(slot), 0, lengths[slot], slot);
    }
    std::vector<uint64_t> rows = {0, 1, 2};
    std::vector<int64_t> done = {40, 7, 23};
    std::vector<Logits> logits;
    const auto step = [&] {
      logits = lm.step(rows, done);
      for (const uint64_t which : rows) ++done[which];
    };
    step();
    step();
    lm.run(1, done[1]++, 1, 1);  // a step of its own between those of all
    step();
    (*lm).move(2, 0);  // the first one leaves: the last one takes its place
    rows = {2, 1};
    step();
    step();
    CHECK(distance(alone[1], logits[1]) < close);
    rows = {2};
    step();
    CHECK(distance(alone[2], logits[0]) < close);
  }
}

TEST_CASE("a runtime that refuses two rows in a step gets one at a time") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  RunWithBinding::plan = fail_call(8);  // the probe's step of two rows
  Lm lm(faults, "gqa");
  CHECK((*lm).kv_mode() == KvMode::kInPlace);
  CHECK_FALSE((*lm).batched());
}

TEST_CASE("a pool that grows keeps what its slots hold, bit for bit") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const std::string dtype : {"fp32", "fp16"}) {
    CAPTURE(dtype);
    const std::vector<int64_t> lengths = {9, 30, 1};
    const auto steps = [&](bool grow) {
      Lm lm(faults, "gqa", dtype);
      (*lm).reserve(3, 40);
      for (uint64_t which = 0; which < 3; ++which) {
        (*lm).begin(int64_t(which), 40);
        lm.run(which, 0, lengths[which], int64_t(which));
      }
      auto at = lengths;
      std::vector<std::vector<Logits>> found;
      for (int step = 0; step < 6; ++step) {
        if (grow && step == 3) {
          CHECK_FALSE((*lm).fits(5, 2000));
          const int64_t before = (*lm).cache_bytes();
          (*lm).reserve(5, 2000);
          CHECK((*lm).fits(5, 2000));
          CHECK((*lm).cache_bytes() > 5 * before);
        }
        found.push_back(lm.step({0, 1, 2}, at));
        for (int64_t& length : at) ++length;
      }
      return found;
    };
    CHECK(steps(true) == steps(false));
  }
}

TEST_CASE("a pool that finds no memory to grow stays as it was") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Lm lm(faults, "gqa");
  (*lm).reserve(2, 40);
  (*lm).begin(0, 40);
  lm.run(0, 0, 9);
  fail_allocation(4);  // of other threads
  std::thread([&] { CHECK_THROWS_AS((*lm).reserve(2, 2000), std::bad_alloc); }).join();
  CHECK(fail_allocation(0) <= 0);
  CHECK((*lm).fits(2, 40));
  CHECK_FALSE((*lm).fits(2, 2000));
  const Logits stayed = lm.run(0, 9, 1);
  CHECK(stayed == lm.stepwise(0, 9, 10, 40));
}

TEST_CASE("room that was promised stays where memory runs out, though nobody has begun to use it") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const bool unused : {false, true}) {
    CAPTURE(unused);
    bool threw = true;
    for (int64_t n = 1; threw; ++n) {  // each allocation in turn
      CAPTURE(n);
      Lm lm(faults, "gqa");
      (*lm).reserve(2, 40);
      std::thread([&] {
        fail_allocation(n);
        try {
          (*lm).reserve(2, 2000, unused);
          threw = false;
        } catch (const std::bad_alloc&) {
        }
        fail_allocation(0);
      }).join();
      if (unused) (*lm).reserve(2, 40);  // it went first, so that there is room again
      CHECK((*lm).fits(2, 40));
      (*lm).begin(1, 40);
      lm.run(1, 0, 9, 1);
    }
  }
}
