// Where a graph runs: our name for it, the runtime's execution provider, and its memory.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ort/api.hpp"

namespace loquor::ort {

struct Device {
  std::string name;         // "cpu", "cuda", ...
  std::string provider;     // "CPUExecutionProvider", ...
  std::string memory_name;  // of the provider's own memory; empty where tensors lie in host memory
  std::vector<std::pair<std::string, std::string>> options;
  bool float64 = true;  // does the provider compute in it?
  // Is what its allocator returns an address, to which an offset may be added? Elsewhere it is a handle.
  bool addressable = false;
  // These are of a provider that was added as a plugin, and belong to the runtime.
  const abi::OrtEpDevice* plugin = nullptr;
  const abi::OrtMemoryInfo* plugin_memory = nullptr;  // null where tensors lie in host memory

  bool host_memory() const { return memory_name.empty() && plugin_memory == nullptr; }
};

// "auto" takes CUDA where the library has it, else the CPU; a provider built into the library goes before a
// plugin. Throws kInvalidInput for a name we do not know, and kRuntimeMissing for one whose provider is
// neither built in nor added, or offers no device here.
Device choose_device(const Api& api, const std::string& name,
                     std::vector<std::pair<std::string, std::string>> options);

// The execution provider of a device that choose_device knows; lives for ever.
const char* provider_of(const std::string& device);

void append_provider(const Api& api, abi::OrtSessionOptions* session_options, const Device& device);

// Threads worth giving to one graph: the usable cores, 8 at most (more only adds synchronisation at batch 1).
int default_threads();

}  // namespace loquor::ort
