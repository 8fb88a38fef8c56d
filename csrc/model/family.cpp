#include "model/family.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/error.hpp"

namespace loquor {
namespace {

Family turbo() {
  Family family;
  family.name = "turbo";
  family.models = "Turbo, Nano, mini";
  family.runnable = true;
  family.embed_inputs = {"input_ids"};
  family.backbone = "gpt2";
  family.positions = PositionRule::kLanguageModel;
  family.rows_per_sequence = 1;
  family.logits_stages = {SamplerStage::kTemperature, SamplerStage::kTopK, SamplerStage::kTopP,
                          SamplerStage::kMinP, SamplerStage::kRepetitionPenalty};
  family.start_counts = false;
  family.dropped_tokens = 0;
  family.text_profile = "turbo";
  family.tags = {"[angry]",        "[fear]",      "[surprised]", "[whispering]", "[advertisement]",
                 "[dramatic]",     "[narration]", "[crying]",    "[happy]",      "[sarcastic]",
                 "[clear throat]", "[sigh]",      "[shush]",     "[cough]",      "[groan]",
                 "[sniff]",        "[gasp]",      "[chuckle]",   "[laugh]"};
  ModelFacts& facts = family.facts;
  facts.sample_rate = 24000;
  facts.samples_per_token = 960;
  facts.start_token = 6561;
  facts.stop_token = 6562;
  facts.silence_token = 4299;
  facts.end_of_text_token = 50256;
  facts.prompt_closing = {50256, 50256};  // which the table takes for START START
  facts.closing_silence_tokens = 3;
  facts.text_vocab_size = 50276;
  facts.max_positions = 8196;
  facts.voice_prefix_positions = 0;
  facts.text_positions = facts.speech_positions = 0;
  facts.text_normalizer = "none";
  facts.piece_characters = 250;  // beyond some 300 it grows unsteady, and one sentence a call is best
  return family;
}

// The rows of guidance differ in their text; its weight combines them before the stages.
Family english() {
  Family family = turbo();
  family.name = "english";
  family.models = "English";
  family.embed_inputs = {"input_ids", "position_ids", "exaggeration"};
  family.more_inputs = {"text_conditioning"};
  family.backbone = "llama";
  family.positions = PositionRule::kEmbedTokens;
  family.rows_per_sequence = 2;
  family.logits_stages = {SamplerStage::kRepetitionPenalty, SamplerStage::kTemperature, SamplerStage::kMinP,
                          SamplerStage::kTopP};
  family.start_counts = true;
  family.text_profile = "english";
  family.tags = {};
  ModelFacts& facts = family.facts;
  facts.end_of_text_token = 0;
  facts.prompt_opening = {6563, 255};  // the place of exaggeration, the start of the text
  facts.prompt_closing = {0, 6561, 6561};
  facts.closing_silence_tokens = 0;
  facts.text_vocab_size = 704;
  facts.voice_prefix_positions = 33;
  facts.text_positions = 2050;  // learned
  facts.speech_positions = 4100;
  facts.max_positions = facts.voice_prefix_positions + facts.text_positions + facts.speech_positions;
  facts.defaults.top_k = 0;
  facts.defaults.top_p = 1.0f;
  facts.defaults.min_p = 0.05f;
  facts.defaults.cfg_weight = 0.5f;
  facts.defaults.exaggeration = 0.5f;
  facts.alignment_heads = {9, 2, 12, 15, 13, 11};  // which upstream's own analyzer reads
  return family;
}

// Its decoder makes a click of the token before STOP.
Family multilingual() {
  Family family = english();
  family.name = "multilingual";
  family.models = "Multilingual";
  family.dropped_tokens = 1;
  family.text_profile = "multilingual";
  family.facts.text_normalizer = "numbers";
  family.facts.text_vocab_size = 2352;
  return family;
}

template <class Texts>
std::string joined(const Texts& texts) {
  std::string all;
  for (const auto& text : texts) all += (all.empty() ? "" : ", ") + std::string(text);
  return all;
}

bool takes(const Family& family, const std::vector<std::string>& inputs) {
  const auto same = [](const auto& a, const auto& b) { return std::string(a) == b; };
  std::vector<const char*> wanted = family.embed_inputs;
  for (const char* name : family.more_inputs) {
    if (std::find(inputs.begin(), inputs.end(), name) != inputs.end()) wanted.push_back(name);
  }
  return std::is_permutation(wanted.begin(), wanted.end(), inputs.begin(), inputs.end(), same);
}

[[noreturn]] void refuse_graph(const FamilyEvidence& evidence, const std::string& why) {
  constexpr std::size_t kShown = 6;
  std::vector<std::string> shown = evidence.embed_inputs;
  if (shown.size() > kShown) {
    shown.resize(kShown);
    shown.emplace_back("...");
  }
  throw Error(ErrorKind::kModel, std::filesystem::u8path(evidence.embed_file).filename().u8string() +
                                     ": it takes " + (shown.empty() ? "no inputs" : joined(shown)) + ", " +
                                     why + " [" + evidence.embed_file + "]");
}

[[noreturn]] void refuse_config(const FamilyEvidence& evidence, const std::string& why) {
  throw Error(ErrorKind::kModel, evidence.config_file + ": " + why);
}

// Where an exporter spelled the inputs otherwise, they are known by their places (adopt_names tells of it):
// none that a family knows by name may be among those it does not.
std::vector<const Family*> that_take_as_many(const FamilyEvidence& evidence) {
  std::vector<const Family*> found;
  for (const Family& family : families()) {
    std::vector<std::string> names(family.embed_inputs.begin(), family.embed_inputs.end());
    names.insert(names.end(), family.more_inputs.begin(), family.more_inputs.end());
    const std::size_t count = evidence.embed_inputs.size(), least = family.embed_inputs.size();
    bool fits = count >= least && count <= names.size();
    for (std::size_t i = 0; fits && i < count; ++i) {
      const std::string& name = evidence.embed_inputs[i];
      fits = name == names[i] || std::find(names.begin(), names.end(), name) == names.end();
    }
    if (fits) found.push_back(&family);
  }
  return found;
}

std::vector<const Family*> that_take(const FamilyEvidence& evidence) {
  std::vector<const Family*> found;
  std::string known;
  for (const Family& family : families()) {
    if (takes(family, evidence.embed_inputs)) found.push_back(&family);
    known += (known.empty() ? "" : "; ") + std::string(family.name) + ": " + joined(family.embed_inputs);
  }
  if (found.empty()) found = that_take_as_many(evidence);
  if (found.empty()) refuse_graph(evidence, "as no family that is known here does (" + known + ")");
  return found;
}

// Families with the same graphs have vocabularies of very different sizes; 0 is not known.
const Family* nearest(const std::vector<const Family*>& fitting, int64_t text_vocab_size) {
  if (text_vocab_size == 0) return fitting[0];
  const auto apart = [&](const Family* family) {
    return std::abs(family->facts.text_vocab_size - text_vocab_size);
  };
  return *std::min_element(fitting.begin(), fitting.end(),
                           [&](const Family* a, const Family* b) { return apart(a) < apart(b); });
}

// A config may leave all of it out; a word that no family knows is none of ours.
void check_backbone(const FamilyEvidence& evidence, const Family& family) {
  const bool known = std::any_of(families().begin(), families().end(),
                                 [&](const Family& other) { return evidence.backbone == other.backbone; });
  if (!known || evidence.backbone == family.backbone) return;
  refuse_config(evidence, "text_config.model_type is '" + evidence.backbone +
                              "', but the bundle's embed_tokens takes " + joined(family.embed_inputs) +
                              ", as that of " + family.backbone + " models does: fetch the bundle again");
}

}  // namespace

const std::vector<Family>& families() {
  static const std::vector<Family> all = {turbo(), english(), multilingual()};
  return all;
}

const Family& choose_family(const FamilyEvidence& evidence) {
  const std::vector<const Family*> fitting = that_take(evidence);
  const Family* chosen = fitting[0];
  if (!evidence.name.empty()) {
    const auto named = [&](const Family& family) { return evidence.name == family.name; };
    const auto known = std::find_if(families().begin(), families().end(), named);
    if (known == families().end()) {
      std::vector<const char*> names;
      for (const Family& family : families()) names.push_back(family.name);
      refuse_config(evidence, "family is '" + evidence.name + "', and this Loquor knows " + joined(names) +
                                  ": upgrade Loquor, or fetch the bundle again");
    }
    if (std::find(fitting.begin(), fitting.end(), &*known) == fitting.end()) {
      refuse_config(evidence, "family is '" + evidence.name + "', whose embed_tokens takes " +
                                  joined(known->embed_inputs) + ", but this bundle's takes " +
                                  joined(evidence.embed_inputs) + ": fetch the bundle again");
    }
    chosen = &*known;
  } else {
    chosen = nearest(fitting, evidence.text_vocab_size);
  }
  check_backbone(evidence, *chosen);
  if (chosen->runnable) return *chosen;
  std::string runs;
  for (const Family& family : families()) {
    if (!family.runnable) continue;
    runs += (runs.empty() ? "" : "; ") + std::string(family.name) + " (" + family.models +
            "), whose table takes " + joined(family.embed_inputs) + " alone";
  }
  refuse_graph(evidence, "as bundles of the family " + std::string(chosen->name) +
                             " do; this version runs the family " + runs);
}

const char* name_of(PositionRule rule) {
  return rule == PositionRule::kLanguageModel ? "language_model" : "embed_tokens";
}

const char* name_of(SamplerStage stage) {
  switch (stage) {
    case SamplerStage::kTemperature:
      return "temperature";
    case SamplerStage::kTopK:
      return "top_k";
    case SamplerStage::kTopP:
      return "top_p";
    case SamplerStage::kMinP:
      return "min_p";
    default:
      return "repetition_penalty";
  }
}

}  // namespace loquor
