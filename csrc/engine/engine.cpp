#include "engine/engine.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <system_error>

#include "base/log.hpp"
#include "decode/device_sampler.hpp"
#include "engine/admission.hpp"
#include "engine/worker.hpp"
#include "model/float_buffer.hpp"
#include "model/precision.hpp"

namespace loquor {
namespace {

ort::SessionConfig session_config(const ort::Api& api, const EngineOptions& options) {
  validate(options);
  return {ort::choose_device(api, options.device, options.provider_options),
          options.threads > 0 ? options.threads : ort::default_threads()};
}

Manifest read(const std::string& folder, const EngineOptions& options, const ort::Device& device) {
  Manifest manifest = read_manifest(folder, options.dtype, precision_advice(device.name).dtype);
  for (std::size_t i = 0; i < kGraphCount; ++i) manifest.files[i].prepared = options.prepared[i];
  manifest.files[static_cast<std::size_t>(Graph::kConditionalDecoder)].vocoder = options.vocoder;
  return manifest;
}

// The sampler's nodes, where tokens are to be chosen on the device.
LmExtension sampler_nodes(const std::string& sampling, const ort::Device& device, const Manifest& manifest) {
  if (sampling != "auto" && sampling != "host" && sampling != "device") {
    throw Error(ErrorKind::kInvalidInput, "sampling must be auto, host or device, not '" + sampling + "'");
  }
  const bool automatic = sampling == "auto";
  const bool guided = manifest.family->rows_per_sequence > 1;  // which is combined on the host
  if (sampling == "host" || (automatic && (device.host_memory() || guided))) return {};
  return {device_sampler_nodes(manifest.family->logits_stages, device.float64), automatic};
}

bool keeps_encoder(const EngineOptions& options, const ort::Device& device) {
  return options.keep_encoder || !device.host_memory();
}

Model open_model(const ort::ApiPtr& api, const std::string& folder, const EngineOptions& options) {
  const ort::SessionConfig config = session_config(*api, options);
  Manifest manifest = read(folder, options, config.device);
  const LmExtension extension = sampler_nodes(options.sampling, config.device, manifest);
  const bool keeps = keeps_encoder(options, config.device);
  return Model(api, std::move(manifest), config, extension,
               keeps ? Model::Encoder::kAtOnce : Model::Encoder::kWhenNeeded);
}

// Whole tokens of a voice for so many seconds, at least one.
int64_t tokens_in(const Manifest& manifest, float seconds) {
  const double tokens = static_cast<double>(seconds) * manifest.sample_rate / manifest.samples_per_token;
  return std::max<int64_t>(1, std::llround(tokens));
}

int64_t prompt_limit(const Manifest& manifest, float seconds) {
  return seconds == 0 ? std::numeric_limits<int64_t>::max() : tokens_in(manifest, seconds);
}

int32_t choose_slots(const Model& model, int32_t wanted) {
  if (wanted > 0) return wanted;
  CacheCost cost;
  const LanguageModel& lm = model.language_model;
  cost.position_bytes = static_cast<int64_t>(lm.bytes_of(1)) * lm.rows();
  cost.usual_positions = usual_positions(model.manifest);
  cost.host_memory = model.config.device.host_memory();
  return automatic_slots(cost);
}

}  // namespace

Engine::Engine(const ort::ApiPtr& api, const std::string& bundle_folder, const EngineOptions& options)
    : model_(open_model(api, bundle_folder, options)),
      fingerprint_(std::make_shared<const LazyFingerprint>(model_)),
      generator_(model_, static_cast<std::size_t>(options.prefix_cache_bytes)),
      slots_(choose_slots(model_, options.slots)),
      inbox_(std::make_shared<Inbox>(
          static_cast<std::size_t>(options.max_queue > 0 ? options.max_queue : kDefaultQueue))) {
  model_.conditional_decoder.limit_prompt(prompt_limit(model_.manifest, options.reference_seconds));
  if (options.window_prompt > 0) {
    const bool can = model_.conditional_decoder.continues();
    if (can) model_.conditional_decoder.set_window_prompt(tokens_in(model_.manifest, options.window_prompt));
    log::write(log::Level::kInfo,
               can ? "windows of streams are prompted with what was just spoken"
                   : "window_prompt is left out: it takes a prepared decoder in two parts");
  }
  if (!options.watermark.empty() && options.watermark != "auto" && options.watermark != "none") {
    model_.load_watermark(options.watermark);
  }
  generator_.set_batched(options.batching);
  log::write(log::Level::kInfo, "up to " + std::to_string(slots_) + " requests at once, steps " +
                                    (generator_.batched() ? "together" : "by turns"));
  try {
    const Worker::Conduct conduct = {options.quiet, keeps_encoder(options, model_.config.device),
                                     options.realtime};
    auto worker = std::make_unique<Worker>(model_, generator_, *inbox_, slots_, conduct);
    thread_ = std::thread([worker = std::move(worker)] { worker->run(); });
  } catch (const std::system_error& error) {
    throw Error(ErrorKind::kBusy, std::string("the engine's threads cannot be started (") + error.what() +
                                      "): raise the limit of threads or of memory, or close other engines");
  }
}

Engine::~Engine() {
  {
    const std::lock_guard<std::mutex> lock(requests_mutex_);
    for (const auto& known : requests_) {
      const RequestPtr request = known.lock();
      if (request && request->spec.chunked()) request->close("the engine was closed");
    }
  }
  join();
}

void Engine::halt() {
  {
    const std::lock_guard<std::mutex> lock(requests_mutex_);
    halted_ = true;
    for (const auto& known : requests_) {
      if (const RequestPtr request = known.lock()) request->close("the engine was halted");
    }
  }
  join();
}

void Engine::join() {
  inbox_->close();
  const std::lock_guard<std::mutex> lock(join_mutex_);
  if (thread_.joinable()) thread_.join();
}

Voice Engine::encode_voice(Span<const float> samples, CancelToken* cancel) {
  return std::move(perform(prepare_voice(samples), cancel, {}).voice);
}

RequestPtr Engine::prepare_voice(Span<const float> samples) {
  if (!std::all_of(samples.begin(), samples.end(), [](float sample) { return std::isfinite(sample); })) {
    throw Error(ErrorKind::kInvalidInput, "the reference recording holds samples that are not finite");
  }
  // Part of a token at the end would give an odd number of mel frames, and the decoder's output would begin
  // between two tokens.
  const auto token = static_cast<std::size_t>(model_.manifest.samples_per_token);
  const std::size_t whole = samples.size() / token * token;
  if (whole == 0) {
    throw Error(ErrorKind::kInvalidInput, "the reference recording has " + std::to_string(samples.size()) +
                                              " samples, less than one token (" + std::to_string(token) +
                                              ")");
  }
  if (whole / token > static_cast<std::size_t>(kMostVoiceTokens)) {
    throw Error(ErrorKind::kInvalidInput,
                "the reference recording has " + std::to_string(samples.size()) + " samples, at most " +
                    std::to_string(kMostVoiceTokens * model_.manifest.samples_per_token) +
                    " make a voice: give its best 15 seconds");
  }
  RequestSpec spec;
  spec.kind = RequestSpec::Kind::kEncode;
  spec.samples.assign(samples.data(), samples.data() + whole);
  return make_request(std::move(spec));
}

Tokens Engine::generate(Prompt prompt, CancelToken* cancel, const Request::Progress& progress) {
  RequestSpec spec;
  spec.budget = generator_.check(prompt);
  spec.prompt = std::move(prompt);
  spec.counted = static_cast<bool>(progress);
  return std::move(perform(make_request(std::move(spec)), cancel, progress).tokens);
}

Waveform Engine::decode(Span<const int64_t> tokens, std::shared_ptr<const Voice> voice, CancelToken* cancel,
                        const DecodeOptions& options) {
  model_.check(*voice);
  RequestSpec spec;
  spec.kind = RequestSpec::Kind::kDecode;
  spec.codes = codes_to_decode(tokens);
  spec.prompt.voice = std::move(voice);
  spec.prompt.options.seed = options.seed;
  return std::move(perform(make_request(std::move(spec)), cancel, {}).waveform);
}

PrefixPtr Engine::prefix(std::shared_ptr<const Voice> voice, CancelToken* cancel) {
  model_.check(*voice);
  if (PrefixPtr kept = generator_.prefixes().find(*voice)) return kept;
  const std::size_t size = model_.language_model.snapshot_bytes(voice->prefix_length);
  if (size == 0 || size > prefixes().limit) {
    throw Error(ErrorKind::kInvalidInput,
                size == 0 ? "this model on this device keeps no prefixes of voices: speak without"
                          : "the prefix of a voice takes " + std::to_string(size) +
                                " bytes, prefix_cache_bytes is " + std::to_string(prefixes().limit) +
                                ": open the engine with more");
  }
  Prompt prompt;  // the shortest there is, for what it leaves behind
  prompt.ids = model_.manifest.prompt_opening;
  const std::vector<int64_t>& closing = model_.prompt_closing();
  prompt.ids.insert(prompt.ids.end(), closing.begin(), closing.end());
  prompt.voice = voice;
  prompt.options = model_.defaults();
  prompt.options.cfg_weight = 0;
  prompt.options.max_new_tokens = 1;
  prompt.wants_prefix = true;
  if (PrefixPtr made = generate(std::move(prompt), cancel, {}).prefix) return made;
  throw Error(ErrorKind::kExecution, "the prefix of the voice was not kept: memory ran out");
}

void Engine::keep_prefix(const std::shared_ptr<const Voice>& voice, Span<const unsigned char> kv) {
  model_.check(*voice);
  const KvLayout& layout = model_.language_model.signature().kv;
  const std::size_t size = model_.language_model.bytes_of(voice->prefix_length);
  if (kv.size() != size) {
    throw Error(ErrorKind::kInvalidInput, "the prefix of this voice should be " + std::to_string(size) +
                                              " bytes but is " + std::to_string(kv.size()) +
                                              ": make it again with this model");
  }
  if (!all_within_half(layout.type, kv)) {
    throw Error(
        ErrorKind::kInvalidInput,
        "the prefix of this voice holds values that are not finite or larger than 65504: make it again "
        "with this model");
  }
  if (model_.language_model.snapshot_bytes(voice->prefix_length) == 0) return;  // it is computed then
  if (generator_.prefixes().has_computed(*voice)) return;
  const std::shared_ptr<Prefix> prefix = generator_.prefixes().make_brought(voice, size);
  if (prefix == nullptr) return;
  std::copy(kv.begin(), kv.end(), prefix->kv.get());
  generator_.prefixes().put(prefix);
}

Engine::Memory Engine::memory() const {
  return {generator_.cache_bytes(), prefixes(), model_.speech_encoder_loaded(), model_.arena_bytes()};
}

RequestPtr Engine::prepare_stream(Prompt prompt, const StreamOptions& options, bool counted) {
  validate(options);
  RequestSpec spec;
  spec.budget = generator_.check(prompt);
  spec.prompt = std::move(prompt);
  spec.stream = options;
  spec.counted = counted;
  return make_request(std::move(spec));
}

RequestPtr Engine::prepare_fed(std::shared_ptr<const Voice> voice, const StreamOptions& options,
                               const DecodeOptions& decode) {
  validate(options);
  model_.check(*voice);
  RequestSpec spec;
  spec.fed = true;
  spec.prompt.voice = std::move(voice);
  spec.prompt.options.seed = decode.seed;
  spec.stream = options;
  return make_request(std::move(spec));
}

void Engine::submit(const RequestPtr& request) {
  {
    const std::lock_guard<std::mutex> lock(requests_mutex_);
    if (halted_) throw Error(ErrorKind::kClosed, "the engine was halted");
    const auto gone = [](const std::weak_ptr<Request>& known) { return known.expired(); };
    requests_.erase(std::remove_if(requests_.begin(), requests_.end(), gone), requests_.end());
    requests_.push_back(request);
  }
  inbox_->submit(request);
}

RequestPtr Engine::make_request(RequestSpec spec) {
  return std::make_shared<Request>(std::move(spec), model_.embed_tokens.session().api(),
                                   [inbox = inbox_] { inbox->ring(); });
}

// The result is the request's.
Result& Engine::perform(const RequestPtr& request, CancelToken* cancel, const Request::Progress& progress) {
  const CancelToken::Listener listener(cancel, [&] { request->cancel(); });
  if (cancel != nullptr) cancel->check();
  submit(request);
  try {
    Result& result = request->wait(progress);
    if (cancel != nullptr) cancel->check();  // raised by the last progress, behind the end
    return result;
  } catch (...) {
    if (!request->home.here()) throw;  // progress forked
    request->cancel();  // where progress threw; the engine is done with it before its caller goes on
    try {
      request->wait({});
    } catch (...) {
    }
    throw;
  }
}

std::vector<int64_t> Engine::codes_to_decode(Span<const int64_t> tokens) const {
  const Manifest& manifest = model_.manifest;
  std::vector<int64_t> codes;
  for (const int64_t token : tokens) {
    if (token < 0 || token >= model_.language_model.signature().vocab_size) {
      throw Error(ErrorKind::kInvalidInput, "speech tokens must lie in [0, " +
                                                std::to_string(model_.language_model.signature().vocab_size) +
                                                "), not " + std::to_string(token));
    }
    if (token < manifest.start_token) codes.push_back(token);
  }
  codes.insert(codes.end(), static_cast<std::size_t>(manifest.closing_silence_tokens),
               manifest.silence_token);
  if (codes.empty()) throw Error(ErrorKind::kInvalidInput, "there are no speech tokens to decode");
  return codes;
}

}  // namespace loquor
