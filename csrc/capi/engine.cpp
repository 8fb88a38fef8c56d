// Engine, voice, generation and decoding.
#include "capi/handles.hpp"
#include "capi/options.hpp"
#include "decode/token_guards.hpp"
#include "engine/prepared.hpp"
#include "model/kv_dtype.hpp"

using namespace loquor::capi;

namespace {

std::size_t graph_named(const std::string& name) {
  const auto found = std::find(loquor::kGraphNames.begin(), loquor::kGraphNames.end(), name);
  if (found != loquor::kGraphNames.end())
    return static_cast<std::size_t>(found - loquor::kGraphNames.begin());
  std::string known;
  for (const char* graph : loquor::kGraphNames) known += (known.empty() ? "" : ", ") + std::string(graph);
  throw loquor::Error(loquor::ErrorKind::kInvalidInput,
                      "no graph is named '" + name + "' that a prepared one could stand for: use " + known);
}

loquor_engine_options full_options(const loquor_engine_options* given) {
  loquor_engine_options options;
  loquor_engine_options_init(&options);
  return given != nullptr ? read_struct(*given, options, "options") : options;
}

loquor::EngineOptions read_engine_options(const loquor_engine_options& options) {
  loquor::EngineOptions read;
#define OPTION(type, name, initial, origin, range, words, sentence) take(read.name, options.name);
#include "engine/engine_options.def"
  for (size_t i = 0; i < options.provider_option_count; ++i) {
    const char* const* keys = &required(options.provider_option_keys, "provider_option_keys");
    const char* const* values = &required(options.provider_option_values, "provider_option_values");
    read.provider_options.emplace_back(&required(keys[i], "provider option"),
                                       &required(values[i], "provider option"));
  }
  for (size_t i = 0; i < options.prepared_graph_count; ++i) {
    const char* const* names = &required(options.prepared_graph_names, "prepared_graph_names");
    const char* const* files = &required(options.prepared_graph_files, "prepared_graph_files");
    const std::string name = &required(names[i], "prepared graph's name");
    std::string& file = name == "vocoder" ? read.vocoder : read.prepared[graph_named(name)];
    file = &required(files[i], "prepared graph's file");
  }
  return read;
}

template <class T>
std::vector<T> copy_tensor(const T* data, int64_t count, const char* name) {
  const T* first = &required(data, name);
  return std::vector<T>(first, first + count);
}

loquor_engine_info describe(const loquor::Engine& engine) {
  const loquor::Model& model = engine.model();
  const loquor::Manifest& manifest = model.manifest;
  const loquor::LmSignature& lm = model.language_model.signature();
  loquor_engine_info info = {};
  info.bundle = manifest.folder.c_str();
  info.family = manifest.family->name;
  info.device = model.config.device.name.c_str();
  info.provider = model.config.device.provider.c_str();
  info.kv_dtype = loquor::kv_dtype_name(lm.kv.type);
  info.kv_mode = model.language_model.kv_mode() == loquor::KvMode::kInPlace ? "in_place" : "ping_pong";
  info.sampling = engine.sampling();
  info.threads = model.config.threads;
  info.layers = static_cast<int32_t>(lm.kv.layers);
  info.kv_heads = static_cast<int32_t>(lm.kv.heads);
  info.head_dim = static_cast<int32_t>(lm.kv.head_dim);
  info.hidden_size = static_cast<int32_t>(lm.hidden_size);
  info.vocab_size = static_cast<int32_t>(lm.vocab_size);
  info.speaker_embedding_size = static_cast<int32_t>(model.conditional_decoder.speaker_embedding_size());
  info.speaker_feature_size = static_cast<int32_t>(model.conditional_decoder.speaker_feature_size());
  info.max_positions = static_cast<int32_t>(manifest.max_positions);
  info.sample_rate = manifest.sample_rate;
  info.samples_per_token = manifest.samples_per_token;
  info.start_token = manifest.start_token;
  info.stop_token = manifest.stop_token;
  info.silence_token = manifest.silence_token;
  info.end_of_text_token = manifest.end_of_text_token;
  info.slots = engine.slots();
  info.batched = engine.batched() ? 1 : 0;
  info.watermark = model.watermark();
  info.word_times = lm.attention_weights ? 1 : 0;
  return info;
}

loquor_graph_info describe(const loquor::Model& model, size_t index) {
  using loquor::Graph;
  loquor_graph_info info = describe_graph(model.manifest.files, index);
  const auto loaded = [&info](const loquor::ort::Session& session) {
    info.optimization_level = session.optimization_level();
    info.placement = session.placement().c_str();
  };
  switch (static_cast<Graph>(index)) {
    case Graph::kSpeechEncoder:  // may have been unloaded since
      if (const auto* facts = model.speech_encoder_facts()) {
        info.optimization_level = facts->level.c_str();
        info.placement = facts->placement.c_str();
      }
      break;
    case Graph::kEmbedTokens:
      loaded(model.embed_tokens.session());
      break;
    case Graph::kLanguageModel:
      loaded(model.language_model.session());
      break;
    case Graph::kConditionalDecoder:
      loaded(model.conditional_decoder.session());
      break;
  }
  return info;
}

}  // namespace

