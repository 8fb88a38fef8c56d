// Header-only C++17 over loquor.h: handles that free themselves, failures as exceptions. Adds nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "loquor/loquor.h"

namespace loquor {
inline namespace v5 {  // of LOQUOR_ABI_VERSION

// A call that did not return LOQUOR_OK.
class StatusError : public std::runtime_error {
 public:
  StatusError(loquor_status status, const std::string& message)
      : std::runtime_error(message), status_(status) {}
  loquor_status status() const noexcept { return status_; }

 private:
  loquor_status status_;
};

inline void check(loquor_status status) {
  if (status != LOQUOR_OK) throw StatusError(status, loquor_last_error());
}

template <class T, void (*Destroy)(T*)>
struct Destroyer {
  void operator()(T* handle) const noexcept { Destroy(handle); }
};
template <class T, void (*Destroy)(T*)>
using Owned = std::unique_ptr<T, Destroyer<T, Destroy>>;

using Runtime = Owned<loquor_runtime, loquor_runtime_close>;
using CancelToken = Owned<loquor_cancel, loquor_cancel_destroy>;
using Voice = Owned<loquor_voice, loquor_voice_destroy>;
using Encoding = Owned<loquor_encoding, loquor_encoding_destroy>;
using Samples = Owned<loquor_samples, loquor_samples_destroy>;
using Recording = Owned<loquor_recording, loquor_recording_destroy>;
using Prefix = Owned<loquor_prefix, loquor_prefix_destroy>;
using Tokens = Owned<loquor_tokens, loquor_tokens_destroy>;
using Listing = Owned<loquor_listing, loquor_listing_destroy>;
using Bundle = Owned<loquor_bundle, loquor_bundle_close>;
using Text = Owned<loquor_text, loquor_text_destroy>;
using Tokenizer = Owned<loquor_tokenizer, loquor_tokenizer_close>;
using Weights = Owned<loquor_weights, loquor_weights_destroy>;
using Graph = Owned<loquor_graph, loquor_graph_close>;
using Tensors = Owned<loquor_tensors, loquor_tensors_destroy>;
using Waveform = Owned<loquor_waveform, loquor_waveform_destroy>;

// Speech while it is made. Destroying it cancels what is not done.
class Stream {
 public:
  Stream() = default;
  explicit Stream(loquor_stream* handle) : handle_(handle) {}

  // LOQUOR_OK with a chunk, LOQUOR_DONE or LOQUOR_PENDING; anything else is thrown.
  loquor_status next(loquor_chunk& chunk, double timeout_seconds = -1) const {
    chunk = {};
    chunk.struct_size = sizeof(loquor_chunk);
    const loquor_status status = loquor_stream_next(handle_.get(), timeout_seconds, &chunk);
    if (status != LOQUOR_DONE && status != LOQUOR_PENDING) check(status);
    return status;
  }
  // The samples of the chunk that was read last, which stay where they are.
  inline Samples keep_samples() const;
  void on_ready(loquor_ready_fn ready, void* user) const {
    check(loquor_stream_on_ready(handle_.get(), ready, user));
  }
  void feed(const int64_t* tokens, std::size_t count, bool last) const {
    check(loquor_stream_feed(handle_.get(), tokens, count, last ? 1 : 0));
  }
  // False: it is not called, there is something to read.
  bool on_ready_once(loquor_ready_fn ready, void* user) const {
    const loquor_status status = loquor_stream_on_ready_once(handle_.get(), ready, user);
    if (status != LOQUOR_PENDING) check(status);
    return status == LOQUOR_PENDING;
  }
  void cancel() const { loquor_stream_cancel(handle_.get()); }
  inline loquor_stream_info info() const;
  loquor_stream* get() const { return handle_.get(); }

 private:
  Owned<loquor_stream, loquor_stream_destroy> handle_;
};

// Calls a function whose last parameter is the out handle.
template <class Handle, class Call, class... Args>
Handle made(Call call, Args... args) {
  typename Handle::pointer raw = nullptr;
  check(call(args..., &raw));
  return Handle(raw);
}

// Reads an info struct.
template <class Info, class Get, class Object>
Info info_of(Get get, const Object* object) {
  Info info = {};
  info.struct_size = sizeof(Info);
  check(get(object, &info));
  return info;
}

// Reads the info structs of all that an object has several of.
template <class Info, class Count, class Get, class Object>
std::vector<Info> infos_of(Count count, Get get, const Object* object) {
  std::vector<Info> infos(count(object));
  for (std::size_t i = 0; i < infos.size(); ++i) {
    infos[i].struct_size = sizeof(Info);
    check(get(object, i, &infos[i]));
  }
  return infos;
}

Samples Stream::keep_samples() const { return made<Samples>(loquor_stream_keep_samples, handle_.get()); }
loquor_stream_info Stream::info() const {
  return info_of<loquor_stream_info>(loquor_stream_get_info, handle_.get());
}

inline Runtime open_runtime(const std::string& library_path) {
  return made<Runtime>(loquor_runtime_open, library_path.c_str());
}
inline Runtime find_runtime() { return made<Runtime>(loquor_runtime_find); }
// A whole file, made ready for a voice.
inline Recording open_recording(const std::string& path, bool keep_level = false) {
  return made<Recording>(loquor_recording_open, path.c_str(), keep_level ? 1 : 0);
}
inline CancelToken make_cancel_token() { return made<CancelToken>(loquor_cancel_create); }
inline std::vector<loquor_graph_info> graphs(const Bundle& bundle) {
  return infos_of<loquor_graph_info>(loquor_bundle_graph_count, loquor_bundle_get_graph, bundle.get());
}

class Engine {
 public:
  Engine(const Runtime& runtime, const std::string& bundle_folder,
         const loquor_engine_options* options = nullptr)
      : handle_(made<Handle>(loquor_engine_open, runtime.get(), bundle_folder.c_str(), options)) {}

  loquor_engine_info info() const {
    return info_of<loquor_engine_info>(loquor_engine_get_info, handle_.get());
  }
  std::vector<loquor_graph_info> graphs() const {
    return infos_of<loquor_graph_info>(loquor_engine_graph_count, loquor_engine_get_graph, handle_.get());
  }
  loquor_generation_options default_options() const {
    return info_of<loquor_generation_options>(loquor_engine_default_options, handle_.get());
  }
  Voice encode_voice(const float* samples, std::size_t count, loquor_cancel* cancel = nullptr) const {
    return made<Voice>(loquor_engine_encode_voice, handle_.get(), samples, count, cancel);
  }
  Voice encode_voice(const Recording& recording, loquor_cancel* cancel = nullptr) const {
    const auto info = info_of<loquor_recording_info>(loquor_recording_get_info, recording.get());
    return encode_voice(info.samples, info.sample_count, cancel);
  }
  Encoding start_voice(const float* samples, std::size_t count) const {
    return made<Encoding>(loquor_engine_start_voice, handle_.get(), samples, count);
  }
  Voice load_voice(const std::string& path) const {
    return made<Voice>(loquor_engine_load_voice, handle_.get(), path.c_str());
  }
  // One of the bundle's own; nullptr: the one to speak in where none is asked for.
  Voice voice(const char* name = nullptr) const {
    return made<Voice>(loquor_engine_get_voice, handle_.get(), name);
  }
  void check_voice(const loquor_voice* voice) const {
    check(loquor_engine_check_voice(handle_.get(), voice));
  }
  Tokens generate_tokens(const loquor_request& request) const {
    return made<Tokens>(loquor_engine_generate_tokens, handle_.get(), &request);
  }
  Waveform decode(const int64_t* tokens, std::size_t count, const loquor_voice* voice,
                  const loquor_decode_options* options = nullptr, loquor_cancel* cancel = nullptr) const {
    return made<Waveform>(loquor_engine_decode, handle_.get(), tokens, count, voice, options, cancel);
  }
  loquor_stream_options default_stream_options() const {
    return info_of<loquor_stream_options>(loquor_engine_default_stream_options, handle_.get());
  }
  Stream stream_tokens(const loquor_voice* voice, const loquor_stream_options* options = nullptr,
                       const loquor_decode_options* decode = nullptr, loquor_cancel* cancel = nullptr) const {
    loquor_stream* raw = nullptr;
    check(loquor_engine_stream_tokens(handle_.get(), voice, options, decode, cancel, &raw));
    return Stream(raw);
  }
  Stream stream(const loquor_request& request, const loquor_stream_options* options = nullptr) const {
    loquor_stream* raw = nullptr;
    check(loquor_engine_stream(handle_.get(), &request, options, &raw));
    return Stream(raw);
  }
  Text prepare_text(const std::string& text, const loquor_text_options* options = nullptr) const {
    return made<Text>(loquor_engine_prepare_text, handle_.get(), text.c_str(), options);
  }
  Stream stream_text(const std::string& text, const loquor_request& request,
                     const loquor_text_options* text_options = nullptr,
                     const loquor_stream_options* options = nullptr) const {
    loquor_stream* raw = nullptr;
    check(loquor_engine_stream_text(handle_.get(), text.c_str(), text_options, &request, options, &raw));
    return Stream(raw);
  }
  Waveform speak_text(const std::string& text, const loquor_request& request,
                      const loquor_text_options* text_options = nullptr) const {
    return made<Waveform>(loquor_engine_speak_text, handle_.get(), text.c_str(), text_options, &request);
  }
  Prefix prefix(const loquor_voice* voice, loquor_cancel* cancel = nullptr) const {
    return made<Prefix>(loquor_engine_get_prefix, handle_.get(), voice, cancel);
  }
  void keep_prefix(const loquor_voice* voice, const loquor_prefix_info& prefix) const {
    check(loquor_engine_keep_prefix(handle_.get(), voice, &prefix));
  }
  loquor_memory_info memory() const {
    return info_of<loquor_memory_info>(loquor_engine_get_memory, handle_.get());
  }
  void unload_encoder() const { check(loquor_engine_unload_encoder(handle_.get())); }
  void halt() const { loquor_engine_halt(handle_.get()); }
  // Of streams and encodings that go on: the last of them closes the engine.
  void release() { loquor_engine_release(handle_.release()); }

 private:
  using Handle = Owned<loquor_engine, loquor_engine_close>;
  Handle handle_;
};

}  // namespace v5
}  // namespace loquor
