// The runtime's function table with our own functions in chosen slots: a test can count such calls, look at
// their arguments, delay them or fail them, and operator new is not counted while the runtime is at work.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <type_traits>

#include "allocations.hpp"
#include "bundle.hpp"
#include "ort/api.hpp"

namespace loquor::testing {

namespace abi = ort::abi;
using Table = abi::OrtApi;

// What stands in one slot. The functions carry no context, so its state is global: one FaultInjection at a
// time.
template <auto Member>
struct Slot;

template <class R, class... Args, R (ORT_API_CALL* Table::*Member)(Args...)>
struct Slot<Member> {
  // Called before the runtime with its arguments; anything but ORT_OK is what the call then returns instead.
  static inline std::function<abi::OrtErrorCode(Args...)> plan;
  static inline std::atomic<int> calls{0};
  static inline const Table* real = nullptr;

  static R ORT_API_CALL call(Args... args) {
    const AllocationsPaused paused;
    ++calls;
    const abi::OrtErrorCode code = plan ? plan(args...) : abi::ORT_OK;
    if constexpr (std::is_same_v<R, abi::OrtStatus*>) {
      if (code != abi::ORT_OK) return real->CreateStatus(code, "a failure made by the test");
    }
    return (real->*Member)(args...);
  }
};

template <auto... Members>
struct Slots {
  static void wrap(Table& table, const Table& real) {
    ((Slot<Members>::real = &real, table.*Members = &Slot<Members>::call), ...);
  }
  static void reset() { ((Slot<Members>::plan = nullptr, Slot<Members>::calls = 0), ...); }
};

using RunWithBinding = Slot<&Table::RunWithBinding>;
using Run = Slot<&Table::Run>;
using CreateSession = Slot<&Table::CreateSession>;
using SetOptimizationLevel = Slot<&Table::SetSessionGraphOptimizationLevel>;
using CreateTensor = Slot<&Table::CreateTensorWithDataAsOrtValue>;
using BindInput = Slot<&Table::BindInput>;
using BindOutput = Slot<&Table::BindOutput>;
using CreateBinding = Slot<&Table::CreateIoBinding>;
using CreateRunOptions = Slot<&Table::CreateRunOptions>;
using SetTerminate = Slot<&Table::RunOptionsSetTerminate>;
using AllocatorAlloc = Slot<&Table::AllocatorAlloc>;
using AllSlots =
    Slots<&Table::RunWithBinding, &Table::Run, &Table::CreateSession,
          &Table::SetSessionGraphOptimizationLevel, &Table::CreateTensorWithDataAsOrtValue, &Table::BindInput,
          &Table::BindOutput, &Table::CreateIoBinding, &Table::CreateRunOptions,
          &Table::RunOptionsSetTerminate, &Table::AllocatorAlloc, &Table::ReleaseValue>;

// A plan that fails the n-th call from now, counted from 1.
inline auto fail_call(int n, abi::OrtErrorCode code = abi::ORT_FAIL) {
  return [n, code, seen = 0](auto&&...) mutable { return ++seen == n ? code : abi::ORT_OK; };
}

// The runtime through the slots above. Make it before what uses its api: plans end with it.
class FaultInjection {
 public:
  FaultInjection() : api(injected()) { AllSlots::reset(); }
  ~FaultInjection() { AllSlots::reset(); }
  FaultInjection(const FaultInjection&) = delete;
  FaultInjection& operator=(const FaultInjection&) = delete;

  const ort::ApiPtr api;
  const std::thread::id made_on = std::this_thread::get_id();

 private:
  static const ort::ApiPtr& injected() {
    static const ort::ApiPtr real = ort::Api::open(environment("LOQUOR_TEST_RUNTIME"));
    static Table table = real->table();  // the declared part, which is all that the core can name
    static const ort::ApiPtr api = [] {
      AllSlots::wrap(table, real->table());
      return std::make_shared<const ort::Api>(&table, real->path(), real->version());
    }();
    return api;
  }
};

}  // namespace loquor::testing