namespace loquor::capi {

loquor_graph_info describe_graph(const std::array<GraphFile, kGraphCount>& files, size_t index) {
  if (index >= kGraphCount) {
    throw Error(ErrorKind::kInvalidInput, "there is no graph " + std::to_string(index) +
                                              ": they are counted from 0 to " +
                                              std::to_string(kGraphCount - 1));
  }
  loquor_graph_info info = {};
  info.name = kGraphNames[index];
  info.file = files[index].path.c_str();
  info.dtype = files[index].dtype.c_str();
  info.prepared = files[index].prepared.empty() ? nullptr : files[index].prepared.c_str();
  info.vocoder = files[index].vocoder.empty() ? nullptr : files[index].vocoder.c_str();
  return info;
}

Prompt read_prompt(const loquor_request& request, const GenerationOptions& defaults) {
  if (request.input_id_count > 0) required(request.input_ids, "input_ids");
  Prompt prompt;
  prompt.ids.assign(request.input_ids, request.input_ids + request.input_id_count);
  prompt.voice = required(request.voice, "voice").voice;
  prompt.options = read_options(request.options, defaults);
  if (request.text != nullptr) prompt.characters = spoken_characters(request.text);
  return prompt;
}

loquor_finish_reason public_reason(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return LOQUOR_FINISH_STOP;
    case FinishReason::kGuard:
      return LOQUOR_FINISH_GUARD;
    default:
      return LOQUOR_FINISH_LENGTH;
  }
}

Request::Progress progress_of(const loquor_request& request) {
  if (request.progress == nullptr) return {};
  return [call = request.progress, user = request.progress_user](int32_t so_far) { call(user, so_far); };
}

}  // namespace loquor::capi

