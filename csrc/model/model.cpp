#include "model/model.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <future>
#include <numeric>
#include <thread>

#include "base/log.hpp"
#include "model/contract.hpp"
#include "model/port_names.hpp"
#include "ort/graph_file.hpp"
#include "ort/weights.hpp"

namespace loquor {
namespace {

constexpr std::size_t index_of(Graph graph) { return static_cast<std::size_t>(graph); }

// The speech encoder runs once a voice: weights that stay mapped from their file load faster than packed
// copies of them, and hold half the memory. Products of 4 and 8 bits are slow unless they are packed.
bool packs_weights(const GraphFile& file, Graph graph, const ort::Device& device) {
  return graph != Graph::kSpeechEncoder || file.dtype != "fp32" || !device.host_memory();
}

ort::Session load_graph(const ort::ApiPtr& api, const Manifest& manifest, Graph graph,
                        ort::SessionConfig config, const LmExtension& extend) {
  const auto& file = manifest.files[index_of(graph)];
  config.packs_weights = packs_weights(file, graph, config.device);
  log::write(log::Level::kInfo, "loading " + file.path + " (" + file.dtype +
                                    (file.prepared.empty() ? "" : ", prepared") + ") on " +
                                    config.device.provider);
  if (!extend.nodes) return ort::Session(api, file.path, config, file.prepared);
  try {
    return ort::Session(api, file.path, config, file.prepared, extend.nodes);
  } catch (const Error& error) {
    if (!extend.optional) throw;
    log::write(log::Level::kWarning,
               std::string("tokens are chosen on the host, since the device's sampler cannot be appended: ") +
                   error.what());
  }
  return ort::Session(api, file.path, config, file.prepared);
}

ort::Session load(const ort::ApiPtr& api, const Manifest& manifest, Graph graph,
                  const ort::SessionConfig& config, const LmExtension& extend = {}) {
  ort::Session session = load_graph(api, manifest, graph, config, extend);
  adopt_names(session, graph, *manifest.family);
  return session;
}

std::optional<ort::Session> load_vocoder(const ort::ApiPtr& api, const Manifest& manifest,
                                         const ort::SessionConfig& config) {
  const auto& file = manifest.files[index_of(Graph::kConditionalDecoder)];
  if (file.vocoder.empty()) return std::nullopt;
  return ort::Session(api, file.path, config, file.vocoder);
}

// Bytes of a graph's weights, or of the graph where it has none beside it; only to compare.
std::uintmax_t bytes_of(const std::string& file) {
  std::error_code none;
  for (const char* const suffix : {"_data", ""}) {
    const auto size = std::filesystem::file_size(std::filesystem::u8path(file + suffix), none);
    if (!none) return size;
  }
  return 0;
}

// What is no speech encoder at all is refused before it is loaded.
void require_recording(const std::string& file) {
  const std::vector<std::string> inputs = ort::declared_inputs(file);
  const bool named = std::find(inputs.begin(), inputs.end(), "audio_values") != inputs.end();
  if (named || (inputs.size() == 1 && inputs[0] != "input_ids")) return;  // by its place
  throw Error(ErrorKind::kModel,
              file + " takes no input 'audio_values', so it is no speech encoder: fetch the bundle again");
}

[[noreturn]] void unfit(const std::string& problem) {
  throw Error(ErrorKind::kInvalidInput, "this voice does not fit the model: " + problem +
                                            "; make it again from its recording with this model");
}

// How its table reads ids, where it counts positions itself.
std::optional<EmbedRules> rules_of(const Manifest& manifest) {
  if (manifest.family->positions == PositionRule::kLanguageModel) return std::nullopt;
  return EmbedRules{manifest.start_token, manifest.end_of_text_token, manifest.prompt_opening.front()};
}

void require_size(const char* what, int64_t expected, int64_t found) {
  if (expected > 0 && expected != found) {
    unfit(std::string(what) + " should be " + std::to_string(expected) + " but is " + std::to_string(found));
  }
}

}  // namespace

Model::Model(const ort::ApiPtr& api, Manifest manifest_, const ort::SessionConfig& config_,
             const LmExtension& extend_lm, Encoder encoder)
    : Model(api, manifest_, config_, load_all(api, manifest_, config_, extend_lm, encoder)) {}

Model::Model(const ort::ApiPtr& api, Manifest manifest_, const ort::SessionConfig& config_, Loaded loaded)
    : manifest(std::move(manifest_)),
      config(config_),
      embed_tokens(std::move(*loaded.sessions[index_of(Graph::kEmbedTokens)]), rules_of(manifest),
                   manifest.files[index_of(Graph::kEmbedTokens)].path),
      language_model(std::move(*loaded.sessions[index_of(Graph::kLanguageModel)]), config.device,
                     loaded.probe.get(), manifest.family->rows_per_sequence),
      conditional_decoder(std::move(*loaded.sessions[index_of(Graph::kConditionalDecoder)]),
                          std::move(loaded.vocoder), manifest.samples_per_token),
      api_(api) {
  check_boundaries();
  find_closing();
  auto& encoder = loaded.sessions[index_of(Graph::kSpeechEncoder)];
  if (encoder) speech_encoder_ = checked_encoder(std::move(*encoder));
  log::write(log::Level::kInfo,
             std::string("the KV cache is kept ") +
                 (language_model.kv_mode() == KvMode::kInPlace ? "in place" : "in two buffers by turns"));
}

// Loads on a thread for each core, the largest graphs first: what is large would end last. The language model
// is probed meanwhile.
Model::Loaded Model::load_all(const ort::ApiPtr& api, const Manifest& manifest,
                              const ort::SessionConfig& config, const LmExtension& extend_lm,
                              Encoder encoder) {
  std::vector<std::size_t> order(kGraphCount);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (encoder == Encoder::kWhenNeeded) order.erase(order.begin() + index_of(Graph::kSpeechEncoder));
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return bytes_of(manifest.files[a].path) > bytes_of(manifest.files[b].path);
  });
  // Nothing of a bundle is loaded unless all of its weights lie where they may.
  for (const GraphFile& file : manifest.files)
    ort::find_weights(file.path, file.prepared.empty() ? file.path : file.prepared);
  if (encoder == Encoder::kWhenNeeded)
    require_recording(manifest.files[index_of(Graph::kSpeechEncoder)].path);
  std::array<std::promise<ort::Session>, kGraphCount> loaded;
  std::future<LmProbe> probe;
  std::optional<ort::Session> vocoder;
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t at = next++; at < order.size(); at = next++) {
      const auto graph = static_cast<Graph>(order[at]);
      try {
        const bool is_lm = graph == Graph::kLanguageModel;
        ort::Session session = load(api, manifest, graph, config, is_lm ? extend_lm : LmExtension{});
        if (graph == Graph::kConditionalDecoder) vocoder = load_vocoder(api, manifest, config);
        if (is_lm) {
          std::packaged_task<LmProbe()> probing([&] {
            return probe_language_model(session, read_lm_signature(session), config.device,
                                        manifest.family->rows_per_sequence);
          });
          probe = probing.get_future();
          probing();
        }
        loaded[order[at]].set_value(std::move(session));
      } catch (...) {
        loaded[order[at]].set_exception(std::current_exception());
      }
    }
  };
  std::vector<std::future<void>> helpers;
  for (std::size_t i = 1; i < std::min<std::size_t>(order.size(), std::thread::hardware_concurrency()); ++i) {
    helpers.push_back(std::async(std::launch::async | std::launch::deferred, work));  // deferred: no thread
  }
  work();
  for (auto& helper : helpers) helper.wait();
  Loaded all = {std::vector<std::optional<ort::Session>>(kGraphCount), std::move(vocoder), std::move(probe)};
  std::sort(order.begin(), order.end());  // the first failure by graph is told of
  for (const std::size_t graph : order) all.sessions[graph] = loaded[graph].get_future().get();
  return all;
}

