// Models whose sequences take one row or two, on the host or in memory that passes for a device's.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <string>

#include "bundle.hpp"
#include "decode/generate.hpp"
#include "fault_injection.hpp"

namespace loquor::testing {

// "Cpu" as memory of a device: not the host's, and addressed at an offset only if it says so.
inline ort::Device device_of(const ort::Api& api, bool own_memory, bool addressable) {
  ort::Device cpu = ort::choose_device(api, "cpu", {});
  if (own_memory) cpu.memory_name = "Cpu";
  cpu.addressable = addressable;
  return cpu;
}

struct Setup {
  std::string form;
  bool own_memory = false;
  bool addressable = true;
};

// A model, its generator and a voice.
class Bench {
 public:
  Bench(const FaultInjection& faults, const Setup& setup, int32_t rows, std::size_t prefix_bytes = 0,
        const LmExtension& nodes = {})
      : run(*faults.api),
        model(faults.api, manifest(setup.form, rows), config(*faults.api, setup), nodes),
        generator(model, prefix_bytes),
        voice(std::make_shared<const Voice>(model.speech_encoder()->encode(recording(), run))) {}

  Prompt prompt(const GenerationOptions& options, float guidance) const {
    Prompt asked = {{6563, 255, 21, 18, 25, 9, 0, 6561, 6561}, voice, options};
    asked.options.cfg_weight = guidance;
    return asked;
  }

  ort::RunOptions run;
  Model model;
  Generator generator;
  const std::shared_ptr<const Voice> voice;

 private:
  static Manifest manifest(const std::string& form, int32_t rows) {
    Manifest made = manifest_of(form);
    REQUIRE(made.family->rows_per_sequence == 2);
    if (rows == 1) made.family = &unguided();
    made.stop_token = -2;  // no token: the runs are as long as they are asked to be
    return made;
  }
  // The family of these bundles, if it had no guidance.
  static const Family& unguided() {
    static const Family family = [] {
      Family made = *manifest_of("llama-gqa").family;
      made.rows_per_sequence = 1;
      return made;
    }();
    return family;
  }
  static ort::SessionConfig config(const ort::Api& api, const Setup& setup) {
    return {device_of(api, setup.own_memory, setup.addressable), 1};
  }
};

}  // namespace loquor::testing
