#include "engine/engine.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "decode/device_sampler.hpp"
#include "model/precision.hpp"

namespace loquor {
namespace {

constexpr int kMaxThreads = 1024;

ort::SessionConfig session_config(const ort::Api& api, const EngineOptions& options) {
  if (options.threads < 0 || options.threads > kMaxThreads) {
    throw Error(ErrorKind::kInvalidInput, "threads must be 0 (automatic) to " + std::to_string(kMaxThreads) +
                                              ", not " + std::to_string(options.threads));
  }
  return {ort::choose_device(api, options.device, options.provider_options),
          options.threads > 0 ? options.threads : ort::default_threads()};
}

// The sampler's nodes, where tokens are to be chosen on the device.
LmExtension sampler_nodes(const std::string& sampling, const ort::Device& device, const Manifest& manifest) {
  if (sampling != "auto" && sampling != "host" && sampling != "device") {
    throw Error(ErrorKind::kInvalidInput, "sampling must be auto, host or device, not '" + sampling + "'");
  }
  const bool automatic = sampling == "auto";
  if (sampling == "host" || (automatic && device.host_memory())) return {};
  return {device_sampler_nodes(manifest.sampler_order, device.float64), automatic};
}

Model open_model(const ort::ApiPtr& api, const std::string& bundle_folder, const EngineOptions& options) {
  const ort::SessionConfig config = session_config(*api, options);
  Manifest manifest = read_manifest(bundle_folder, options.dtype, precision_advice(config.device.name).dtype);
  const LmExtension extension = sampler_nodes(options.sampling, config.device, manifest);
  return Model(api, std::move(manifest), config, extension);
}

}  // namespace

Engine::Engine(const ort::ApiPtr& api, const std::string& bundle_folder, const EngineOptions& options)
    : model_(open_model(api, bundle_folder, options)), generator_(model_) {}

Engine::~Engine() { turns_.drain(); }

template <class Work>
auto Engine::exclusively(CancelToken* cancel, Work work) {
  if (in_turn_ == std::this_thread::get_id()) {  // it would wait for itself
    throw Error(
        ErrorKind::kInvalidInput,
        "an engine cannot be called from the progress callback of its own request: call it afterwards");
  }
  // Given up last: until then the engine outlives whoever is still interrupting this request.
  const TurnQueue::Place place(turns_);
  const ort::RunOptions run(model_.embed_tokens.session().api());
  const CancelToken::Listener listener(cancel, [&] {
    run.terminate();
    turns_.wake();
  });
  place.wait(cancel);
  struct InTurn {
    std::atomic<std::thread::id>& holder;
    explicit InTurn(std::atomic<std::thread::id>& of) : holder(of) { holder = std::this_thread::get_id(); }
    ~InTurn() { holder = std::thread::id(); }
  } const in_turn(in_turn_);
  try {
    return work(run);
  } catch (const Error&) {
    if (cancel != nullptr) cancel->check();  // the interrupted run's own error says less
    throw;
  }
}

Voice Engine::encode_voice(Span<const float> samples, CancelToken* cancel) {
  return exclusively(cancel, [&](const ort::RunOptions& run) {
    if (!std::all_of(samples.begin(), samples.end(), [](float sample) { return std::isfinite(sample); })) {
      throw Error(ErrorKind::kInvalidInput, "the reference recording holds samples that are not finite");
    }
    // Part of a token at the end would give an odd number of mel frames, and the decoder's output would begin
    // between two tokens.
    const auto token = static_cast<std::size_t>(model_.manifest.samples_per_token);
    const Span<const float> whole(samples.data(), samples.size() / token * token);
    if (whole.empty()) {
      throw Error(ErrorKind::kInvalidInput, "the reference recording has " + std::to_string(samples.size()) +
                                                " samples, less than one token (" + std::to_string(token) +
                                                ")");
    }
    Voice voice = model_.speech_encoder.encode(whole, run);
    try {
      model_.check(voice);
    } catch (const Error& error) {  // not the caller's fault: the graph gave it
      throw Error(ErrorKind::kExecution,
                  model_.speech_encoder.session().file_name() + " gave no usable voice: " + error.what());
    }
    return voice;
  });
}

Tokens Engine::generate(const GenerationRequest& request, CancelToken* cancel) {
  return exclusively(cancel,
                     [&](const ort::RunOptions& run) { return generator_.generate(request, run, cancel); });
}

Waveform Engine::decode(Span<const int64_t> tokens, const Voice& voice, CancelToken* cancel) {
  return exclusively(cancel, [&](const ort::RunOptions& run) {
    model_.check(voice);
    const std::vector<int64_t> codes = codes_to_decode(tokens);
    const auto start = std::chrono::steady_clock::now();
    Waveform waveform;
    waveform.samples = model_.conditional_decoder.decode(codes, voice, run);
    waveform.sample_rate = model_.manifest.sample_rate;
    waveform.seconds_taken = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    // A voice made elsewhere may hold an odd number of mel frames, which shifts the start by part of a token.
    const auto token = static_cast<std::size_t>(model_.manifest.samples_per_token);
    const std::size_t expected = codes.size() * token;
    if (waveform.samples.size() + token <= expected || waveform.samples.size() >= expected + token) {
      throw Error(ErrorKind::kModel, model_.conditional_decoder.session().file_name() +
                                         ": 'waveform' should have " + std::to_string(expected) +
                                         " samples for " + std::to_string(codes.size()) + " tokens but has " +
                                         std::to_string(waveform.samples.size()));
    }
    return waveform;
  });
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
