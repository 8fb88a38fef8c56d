// Text to prompts, and text to speech.
#include <algorithm>

#include "base/log.hpp"
#include "base/utf8.hpp"
#include "capi/handles.hpp"
#include "capi/options.hpp"
#include "capi/streams.hpp"
#include "english/english.hpp"

using namespace loquor::capi;

namespace {

// Far above what English takes (some 2.4 a character and 20), as the guard of length has them.
constexpr int64_t kTokensAtLeast = 75, kTokensPerCharacter = 5;

loquor::TextOptions read_text_options(const loquor_text_options* given) {
  loquor_text_options options;
  loquor_text_options_init(&options);
  if (given != nullptr) options = read_struct(*given, options, "text options");
  loquor::TextOptions read;
  if (options.language != nullptr) read.language = options.language;
  if (options.normalizer != nullptr) read.normalizer = options.normalizer;
  return read;
}

int64_t characters_in(std::string_view utf8) {
  return std::count_if(utf8.begin(), utf8.end(),
                       [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; });
}

// A stream of a text, begun.
std::unique_ptr<loquor_stream> speak(loquor_engine* engine, const char* text,
                                     const loquor_text_options* text_options, const loquor_request* request,
                                     const loquor_stream_options* options, bool whole) {
  loquor_engine& target = required(engine, "engine");
  const loquor::Model& model = target.engine.model();
  loquor_request given = read_struct(required(request, "request"), loquor_request{}, "request");
  const loquor::PreparedText prepared =
      target.text.prepare(&required(text, "text"), read_text_options(text_options));
  given.input_ids = prepared.ids.data();
  given.input_id_count = prepared.ids.size();
  given.text = prepared.text.c_str();
  loquor_generation_options generation = to_public(model.defaults());
  if (given.options != nullptr) generation = read_struct(*given.options, generation, "options");
  if (model.manifest.family->rows_per_sequence > 1 &&
      generation.max_new_tokens == model.defaults().max_new_tokens) {
    const int64_t most = kTokensAtLeast + kTokensPerCharacter * characters_in(text);
    generation.max_new_tokens = std::max(generation.max_new_tokens, static_cast<int32_t>(most));
  }
  given.options = &generation;
  loquor::StreamOptions chunks = read_options(options, model.manifest.streaming);
  if (whole) chunks.first_chunk = 0;
  std::unique_ptr<loquor_stream> stream = begin_stream(target, given, chunks);
  stream->warnings = prepared.warnings;
  return stream;
}

loquor::Waveform wait_for(loquor_stream& stream) {
  loquor::Waveform wave;
  loquor::Chunk chunk;
  while (stream.request->next(chunk, std::nullopt, stream.progress) == loquor::Request::Next::kChunk)
    wave.samples.insert(wave.samples.end(), chunk.samples.begin(), chunk.samples.end());
  wave.sample_rate = stream.sample_rate;
  wave.seconds_taken = stream.request->result().decoder_seconds;
  return wave;
}

const char* at(const std::vector<std::string>& list, size_t index) {
  return index < list.size() ? list[index].c_str() : nullptr;
}

}  // namespace

namespace loquor::capi {

TextFacts text_facts(const Manifest& manifest) {
  const Family& family = *manifest.family;
  TextFacts facts;
  facts.folder = manifest.folder;
  facts.profile = family.text_profile;
  facts.normalizer = manifest.text_normalizer;
  facts.opening = manifest.prompt_opening;
  facts.closing = manifest.prompt_closing;
  facts.tags.assign(family.tags.begin(), family.tags.end());
  facts.ids_tell_speech = family.positions == PositionRule::kEmbedTokens;
  return facts;
}

}  // namespace loquor::capi

