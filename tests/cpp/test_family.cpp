// The record of each family: facts that others rely on, and what is true of every record.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "model/family.hpp"

using namespace loquor;

namespace {

const Family& named(const std::string& name) {
  for (const Family& family : families()) {
    if (family.name == name) return family;
  }
  FAIL("there is no family " << name);
  return families()[0];
}

using Ids = std::vector<int64_t>;
using Stages = std::vector<SamplerStage>;

}  // namespace

TEST_CASE("Turbo's facts") {
  const Family& family = named("turbo");
  CHECK(family.runnable);
  CHECK(family.models == std::string("Turbo, Nano, mini"));
  CHECK(family.positions == PositionRule::kLanguageModel);
  CHECK(family.rows_per_sequence == 1);
  CHECK(family.logits_stages == Stages{SamplerStage::kTemperature, SamplerStage::kTopK, SamplerStage::kTopP,
                                       SamplerStage::kMinP, SamplerStage::kRepetitionPenalty});
  CHECK(family.dropped_tokens == 0);
  CHECK(family.tags.size() == 19);
  CHECK(family.facts.start_token == 6561);
  CHECK(family.facts.stop_token == 6562);
  CHECK(family.facts.silence_token == 4299);
  CHECK(family.facts.prompt_opening == Ids{});
  CHECK(family.facts.prompt_closing == Ids{50256, 50256});
  CHECK(family.facts.closing_silence_tokens == 3);
  CHECK(family.facts.max_positions == 8196);
  CHECK(family.facts.defaults.top_k == 1000);
}

TEST_CASE("English's and Multilingual's facts") {
  for (const char* name : {"english", "multilingual"}) {
    const Family& family = named(name);
    CHECK(family.embed_inputs.size() == 3);
    CHECK(family.start_counts);
    CHECK(family.positions == PositionRule::kEmbedTokens);
    CHECK(family.rows_per_sequence == 2);
    CHECK(family.logits_stages == Stages{SamplerStage::kRepetitionPenalty, SamplerStage::kTemperature,
                                         SamplerStage::kMinP, SamplerStage::kTopP});
    CHECK(family.tags.empty());
    CHECK(family.facts.prompt_opening == Ids{6563, 255});
    CHECK(family.facts.prompt_closing == Ids{0, 6561, 6561});
    CHECK(family.facts.closing_silence_tokens == 0);
    CHECK(family.facts.voice_prefix_positions == 33);
    CHECK(family.facts.defaults.top_k == 0);
    CHECK(family.facts.defaults.min_p == doctest::Approx(0.05));
    CHECK(family.facts.defaults.cfg_weight == 0.5f);
    CHECK(family.facts.defaults.exaggeration == 0.5f);
    CHECK(family.facts.text_positions == 2050);
    CHECK(family.facts.speech_positions == 4100);
  }
  CHECK(named("english").dropped_tokens == 0);
  CHECK(named("english").facts.text_vocab_size == 704);
  CHECK(named("multilingual").dropped_tokens == 1);
  CHECK(named("multilingual").facts.text_vocab_size == 2352);
}

TEST_CASE("every record is one that the core can hold to") {
  std::set<std::string> names;
  for (const Family& family : families()) {
    CAPTURE(family.name);
    CHECK(names.insert(family.name).second);
    CHECK(std::string(family.text_profile) != "");
    CHECK((family.rows_per_sequence == 1 || family.rows_per_sequence == 2));
    CHECK(!family.embed_inputs.empty());
    CHECK(std::set<SamplerStage>(family.logits_stages.begin(), family.logits_stages.end()).size() ==
          family.logits_stages.size());
    CHECK_NOTHROW(validate(family.facts.defaults));
    CHECK_NOTHROW(validate(family.facts.streaming));
    for (const char* tag : family.tags) CHECK((tag[0] == '[' && std::string(tag).back() == ']'));
    for (const SamplerStage stage : family.logits_stages) CHECK(std::string(name_of(stage)) != "");
  }
  CHECK(families()[0].runnable);
}
