// Bundles and families.
#include "capi/handles.hpp"
#include "model/kv_dtype.hpp"
#include "model/precision.hpp"

using namespace loquor::capi;
using loquor::Error;
using loquor::ErrorKind;
using loquor::kGraphCount;

namespace {

// A handle is the record's address.
const loquor_family* handle_of(const loquor::Family& family) {
  return reinterpret_cast<const loquor_family*>(&family);
}
const loquor::Family* record_of(const loquor_family* family) {
  return reinterpret_cast<const loquor::Family*>(family);
}

const loquor::VoiceFile* voice_at(const loquor_bundle* bundle, size_t index) {
  if (bundle == nullptr || index >= bundle->manifest.voices.size()) return nullptr;
  return &bundle->manifest.voices[index];
}

const char* text_or_empty(const char* text) { return text == nullptr ? "" : text; }

const char* at(const std::vector<const char*>& list, size_t index) {
  return index < list.size() ? list[index] : nullptr;
}

}  // namespace

extern "C" {

const char* loquor_graph_name(size_t index) {
  return index < kGraphCount ? loquor::kGraphNames[index] : nullptr;
}

const char* loquor_dtype_name(size_t index) {
  return index < loquor::kPrecisions.size() ? loquor::kPrecisions[index].name : nullptr;
}

loquor_status loquor_dtype_parse(const char* dtype, size_t graph, const char** out) {
  return as_status([&] {
    required(out, "out");
    if (graph >= kGraphCount) throw Error(ErrorKind::kInvalidInput, "graph is out of range");
    const loquor::Precision* const asked = loquor::parse_dtype(&required(dtype, "dtype"))[graph];
    *out = asked != nullptr ? asked->name : "auto";
  });
}

loquor_status loquor_kv_dtype_get_info(size_t index, loquor_kv_dtype_info* info) {
  return as_status([&] {
    if (index >= loquor::kKvDtypes.size()) throw Error(ErrorKind::kInvalidInput, "index is out of range");
    const loquor::KvDtype& dtype = loquor::kKvDtypes[index];
    write_struct(info, {sizeof(loquor_kv_dtype_info), dtype.name, static_cast<int32_t>(dtype.type)}, "info");
  });
}

loquor_status loquor_listing_create(const char* const* paths, size_t count, loquor_listing** out) {
  return as_status([&] {
    required(out, "out");
    std::vector<std::string> copies;
    if (count > 0) required(paths, "paths");
    for (size_t i = 0; i < count; ++i) copies.emplace_back(&required(paths[i], "path"));
    *out = new loquor_listing{loquor::Listing(copies), copies, {}};
  });
}

void loquor_listing_destroy(loquor_listing* listing) { delete listing; }

const char* loquor_listing_offer(const loquor_listing* listing, size_t graph, size_t index) {
  if (listing == nullptr || graph >= kGraphCount) return nullptr;
  const auto offered = listing->names.offered(graph);
  return index < offered.size() ? offered[index]->name : nullptr;
}

loquor_status loquor_listing_choose(loquor_listing* listing, const char* dtype, const char* advised_dtype,
                                    const char* place) {
  return as_status([&] {
    loquor_listing& of = required(listing, "listing");
    of.chosen.reset();
    of.chosen =
        of.names.choose(&required(dtype, "dtype"), text_or_empty(advised_dtype), &required(place, "place"));
  });
}

const char* loquor_listing_dtype(const loquor_listing* listing, size_t graph) {
  if (listing == nullptr || !listing->chosen || graph >= kGraphCount) return nullptr;
  return (*listing->chosen)[graph]->name;
}

int32_t loquor_listing_needs(const loquor_listing* listing, size_t index) {
  if (listing == nullptr || !listing->chosen || index >= listing->paths.size()) return 0;
  return loquor::needs(*listing->chosen, listing->paths[index]) ? 1 : 0;
}

const loquor_family* loquor_family_at(size_t index) {
  return index < loquor::families().size() ? handle_of(loquor::families()[index]) : nullptr;
}

const loquor_family* loquor_engine_family(const loquor_engine* engine) {
  return engine != nullptr ? handle_of(*engine->engine.model().manifest.family) : nullptr;
}

loquor_status loquor_family_get_info(const loquor_family* family, loquor_family_info* info) {
  return as_status([&] {
    const loquor::Family& from = *record_of(&required(family, "family"));
    loquor_family_info filled = {};
    filled.name = from.name;
    filled.models = from.models;
    filled.runnable = from.runnable ? 1 : 0;
    filled.positions = loquor::name_of(from.positions);
    filled.rows_per_sequence = from.rows_per_sequence;
    filled.dropped_tokens = from.dropped_tokens;
    filled.text_profile = from.text_profile;
    write_struct(info, filled, "info");
  });
}

const char* loquor_family_embed_input(const loquor_family* family, size_t index) {
  return family != nullptr ? at(record_of(family)->embed_inputs, index) : nullptr;
}

const char* loquor_family_logits_stage(const loquor_family* family, size_t index) {
  if (family == nullptr) return nullptr;
  const auto& stages = record_of(family)->logits_stages;
  return index < stages.size() ? loquor::name_of(stages[index]) : nullptr;
}

const char* loquor_family_tag(const loquor_family* family, size_t index) {
  return family != nullptr ? at(record_of(family)->tags, index) : nullptr;
}

loquor_status loquor_bundle_open(const char* folder, const char* dtype, const char* advised_dtype,
                                 loquor_bundle** out) {
  return as_status([&] {
    required(out, "out");
    *out = new loquor_bundle{loquor::read_manifest(&required(folder, "folder"), &required(dtype, "dtype"),
                                                   text_or_empty(advised_dtype))};
  });
}

void loquor_bundle_close(loquor_bundle* bundle) { delete bundle; }

size_t loquor_bundle_graph_count(const loquor_bundle* bundle) {
  return bundle != nullptr ? bundle->manifest.files.size() : 0;
}

loquor_status loquor_bundle_get_graph(const loquor_bundle* bundle, size_t index, loquor_graph_info* info) {
  return as_status(
      [&] { write_struct(info, describe_graph(required(bundle, "bundle").manifest.files, index), "info"); });
}

const loquor_family* loquor_bundle_family(const loquor_bundle* bundle) {
  return bundle != nullptr ? handle_of(*bundle->manifest.family) : nullptr;
}

const char* loquor_bundle_voice_name(const loquor_bundle* bundle, size_t index) {
  const loquor::VoiceFile* const voice = voice_at(bundle, index);
  return voice != nullptr ? voice->name.c_str() : nullptr;
}

const char* loquor_bundle_voice_file(const loquor_bundle* bundle, size_t index) {
  const loquor::VoiceFile* const voice = voice_at(bundle, index);
  return voice != nullptr ? voice->path.c_str() : nullptr;
}

loquor_status loquor_bundle_get_info(const loquor_bundle* bundle, loquor_bundle_info* info) {
  return as_status([&] {
    const loquor::Manifest& from = required(bundle, "bundle").manifest;
    loquor_bundle_info filled = {};
    filled.default_voice = from.default_voice ? from.default_voice->c_str() : nullptr;
    filled.text_normalizer = from.text_normalizer.c_str();
    filled.piece_characters = from.piece_characters;
    filled.sample_rate = from.sample_rate;
    filled.samples_per_token = from.samples_per_token;
    filled.max_positions = static_cast<int32_t>(from.max_positions);
    filled.voice_prefix_positions = static_cast<int32_t>(from.voice_prefix_positions);
    filled.closing_silence_tokens = from.closing_silence_tokens;
    filled.text_vocab_size = from.text_vocab_size;
    filled.start_token = from.start_token;
    filled.stop_token = from.stop_token;
    filled.silence_token = from.silence_token;
    filled.end_of_text_token = from.end_of_text_token;
    filled.prompt_opening = from.prompt_opening.data();
    filled.prompt_opening_count = from.prompt_opening.size();
    filled.prompt_closing = from.prompt_closing.data();
    filled.prompt_closing_count = from.prompt_closing.size();
    filled.alignment_heads = from.alignment_heads.data();
    filled.alignment_head_numbers = from.alignment_heads.size();
    write_struct(info, filled, "info");
  });
}

}  // extern "C"