// --- The speech encoder ---

std::shared_ptr<const SpeechEncoder> Model::speech_encoder() const {
  const std::lock_guard<std::mutex> one_load(encoder_load_mutex_);
  {
    const std::lock_guard<std::mutex> lock(encoder_mutex_);
    if (speech_encoder_ == nullptr) speech_encoder_ = encoder_in_use_.lock();
    if (speech_encoder_ != nullptr) return speech_encoder_;
    keeps_encoder_ = true;
  }
  auto encoder = load_encoder();
  const std::lock_guard<std::mutex> lock(encoder_mutex_);
  if (keeps_encoder_) speech_encoder_ = encoder;
  return encoder;
}

std::shared_ptr<const SpeechEncoder> Model::load_encoder() const {
  const GraphFile& file = manifest.files[index_of(Graph::kSpeechEncoder)];
  if (file.prepared.empty()) return checked_encoder(load(api_, manifest, Graph::kSpeechEncoder, config));
  try {
    return checked_encoder(load(api_, manifest, Graph::kSpeechEncoder, config));
  } catch (const Error& error) {
    Manifest published = manifest;
    published.files[index_of(Graph::kSpeechEncoder)].prepared.clear();
    auto encoder = checked_encoder(load(api_, published, Graph::kSpeechEncoder, config));
    log::write(log::Level::kWarning,
               std::string("speech_encoder: used as published, not prepared: ") + error.what());
    return encoder;
  }
}