extern "C" {

loquor_status loquor_engine_open(loquor_runtime* runtime, const char* bundle_folder,
                                 const loquor_engine_options* options, loquor_engine** out) {
  return as_status([&] {
    required(out, "out");
    const auto& api = required(runtime, "runtime").api;
    const std::string folder = &required(bundle_folder, "bundle_folder");
    const loquor_engine_options given = full_options(options);
    const loquor::EngineOptions read = read_engine_options(given);
    auto opened = given.find_prepared != 0 ? loquor::open_with_prepared(api, folder, read)
                                           : std::make_unique<loquor::Engine>(api, folder, read);
    *out = new loquor_engine{std::make_shared<std::unique_ptr<loquor::Engine>>(std::move(opened))};
  });
}

void loquor_engine_close(loquor_engine* engine) {
  if (!usable_here(engine)) return;
  engine->held->reset();
  delete engine;
}

void loquor_engine_release(loquor_engine* engine) { give_back(engine); }

void loquor_engine_halt(loquor_engine* engine) {
  if (usable_here(engine)) engine->engine.halt();
}

loquor_status loquor_engine_get_info(const loquor_engine* engine, loquor_engine_info* info) {
  return as_status([&] { write_struct(info, describe(required(engine, "engine").engine), "info"); });
}

size_t loquor_engine_graph_count(const loquor_engine* engine) {
  return engine != nullptr ? loquor::kGraphCount : 0;
}

loquor_status loquor_engine_get_graph(const loquor_engine* engine, size_t index, loquor_graph_info* info) {
  return as_status(
      [&] { write_struct(info, describe(required(engine, "engine").engine.model(), index), "info"); });
}

loquor_status loquor_engine_encode_voice(loquor_engine* engine, const float* samples, size_t sample_count,
                                         loquor_cancel* cancel, loquor_voice** out) {
  return as_status([&] {
    required(out, "out");
    if (sample_count > 0) required(samples, "samples");
    loquor::Engine& target = required(engine, "engine").engine;
    *out = new loquor_voice{
        std::make_shared<const loquor::Voice>(target.encode_voice({samples, sample_count}, token_of(cancel))),
        target.fingerprint()};
  });
}

loquor_status loquor_voice_create(const loquor_voice_tensors* tensors, loquor_voice** out) {
  return as_status([&] {
    required(out, "out");
    const auto given = read_struct(required(tensors, "tensors"), loquor_voice_tensors{}, "tensors");
    loquor::check_shape({given.prefix_length, given.hidden_size, given.audio_token_count,
                         given.speaker_embedding_size, given.speaker_frames, given.speaker_feature_size});
    loquor::Voice voice;
    voice.audio_features =
        copy_tensor(given.audio_features, given.prefix_length * given.hidden_size, "audio_features");
    voice.prefix_length = given.prefix_length;
    voice.hidden_size = given.hidden_size;
    voice.audio_tokens = copy_tensor(given.audio_tokens, given.audio_token_count, "audio_tokens");
    voice.speaker_embeddings =
        copy_tensor(given.speaker_embeddings, given.speaker_embedding_size, "speaker_embeddings");
    voice.speaker_features = copy_tensor(
        given.speaker_features, given.speaker_frames * given.speaker_feature_size, "speaker_features");
    voice.speaker_frames = given.speaker_frames;
    voice.speaker_feature_size = given.speaker_feature_size;
    loquor::check_voice(voice);
    *out = new loquor_voice{std::make_shared<const loquor::Voice>(std::move(voice))};
  });
}

loquor_status loquor_engine_check_voice(const loquor_engine* engine, const loquor_voice* voice) {
  return as_status([&] { required(engine, "engine").engine.model().check(*required(voice, "voice").voice); });
}

loquor_status loquor_voice_get_tensors(const loquor_voice* voice, loquor_voice_tensors* tensors) {
  return as_status([&] {
    const loquor::Voice& from = *required(voice, "voice").voice;
    loquor_voice_tensors view = {};
    view.audio_features = from.audio_features.data();
    view.prefix_length = from.prefix_length;
    view.hidden_size = from.hidden_size;
    view.audio_tokens = from.audio_tokens.data();
    view.audio_token_count = static_cast<int64_t>(from.audio_tokens.size());
    view.speaker_embeddings = from.speaker_embeddings.data();
    view.speaker_embedding_size = static_cast<int64_t>(from.speaker_embeddings.size());
    view.speaker_features = from.speaker_features.data();
    view.speaker_frames = from.speaker_frames;
    view.speaker_feature_size = from.speaker_feature_size;
    write_struct(tensors, view, "tensors");
  });
}

void loquor_voice_destroy(loquor_voice* voice) { delete voice; }

loquor_status loquor_engine_default_options(const loquor_engine* engine, loquor_generation_options* options) {
  return as_status([&] {
    write_struct(options, to_public(required(engine, "engine").engine.model().defaults()), "options");
  });
}

void loquor_request_init(loquor_request* request) {
  if (request == nullptr) return;
  *request = {};
  request->struct_size = sizeof(*request);
}

loquor_status loquor_engine_generate_tokens(loquor_engine* engine, const loquor_request* request,
                                            loquor_tokens** out) {
  return as_status([&] {
    required(out, "out");
    loquor::Engine& target = required(engine, "engine").engine;
    const auto given = read_struct(required(request, "request"), loquor_request{}, "request");
    *out = new loquor_tokens{target.generate(read_prompt(given, target.model().defaults()),
                                             token_of(given.cancel), progress_of(given))};
  });
}

loquor_status loquor_tokens_get_info(const loquor_tokens* tokens, loquor_tokens_info* info) {
  return as_status([&] {
    const loquor::Tokens& from = required(tokens, "tokens").tokens;
    write_struct(
        info,
        {sizeof(loquor_tokens_info), from.ids.data(), from.ids.size(), public_reason(from.finish_reason),
         from.prompt_length, from.prefill_seconds, from.steps_seconds, from.cached_positions},
        "info");
  });
}

void loquor_tokens_destroy(loquor_tokens* tokens) { delete tokens; }

loquor_status loquor_engine_decode(loquor_engine* engine, const int64_t* tokens, size_t token_count,
                                   const loquor_voice* voice, const loquor_decode_options* options,
                                   loquor_cancel* cancel, loquor_waveform** out) {
  return as_status([&] {
    required(out, "out");
    if (token_count > 0) required(tokens, "tokens");
    *out = new loquor_waveform{required(engine, "engine")
                                   .engine.decode({tokens, token_count}, required(voice, "voice").voice,
                                                  token_of(cancel), read_options(options))};
  });
}

loquor_status loquor_waveform_get_info(const loquor_waveform* waveform, loquor_waveform_info* info) {
  return as_status([&] {
    const loquor::Waveform& from = required(waveform, "waveform").waveform;
    write_struct(info,
                 {sizeof(loquor_waveform_info), from.samples.data(), from.samples.size(), from.sample_rate,
                  from.seconds_taken},
                 "info");
  });
}

void loquor_waveform_destroy(loquor_waveform* waveform) { delete waveform; }

}  // extern "C"
