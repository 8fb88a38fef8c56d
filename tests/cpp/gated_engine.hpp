// An engine with a voice, and ways to hold it in the middle of something.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bundle.hpp"
#include "engine/engine.hpp"
#include "fault_injection.hpp"

namespace loquor::testing {

constexpr int kPromptRuns = 2;  // through the table and the model, as for each token after it

// An engine of the gqa bundle with a voice; destroy() closes it early.
class GatedEngine {
 public:
  explicit GatedEngine(const FaultInjection& faults, const std::string& form = "gqa", int32_t slots = 0)
      : engine_(std::make_unique<Engine>(faults.api, bundle(form), with_slots(slots))),
        voice(std::make_shared<const Voice>(engine_->encode_voice(recording(), nullptr))) {
    RunWithBinding::calls = 0;
    SetTerminate::calls = 0;
  }

  Engine& engine() { return *engine_; }
  void destroy() { engine_.reset(); }

  std::vector<int64_t> generate(const GenerationOptions& options, CancelToken* cancel = nullptr,
                                std::function<void(int32_t)> progress = {}) {
    return engine_->generate({text_ids(), voice, options}, cancel, progress).ids;
  }

 private:
  static EngineOptions with_slots(int32_t slots) {
    EngineOptions options = engine_options();
    options.slots = slots;
    return options;
  }

  std::unique_ptr<Engine> engine_;

 public:
  const std::shared_ptr<const Voice> voice;
};

// A plan whose n-th call tells that it has begun, and goes on when it is let.
class Gate {
 public:
  explicit Gate(int n) : n_(n) {}
  void operator()() {
    if (++seen_ != n_) return;
    begun_.set_value();
    let_.get_future().wait();
  }
  // A minute is never needed: what does not come by then is a failure, not a test that hangs.
  void wait() {
    if (begun_.get_future().wait_for(std::chrono::minutes(1)) != std::future_status::ready) {
      FAIL("call " << n_ << " never came");
    }
  }
  void open() { let_.set_value(); }

 private:
  const int n_;
  int seen_ = 0;
  std::promise<void> begun_;
  std::promise<void> let_;
};

inline auto through(Gate& gate) {
  return [&gate](auto&&...) {
    gate();
    return abi::ORT_OK;
  };
}

}  // namespace loquor::testing
