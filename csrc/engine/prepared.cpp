#include "engine/prepared.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "kernels/cpu.hpp"
#include "model/precision.hpp"
#include "model/prepared_cache.hpp"

namespace loquor {
namespace {

constexpr std::array<Graph, 3> kPrepared = {Graph::kLanguageModel, Graph::kConditionalDecoder,
                                            Graph::kSpeechEncoder};

// As Python's prepare_bundle has it where nothing is asked for.
PreparedUse usual_use(Graph graph, const std::string& device, const std::string& runtime) {
  const VectorUnit unit = vector_unit();
  PreparedUse use;
  use.graph = kGraphNames[static_cast<std::size_t>(graph)];
  use.own_operators = device == "cpu" && unit != VectorUnit::kPlain;
  use.vector_unit = vector_unit_name();
  use.device = device;
  const bool fast = unit == VectorUnit::kAvx2 || unit == VectorUnit::kAvx512;
  use.int16 = graph == Graph::kConditionalDecoder && use.own_operators && fast;
  use.runtime = runtime;
  return use;
}

struct Found {
  EngineOptions options;
  std::string prepared;   // names of graphs that the cache has
  std::string published;  // and of those that it should have
};

void add(std::string& names, const char* name) { names += (names.empty() ? "" : ", ") + std::string(name); }

void take(Found& found, Graph graph, const PreparedEntry& entry) {
  found.options.prepared[static_cast<std::size_t>(graph)] = entry.file;
  if (graph == Graph::kConditionalDecoder) {
    found.options.vocoder = entry.vocoder;
    if (found.options.window_prompt < 0) {
      found.options.window_prompt = static_cast<float>(entry.window_prompt);
    }
  }
}

Found look(const ort::Api& api, const std::string& folder, const EngineOptions& options) {
  Found found = {options, {}, {}};
  const std::string device = ort::choose_device(api, options.device, options.provider_options).name;
  if (device != "cpu" && device != "webgpu") return found;  // elsewhere nothing is prepared
  const auto files = find_graph_files(folder, options.dtype, precision_advice(device).dtype);
  for (const Graph graph : kPrepared) {
    const auto index = static_cast<std::size_t>(graph);
    if (!options.prepared[index].empty()) continue;
    const auto entry = find_prepared(files[index].path, usual_use(graph, device, api.version()));
    if (!entry) {
      add(found.published, kGraphNames[index]);
    } else if (!entry->refused.empty()) {
      log::write(log::Level::kInfo,
                 std::string(kGraphNames[index]) + " is used as published, not prepared: " + entry->refused);
    } else if (!entry->file.empty()) {
      take(found, graph, *entry);
      add(found.prepared, kGraphNames[index]);
    }
  }
  return found;
}

}  // namespace

std::unique_ptr<Engine> open_with_prepared(const ort::ApiPtr& api, const std::string& folder,
                                           const EngineOptions& options) {
  Found found = {options, {}, {}};
  try {
    found = look(*api, folder, options);
  } catch (const Error& error) {  // a bundle that is broken fails below in its own words
    log::write(log::Level::kWarning, std::string("prepared graphs are not looked for: ") + error.what());
  }
  if (!found.published.empty()) {
    log::write(log::Level::kWarning, found.published +
                                         " run as published, which is slower: `loquor prepare " + folder +
                                         "` prepares them once");
  }
  if (found.prepared.empty()) return std::make_unique<Engine>(api, folder, options);
  std::string problem;
  try {
    return std::make_unique<Engine>(api, folder, found.options);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kModel && error.kind() != ErrorKind::kExecution) throw;
    problem = error.what();
  }
  auto engine = std::make_unique<Engine>(api, folder, options);  // a broken bundle fails here
  log::write(log::Level::kWarning, found.prepared + ": used as published, not prepared: " + problem);
  return engine;
}

}  // namespace loquor
