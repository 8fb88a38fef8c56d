// The tiny bundles and the runtime that scripts/cpp-tests names in the environment, and what tests make of
// them.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "model/model.hpp"

namespace loquor::testing {

inline std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// Begins every test that runs graphs: false, and said so, where there is nothing to run.
inline bool have_bundles() {
  for (const char* name : {"LOQUOR_TEST_BUNDLES", "LOQUOR_TEST_RUNTIME"}) {
    if (!environment(name).empty()) continue;
    MESSAGE("skipped: " << std::string(name) << " is not set (scripts/cpp-tests sets it)");
    return false;
  }
  return true;
}

// The forms of attention that scripts/cpp-tests makes bundles of, each in fp32 and fp16.
inline std::string bundle(const std::string& form) { return environment("LOQUOR_TEST_BUNDLES") + "/" + form; }

inline Manifest manifest_of(const std::string& form, const std::string& dtype = "fp32") {
  return read_manifest(bundle(form), dtype);
}

// One thread: the runtime's own pool is no part of what is tested.
inline ort::SessionConfig session_config(const ort::ApiPtr& api) {
  return {ort::choose_device(*api, "cpu", {}), 1};
}

inline EngineOptions engine_options(const std::string& dtype = "fp32") {
  EngineOptions options;
  options.dtype = dtype;
  options.device = "cpu";
  options.threads = 1;
  options.quiet = std::chrono::minutes(10);  // an engine that rests runs nothing beside a test's plans
  return options;
}

inline ort::Session load_graph(const ort::ApiPtr& api, const std::string& form, Graph graph,
                               const std::string& dtype = "fp32") {
  const auto file = manifest_of(form, dtype).files[static_cast<std::size_t>(graph)];
  return ort::Session(api, file.path, session_config(api));
}

// Two seconds of a tone that changes its loudness, so that the encoder has something to tell apart.
inline std::vector<float> recording() {
  std::vector<float> samples(48000);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto t = static_cast<float>(i) / 24000.0f;
    samples[i] = 0.3f * std::sin(1000.0f * t) * (1.0f + std::sin(9.0f * t));
  }
  return samples;
}

// "Hi." as ids of the bundle's tokenizer, with the two end-of-text ids.
inline const std::vector<int64_t>& text_ids() {
  static const std::vector<int64_t> ids = {39, 72, 13, 50256, 50256};
  return ids;
}

inline GenerationOptions greedy(int32_t max_new_tokens) {
  GenerationOptions options;
  options.temperature = 0;
  options.max_new_tokens = max_new_tokens;
  options.guards = 0;  // random weights run away by nature
  return options;
}

inline GenerationOptions sampled(int32_t max_new_tokens, uint64_t seed = 1) {
  GenerationOptions options;
  options.seed = seed;
  options.max_new_tokens = max_new_tokens;
  options.guards = 0;
  return options;
}

// One prompt from its check to its last token; `each` is called after every token but the last.
inline Tokens generate(Generator& generator, const Prompt& prompt, const ort::RunOptions& run,
                       const std::function<void()>& each = {}) {
  const TokenBudget budget = generator.check(prompt);
  generator.reserve(1, budget.positions());
  const auto sequence = generator.make_sequence();
  while (!generator.prefill(*sequence, prompt, run)) {
  }
  while (!sequence->finished()) {
    if (each) each();
    generator.step(*sequence, run);
  }
  generator.release(*sequence);
  return sequence->take_tokens();
}

}  // namespace loquor::testing
