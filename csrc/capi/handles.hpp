// What stands behind the opaque handles, and the one place where exceptions become status codes.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "base/error.hpp"
#include "base/process.hpp"
#include "engine/engine.hpp"
#include "loquor/loquor.h"
#include "ort/api.hpp"
#include "ort/weights.hpp"
#include "text/reader.hpp"

namespace loquor::capi {

// What is known of a bundle's text.
TextFacts text_facts(const Manifest& manifest);

}  // namespace loquor::capi

// Handles with a home are of one process: of a forked child's calls all but the plain getters refuse them,
// and giving them back does nothing.
struct loquor_runtime {
  static constexpr const char* kName = "runtime";
  loquor::ort::ApiPtr api;
  const loquor::process::Home home{};
};
// The streams and encodings of a released engine hold it; one that was closed is gone for them too.
using HeldEngine = std::shared_ptr<std::unique_ptr<loquor::Engine>>;
struct loquor_engine {
  static constexpr const char* kName = "engine";
  HeldEngine held;
  loquor::Engine& engine = **held;
  const loquor::TextReader text{loquor::capi::text_facts(engine.model().manifest)};
  const loquor::process::Home home{};
};
struct loquor_cancel {
  static constexpr const char* kName = "cancel token";
  loquor::CancelToken token;
  const loquor::process::Home home{};
};
struct loquor_voice {
  std::shared_ptr<const loquor::Voice> voice;  // requests may outlive the handle
  loquor::FingerprintPtr made_by{};            // null: nobody knows
  std::string name = "voice";
};
struct loquor_encoding {
  static constexpr const char* kName = "encoding";
  loquor::RequestPtr request;
  HeldEngine engine;
  loquor::FingerprintPtr made_by;
  std::shared_ptr<const loquor::Voice> voice{};  // once it was asked for
  const loquor::process::Home home{};
};
struct loquor_samples {
  std::vector<float> samples;
};
struct loquor_tokens {
  loquor::Tokens tokens;
};
struct loquor_waveform {
  loquor::Waveform waveform;
};
struct loquor_prefix {
  loquor::PrefixPtr prefix;
  loquor::KvLayout layout;  // of the engine, which may be gone
};
struct loquor_stream {
  static constexpr const char* kName = "stream";
  loquor::RequestPtr request;
  HeldEngine engine;
  loquor::Request::Progress progress;
  int32_t sample_rate = 0;
  const char* watermark = "none";
  int64_t code_limit = 0;                                   // codes that are fed lie below it
  loquor::Chunk chunk;                                      // the one that was read last, unless it is kept
  std::vector<std::string> warnings;                        // about its text
  std::optional<loquor::CancelToken::Listener> listener{};  // unhooked before the rest goes
  const loquor::process::Home home{};
};

struct loquor_listing {
  loquor::Listing names;
  std::vector<std::string> paths;
  std::optional<loquor::DtypeSpec> chosen;
};
struct loquor_bundle {
  loquor::Manifest manifest;
  const loquor::TextReader text{loquor::capi::text_facts(manifest)};
};
struct loquor_text {
  loquor::PreparedText prepared;
};
struct loquor_tokenizer {
  loquor::TokenizerFile file;
};
struct loquor_weights {
  std::vector<loquor::ort::WeightFile> files;
};
struct loquor_graph {
  static constexpr const char* kName = "graph";
  loquor::ort::Session session;
  const loquor::process::Home home{};
};
struct loquor_tensors {  // of an arena that another thread may have locked
  static constexpr const char* kName = "run's outputs";
  std::shared_ptr<const loquor::ort::Api> api;
  std::vector<std::string> names;
  std::vector<loquor::ort::Value> values;
  std::vector<loquor::ort::TensorShape> shapes;
  const loquor::process::Home home{};
};

namespace loquor::capi {

loquor_status set_error(loquor_status status, const char* message) noexcept;

// Runs `work`; nothing it throws gets past here.
template <class Work>
loquor_status as_status(Work work) noexcept {
  try {
    work();
    return LOQUOR_OK;
  } catch (const Error& error) {
    return set_error(static_cast<loquor_status>(error.kind()), error.what());
  } catch (const std::bad_alloc&) {
    return set_error(LOQUOR_ERROR_INTERNAL, kMemoryRanOut);
  } catch (const std::exception& error) {
    return set_error(LOQUOR_ERROR_INTERNAL, error.what());
  } catch (...) {
    return set_error(LOQUOR_ERROR_INTERNAL, "an unknown failure");
  }
}

// The core's reading of the public structs.
Prompt read_prompt(const loquor_request& request, const GenerationOptions& defaults);
loquor_finish_reason public_reason(FinishReason reason);
Request::Progress progress_of(const loquor_request& request);
// What is known of a graph before it is loaded. Throws kInvalidInput for an index out of range.
loquor_graph_info describe_graph(const std::array<GraphFile, kGraphCount>& files, std::size_t index);

template <class T, class = void>
constexpr bool has_home = false;
template <class T>
constexpr bool has_home<T, std::void_t<decltype(T::home)>> = true;

template <class T>
T& required(T* pointer, const char* name) {
  if (pointer == nullptr) throw Error(ErrorKind::kInvalidInput, std::string(name) + " must not be NULL");
  if constexpr (has_home<T>) pointer->home.require(T::kName);
  return *pointer;
}

// May be NULL.
inline CancelToken* token_of(loquor_cancel* cancel) {
  return cancel != nullptr ? &required(cancel, "cancel").token : nullptr;
}

template <class T>
bool usable_here(const T* handle) {
  return handle != nullptr && handle->home.here();
}
// A child leaves what it inherited as it is, rather than wait for its parent's threads.
template <class T>
void give_back(T* handle) {
  if (usable_here(handle)) delete handle;
}

// The timeout of a wait; none: for ever.
std::optional<std::chrono::duration<double>> read_timeout(double seconds);

// No version of a struct ends within what its alignment keeps together, such as a pointer.
template <class T>
void require_struct_size(std::size_t size, const char* name) {
  if (size < sizeof(std::size_t)) {
    throw Error(ErrorKind::kInvalidInput, std::string(name) + ": struct_size is not set");
  }
  if (size % alignof(T) != 0) {
    throw Error(ErrorKind::kInvalidInput, std::string(name) + ": struct_size " + std::to_string(size) +
                                              " is no struct's: set it to its sizeof");
  }
}

// A caller built against an older header gives a shorter struct: what it lacks keeps its default.
template <class T>
T read_struct(const T& given, T defaults, const char* name) {
  require_struct_size<T>(given.struct_size, name);
  std::memcpy(&defaults, &given, std::min(given.struct_size, sizeof(T)));
  return defaults;
}

// The other way round: fills as much as the caller's struct holds.
template <class T>
void write_struct(T* to, T filled, const char* name) {
  const std::size_t size = required(to, name).struct_size;
  require_struct_size<T>(size, name);
  filled.struct_size = size;
  std::memcpy(to, &filled, std::min(size, sizeof(T)));
}

}  // namespace loquor::capi
