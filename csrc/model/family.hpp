// What sets one family of models apart, as data. Its record is the only place in the core that knows a family
// by name: a loop asks for the fact.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/generation_options.hpp"
#include "model/guards.hpp"
#include "model/stream_options.hpp"

namespace loquor {

// Where the positions are counted whose embeddings the model learned.
enum class PositionRule {
  kLanguageModel,  // by the language model: voice, text and speech in one row, from 0
  kEmbedTokens,    // by the embedding table: the text from 0, and the speech from 0 again
};

// What a bundle's settings may say otherwise than its family.
struct ModelFacts {
  int32_t sample_rate;  // Hz
  int32_t samples_per_token;
  int64_t start_token;
  int64_t stop_token;
  int64_t silence_token;
  int64_t end_of_text_token;
  std::vector<int64_t> prompt_opening;  // ids that a prompt begins with, before the text
  std::vector<int64_t> prompt_closing;  // ids that it ends with
  int32_t closing_silence_tokens;       // appended before decoding
  int64_t text_vocab_size;
  int64_t max_positions;
  int64_t voice_prefix_positions;  // that every voice has; 0: as many as its recording gives
  int64_t text_positions;          // where embed_tokens counts: of a text; 0: no limit of its own
  int64_t speech_positions;        // the same of speech, START included
  std::string text_normalizer;     // what text goes through first, by Python's name for it
  int32_t piece_characters;        // that the model speaks well in one call
  GenerationOptions defaults;
  StreamOptions streaming;   // what the decoder needs around a chunk, and chunks that suit it
  GuardLimits guard_limits;  // what its speech may take
  // Heads of the language model that attend to what of the text is being said: layer and head, in turns.
  std::vector<int64_t> alignment_heads;
};

struct Family {
  const char* name;
  const char* models;                     // that belong to it, for people
  bool runnable;                          // by this version
  std::vector<const char*> embed_inputs;  // that its embed_tokens takes
  std::vector<const char*> more_inputs;   // and some exports' beside
  const char* backbone;                   // what `text_config` of its config.json calls the language model
  PositionRule positions;
  int32_t rows_per_sequence;                // of the KV cache, at most; 2: a second one for guidance
  std::vector<SamplerStage> logits_stages;  // in order, once rows are combined
  bool start_counts;              // the repetition penalty meets START at every step, not at the first alone
  int32_t dropped_tokens;         // the last that are decoded and not heard
  const char* text_profile;       // how its text is punctuated, by Python's name for it
  std::vector<const char*> tags;  // each one token of its tokenizer
  ModelFacts facts;
};

// Those that are known, the first one chosen where a bundle fits several.
const std::vector<Family>& families();

// What a bundle says of its family.
struct FamilyEvidence {
  std::string embed_file;                 // path of its embed_tokens graph
  std::vector<std::string> embed_inputs;  // that this graph declares
  std::string config_file;                // path of its config.json
  std::string name;                       // `family` there; "": not said
  std::string backbone;                   // `text_config.model_type` there; "": not said
  int64_t text_vocab_size = 0;            // `text_config.text_vocab_size` there, else of the graph's tables
};

// Throws kModel for a graph that no family has, a config that contradicts it, and a family that this version
// cannot run.
const Family& choose_family(const FamilyEvidence& evidence);

const char* name_of(PositionRule rule);
const char* name_of(SamplerStage stage);

}  // namespace loquor