// Kept as the one in use once it is known to fit the other graphs.
std::shared_ptr<const SpeechEncoder> Model::checked_encoder(ort::Session session) const {
  auto encoder = std::make_shared<const SpeechEncoder>(std::move(session));
  const Contract contract(encoder->session());
  const auto agree = [&](const char* what, int64_t expected, int64_t found) {
    if (expected > 0 && found > 0) contract.equal(what, expected, found);
  };
  agree("the hidden size of its prefix (language_model's is the measure)",
        language_model.signature().hidden_size, encoder->hidden_size());
  agree("the size of 'speaker_embeddings' (conditional_decoder's is the measure)",
        conditional_decoder.speaker_embedding_size(), encoder->speaker_embedding_size());
  agree("the size of 'speaker_features' (conditional_decoder's is the measure)",
        conditional_decoder.speaker_feature_size(), encoder->speaker_feature_size());
  const std::lock_guard<std::mutex> lock(encoder_mutex_);
  if (encoder_facts_ == nullptr) {
    encoder_facts_ = std::make_unique<const EncoderFacts>(
        EncoderFacts{encoder->session().optimization_level(), encoder->session().placement()});
  }
  encoder_in_use_ = encoder;
  return encoder;
}

const Model::EncoderFacts* Model::speech_encoder_facts() const {
  const std::lock_guard<std::mutex> lock(encoder_mutex_);
  return encoder_facts_.get();
}

std::shared_ptr<const SpeechEncoder> Model::loaded_encoder() const {
  const std::lock_guard<std::mutex> lock(encoder_mutex_);
  return encoder_in_use_.lock();
}

void Model::unload_speech_encoder() {
  std::shared_ptr<const SpeechEncoder> unloaded;  // goes outside the lock
  const std::lock_guard<std::mutex> lock(encoder_mutex_);
  keeps_encoder_ = false;
  speech_encoder_.swap(unloaded);
}

bool Model::speech_encoder_loaded() const { return loaded_encoder() != nullptr; }

void Model::load_watermark(const std::string& file) {
  if (manifest.sample_rate != WatermarkEncoder::kSampleRate) {
    throw Error(ErrorKind::kInvalidInput,
                "speech of this model has " + std::to_string(manifest.sample_rate) +
                    " samples a second, and the watermark is made for 24000: open the engine with watermark "
                    "none, and mark the sound by other means");
  }
  log::write(log::Level::kInfo, "all speech is marked by " + file);
  watermark_encoder = std::make_unique<const WatermarkEncoder>(api_, file, config.threads);
}

// --- Memory ---

