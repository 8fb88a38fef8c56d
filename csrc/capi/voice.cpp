// Voices made beside other work, and saved ones.
#include <cmath>

#include "base/files.hpp"
#include "base/log.hpp"
#include "capi/handles.hpp"
#include "model/voice_file.hpp"

using namespace loquor::capi;

namespace loquor::capi {

std::optional<std::chrono::duration<double>> read_timeout(double seconds) {
  if (std::isnan(seconds)) throw Error(ErrorKind::kInvalidInput, "timeout_seconds must be a number");
  if (seconds < 0) return std::nullopt;
  return std::chrono::duration<double>(seconds);
}

}  // namespace loquor::capi

namespace {

// Whether it is there.
bool await(loquor_encoding& encoding, double timeout_seconds) {
  if (encoding.voice != nullptr) return true;
  loquor::Chunk none;
  const auto next = encoding.request->next(none, read_timeout(timeout_seconds), {});
  if (next == loquor::Request::Next::kPending) return false;
  encoding.voice = std::make_shared<const loquor::Voice>(encoding.request->result().voice);
  return true;
}

// Gives the engine the prefix that the file brought, if it is one of its language model.
void keep_prefix(loquor::Engine& engine, const loquor_voice& voice, const loquor::SavedPrefix& prefix) {
  if (prefix.fingerprint == loquor::prefix_fingerprint(engine.model())) {
    return engine.keep_prefix(voice.voice, prefix.bytes);
  }
  loquor::log::write(loquor::log::Level::kInfo,
                     "voice '" + voice.name +
                         "': its prefix is another language model's, precision's or kv_dtype's, and is "
                         "computed anew");
}

std::unique_ptr<loquor_voice> load(loquor::Engine& engine, const std::string& path) {
  loquor::SavedVoice saved = loquor::read_voice_file(path);
  loquor::check_made_by(saved, engine.fingerprint()->get());
  auto voice = std::make_unique<loquor_voice>();
  voice->voice = std::make_shared<const loquor::Voice>(std::move(saved.voice));
  voice->made_by = std::make_shared<const loquor::LazyFingerprint>(std::move(saved.made_by));
  voice->name = saved.name;
  engine.model().check(*voice->voice);
  if (saved.prefix) keep_prefix(engine, *voice, *saved.prefix);
  return voice;
}

const std::string& file_named(const loquor::Manifest& manifest, const char* name) {
  std::string names;
  for (const loquor::VoiceFile& voice : manifest.voices) {
    if (name != nullptr && voice.name == name) return voice.path;
    names += (names.empty() ? "" : ", ") + voice.name;
  }
  if (name == nullptr && manifest.default_voice) return *manifest.default_voice;
  const std::string others = names.empty() ? "it has none: make one of a recording" : "it has " + names;
  throw loquor::Error(
      loquor::ErrorKind::kInvalidInput,
      "the bundle " + manifest.folder +
          (name == nullptr ? " brings no default voice; " : " has no voice '" + std::string(name) + "'; ") +
          others);
}

bool is_voice_file(const std::string& path) {
  const std::string suffix = loquor::kVoiceSuffix;
  return path.size() > suffix.size() && path.compare(path.size() - suffix.size(), suffix.size(), suffix) == 0;
}

}  // namespace

extern "C" {

loquor_status loquor_engine_load_voice(loquor_engine* engine, const char* path, loquor_voice** out) {
  return as_status([&] {
    required(out, "out");
    *out = load(required(engine, "engine").engine, &required(path, "path")).release();
  });
}

const char* loquor_engine_voice_name(const loquor_engine* engine, size_t index) {
  if (!usable_here(engine)) return nullptr;
  const auto& voices = engine->engine.model().manifest.voices;
  return index < voices.size() ? voices[index].name.c_str() : nullptr;
}

loquor_status loquor_engine_get_voice(loquor_engine* engine, const char* name, loquor_voice** out) {
  return as_status([&] {
    required(out, "out");
    loquor::Engine& target = required(engine, "engine").engine;
    const std::string& path = file_named(target.model().manifest, name);
    if (!is_voice_file(path)) {
      throw loquor::Error(
          loquor::ErrorKind::kInvalidInput,
          "the bundle's default voice " + path +
              " is a recording: open it by loquor_recording_open, and make a voice of its samples by "
              "loquor_engine_encode_voice");
    }
    *out = load(target, path).release();
  });
}

const char* loquor_voice_name(const loquor_voice* voice) {
  return voice != nullptr ? voice->name.c_str() : nullptr;
}

loquor_status loquor_voice_save(const loquor_voice* voice, const char* name, const char* path) {
  return as_status([&] {
    const loquor_voice& saved = required(voice, "voice");
    const std::string file = &required(path, "path");
    if (!is_voice_file(file)) {
      throw loquor::Error(
          loquor::ErrorKind::kInvalidInput,
          "cannot save a voice as " + file + ": the name must end in " + loquor::kVoiceSuffix);
    }
    if (saved.made_by == nullptr) {
      throw loquor::Error(loquor::ErrorKind::kInvalidInput,
                          "a voice that was made of tensors cannot be saved: which model they are of is not "
                          "known; save one that an engine made or loaded");
    }
    loquor::write_file(file, loquor::make_voice_file(*saved.voice, saved.made_by->get(),
                                                     name != nullptr ? name : saved.name));
  });
}

loquor_status loquor_engine_start_voice(loquor_engine* engine, const float* samples, size_t sample_count,
                                        loquor_encoding** out) {
  return as_status([&] {
    required(out, "out");
    if (sample_count > 0) required(samples, "samples");
    loquor::Engine& target = required(engine, "engine").engine;
    auto encoding = std::make_unique<loquor_encoding>();
    encoding->request = target.prepare_voice({samples, sample_count});
    encoding->engine = engine->held;
    encoding->made_by = target.fingerprint();
    target.submit(encoding->request);
    *out = encoding.release();
  });
}

loquor_status loquor_encoding_get_voice(loquor_encoding* encoding, double timeout_seconds,
                                        loquor_voice** out) {
  bool pending = false;
  const loquor_status status = as_status([&] {
    required(out, "out");
    pending = !await(required(encoding, "encoding"), timeout_seconds);
    if (!pending) *out = new loquor_voice{encoding->voice, encoding->made_by};
  });
  return pending ? LOQUOR_PENDING : status;
}

loquor_status loquor_encoding_on_ready(loquor_encoding* encoding, loquor_ready_fn ready, void* user) {
  return as_status([&] { required(encoding, "encoding").request->on_ready(ready, user); });
}

void loquor_encoding_cancel(loquor_encoding* encoding) {
  if (usable_here(encoding)) encoding->request->cancel();
}

void loquor_encoding_destroy(loquor_encoding* encoding) {
  if (!usable_here(encoding)) return;
  encoding->request->on_ready(nullptr, nullptr);
  encoding->request->cancel();
  delete encoding;
}

}  // extern "C"
