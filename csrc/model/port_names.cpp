#include "model/port_names.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "base/log.hpp"

namespace loquor {
namespace {

using Names = std::vector<std::string>;

// Of the published graphs, in their order.
struct Ports {
  Names inputs;
  Names outputs;
};

// Those of the model card's script, and what they mean.
constexpr std::pair<const char*, const char*> kSpellings[] = {{"cond_emb", "audio_features"},
                                                              {"prompt_token", "audio_tokens"}};

bool has(const std::vector<ort::Port>& ports, const std::string& name) {
  return std::any_of(ports.begin(), ports.end(), [&](const ort::Port& port) { return port.name == name; });
}

// What the exporter declared: ports that were added since, as the sampler's and those of prepared graphs,
// have names of ours.
std::vector<ort::Port> exported(const std::vector<ort::Port>& ports) {
  std::vector<ort::Port> kept;
  std::copy_if(ports.begin(), ports.end(), std::back_inserter(kept),
               [](const ort::Port& port) { return port.name.rfind("loquor", 0) != 0; });
  return kept;
}

// Layers are counted by the outputs: a key and a value each, behind the logits.
Ports language_model_ports(const ort::Session& session) {
  Ports ports = {{"inputs_embeds", "attention_mask"}, {"logits"}};
  const std::size_t layers = (exported(session.outputs()).size() - 1) / 2;
  if (exported(session.inputs()).size() == 2 * layers + 3) ports.inputs.emplace_back("position_ids");
  for (std::size_t layer = 0; layer < layers; ++layer) {
    for (const char* kind : {".key", ".value"}) {
      ports.inputs.push_back("past_key_values." + std::to_string(layer) + kind);
      ports.outputs.push_back("present." + std::to_string(layer) + kind);
    }
  }
  return ports;
}

Ports ports_of(const ort::Session& session, Graph graph, const Family& family) {
  switch (graph) {
    case Graph::kSpeechEncoder:
      return {{"audio_values"}, {"audio_features", "audio_tokens", "speaker_embeddings", "speaker_features"}};
    case Graph::kEmbedTokens: {
      Ports ports = {{family.embed_inputs.begin(), family.embed_inputs.end()}, {"inputs_embeds"}};
      for (const char* name : family.more_inputs) {
        if (session.inputs().size() > ports.inputs.size()) ports.inputs.emplace_back(name);
      }
      return ports;
    }
    case Graph::kLanguageModel:
      return language_model_ports(session);
    default:
      return {{"speech_tokens", "speaker_embeddings", "speaker_features"}, {"waveform"}};
  }
}

// Those that are missing are what stands in their places, if that has no other meaning.
void by_position(ort::Session& session, const char* kind, const Names& wanted,
                 const std::vector<ort::Port>& ports) {
  if (ports.size() != wanted.size()) return;
  std::vector<std::pair<std::string, std::string>> found;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (has(ports, wanted[i])) continue;
    const std::string& there = ports[i].name;
    if (std::find(wanted.begin(), wanted.end(), there) != wanted.end()) return;
    found.emplace_back(there, wanted[i]);
  }
  if (found.empty()) return;
  std::string told;
  constexpr std::size_t kShown = 4;
  for (std::size_t i = 0; i < found.size() && i < kShown; ++i)
    told += (i == 0 ? "'" : ", '") + found[i].first + "' as '" + found[i].second + "'";
  if (found.size() > kShown) told += " and " + std::to_string(found.size() - kShown) + " more";
  log::write(log::Level::kWarning, session.file_name() + ": " + kind +
                                       "s whose names are not known here are taken by their places: " + told);
  for (const auto& [there, name] : found) session.rename(there, name);
}

}  // namespace

void adopt_names(ort::Session& session, Graph graph, const Family& family) {
  for (const auto& [spelling, name] : kSpellings) {
    if (has(session.outputs(), spelling) && !has(session.outputs(), name)) session.rename(spelling, name);
  }
  if (exported(session.outputs()).empty()) return;
  const Ports wanted = ports_of(session, graph, family);
  by_position(session, "input", wanted.inputs, exported(session.inputs()));
  by_position(session, "output", wanted.outputs, exported(session.outputs()));
}

}  // namespace loquor