int64_t Model::arena_bytes() const {
  const auto encoder = loaded_encoder();
  return embed_tokens.session().arena_bytes() + language_model.session().arena_bytes() +
         conditional_decoder.session().arena_bytes() +
         (conditional_decoder.vocoder() == nullptr ? 0
                                                   : conditional_decoder.vocoder()->session().arena_bytes()) +
         (encoder == nullptr ? 0 : encoder->session().arena_bytes()) +
         (watermark_encoder == nullptr ? 0 : watermark_encoder->session().arena_bytes());
}

void Model::shrink_arena(const SpeechEncoder& encoder) const {
  if (!config.device.host_memory()) return;
  try {
    encoder.session().shrink_arena();
  } catch (const std::exception&) {  // as below
  }
}

void Model::shrink_arenas() const {
  if (!config.device.host_memory()) return;
  const auto encoder = loaded_encoder();
  try {
    embed_tokens.session().shrink_arena();
    language_model.session().shrink_arena();
    conditional_decoder.session().shrink_arena();
    if (const Vocoder* vocoder = conditional_decoder.vocoder()) vocoder->session().shrink_arena();
    if (encoder != nullptr) encoder->session().shrink_arena();
    if (watermark_encoder != nullptr) watermark_encoder->session().shrink_arena();
  } catch (const std::exception&) {  // memory ran out; nobody asked for it, and nothing is lost
  }
}

// What one graph gives must be what the next one takes; the encoder is looked at when it is loaded.
void Model::check_boundaries() const {
  const LmSignature& lm = language_model.signature();
  Contract(embed_tokens.session())
      .equal("the hidden size of 'inputs_embeds' (language_model's is the measure)", lm.hidden_size,
             embed_tokens.hidden_size());
  const int64_t highest = std::max({manifest.start_token, manifest.stop_token, manifest.silence_token});
  if (highest >= lm.vocab_size) {
    Contract(language_model.session())
        .fail("'logits' has " + std::to_string(lm.vocab_size) + " columns, too few for the special token " +
              std::to_string(highest));
  }
}

// A table that looks the last two ids up as speech wants two end-of-text ids, one that does so with the last
// wants one: an id before a single one is text in that one only.
void Model::find_closing() {
  prompt_closing_ = manifest.prompt_closing;
  const int64_t end = manifest.end_of_text_token;
  if (prompt_closing_ != std::vector<int64_t>{end, end}) return;
  constexpr int64_t kText = 5;  // any id that both tables have
  const ort::RunOptions options(*api_);
  const auto row = [&](const std::vector<int64_t>& ids) {
    std::vector<float> rows(ids.size() * static_cast<std::size_t>(embed_tokens.hidden_size()));
    embed_tokens.embed(ids, rows.data(), options);
    rows.resize(static_cast<std::size_t>(embed_tokens.hidden_size()));
    return rows;
  };
  if (row({kText, end, end}) == row({kText, end})) prompt_closing_.pop_back();
}

GenerationOptions Model::defaults() const {
  GenerationOptions defaults = manifest.defaults;
  if (!embed_tokens.removes_text()) defaults.cfg_weight = 0;
  return defaults;
}

void Model::check(const Voice& voice) const {
  require_size("hidden size", language_model.signature().hidden_size, voice.hidden_size);
  require_size("the size of speaker_embeddings", conditional_decoder.speaker_embedding_size(),
               static_cast<int64_t>(voice.speaker_embeddings.size()));
  require_size("the size of speaker_features", conditional_decoder.speaker_feature_size(),
               voice.speaker_feature_size);
  require_size("the number of prefix positions", manifest.voice_prefix_positions, voice.prefix_length);
  check_voice(voice);
  if (voice.prefix_length >= manifest.max_positions) {
    unfit("it takes " + std::to_string(voice.prefix_length) + " positions, the model has " +
          std::to_string(manifest.max_positions));
  }
  for (const int64_t token : voice.audio_tokens) {
    if (token >= manifest.start_token)
      unfit("audio_tokens holds " + std::to_string(token) + ", which is no speech token");
  }
}

}  // namespace loquor