extern "C" {

void loquor_text_options_init(loquor_text_options* options) {
  if (options == nullptr) return;
  *options = {};
  options->struct_size = sizeof(*options);
}

loquor_status loquor_engine_prepare_text(const loquor_engine* engine, const char* text,
                                         const loquor_text_options* options, loquor_text** out) {
  return as_status([&] {
    required(out, "out");
    const loquor_engine& target = required(engine, "engine");
    *out = new loquor_text{target.text.prepare(&required(text, "text"), read_text_options(options))};
  });
}

loquor_status loquor_bundle_prepare_text(const loquor_bundle* bundle, const char* text,
                                         const loquor_text_options* options, loquor_text** out) {
  return as_status([&] {
    required(out, "out");
    const loquor_bundle& target = required(bundle, "bundle");
    *out = new loquor_text{target.text.prepare(&required(text, "text"), read_text_options(options))};
  });
}

loquor_status loquor_text_get_info(const loquor_text* text, loquor_text_info* info) {
  return as_status([&] {
    const loquor::PreparedText& from = required(text, "text").prepared;
    write_struct(info, {sizeof(loquor_text_info), from.ids.data(), from.ids.size(), from.text.c_str()},
                 "info");
  });
}

const char* loquor_text_warning(const loquor_text* text, size_t index) {
  return text == nullptr ? nullptr : at(text->prepared.warnings, index);
}

loquor_status loquor_spell_english(const char* text, size_t size, loquor_text** out) {
  return as_status([&] {
    required(out, "out");
    const std::string_view given(&required(text, "text"), size);
    if (!loquor::is_utf8(given))
      throw loquor::Error(loquor::ErrorKind::kInvalidInput, "text is not valid UTF-8: decode it again");
    loquor::english::Spelled spelled = loquor::english::spell(given);
    loquor::PreparedText prepared;
    prepared.text = std::move(spelled.text);
    prepared.left_out = std::move(spelled.left_out);
    prepared.markup = std::move(spelled.markup);
    *out = new loquor_text{std::move(prepared)};
  });
}

const char* loquor_text_left_out(const loquor_text* text, size_t index) {
  return text == nullptr ? nullptr : at(text->prepared.left_out, index);
}

const char* loquor_text_markup(const loquor_text* text, size_t index) {
  return text == nullptr ? nullptr : at(text->prepared.markup, index);
}

void loquor_text_destroy(loquor_text* text) { delete text; }

loquor_status loquor_engine_stream_text(loquor_engine* engine, const char* text,
                                        const loquor_text_options* text_options,
                                        const loquor_request* request, const loquor_stream_options* options,
                                        loquor_stream** out) {
  return as_status([&] {
    required(out, "out");
    *out = speak(engine, text, text_options, request, options, false).release();
  });
}

const char* loquor_stream_warning(const loquor_stream* stream, size_t index) {
  return stream == nullptr ? nullptr : at(stream->warnings, index);
}

loquor_status loquor_engine_speak_text(loquor_engine* engine, const char* text,
                                       const loquor_text_options* text_options, const loquor_request* request,
                                       loquor_waveform** out) {
  return as_status([&] {
    required(out, "out");
    const std::unique_ptr<loquor_stream> stream = speak(engine, text, text_options, request, nullptr, true);
    for (const std::string& warning : stream->warnings)
      loquor::log::write(loquor::log::Level::kWarning, warning);
    auto wave = std::make_unique<loquor_waveform>();
    wave->waveform = wait_for(*stream);
    *out = wave.release();
  });
}

loquor_status loquor_tokenizer_open(const char* file, loquor_tokenizer** out) {
  return as_status([&] {
    required(out, "out");
    *out = new loquor_tokenizer{loquor::TokenizerFile(&required(file, "file"))};
  });
}

loquor_status loquor_tokenizer_encode(const loquor_tokenizer* tokenizer, const char* text, int32_t closed,
                                      loquor_text** out) {
  return as_status([&] {
    required(out, "out");
    loquor::PreparedText encoded;
    encoded.text = &required(text, "text");
    if (!loquor::is_utf8(encoded.text))
      throw loquor::Error(loquor::ErrorKind::kInvalidInput, "text is not valid UTF-8: decode it again");
    encoded.ids = required(tokenizer, "tokenizer").file.encode(encoded.text, closed != 0);
    *out = new loquor_text{std::move(encoded)};
  });
}

void loquor_tokenizer_close(loquor_tokenizer* tokenizer) { delete tokenizer; }

}  // extern "C"
