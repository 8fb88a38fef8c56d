// Version, errors, log, runtime and cancel token.
#include <algorithm>
#include <exception>

#include "base/log.hpp"
#include "capi/handles.hpp"
#include "model/precision.hpp"
#include "ort/device.hpp"
#include "ort/find_runtime.hpp"

namespace loquor::capi {
namespace {

thread_local std::string t_last_error;

}  // namespace

loquor_status set_error(loquor_status status, const char* message) noexcept {
  try {
    t_last_error = message;
    // One line, whatever a path, an argument or the runtime's own message brought along.
    std::replace(t_last_error.begin(), t_last_error.end(), '\n', ' ');
  } catch (...) {
    t_last_error.clear();
  }
  return status;
}

}  // namespace loquor::capi

using namespace loquor::capi;

extern "C" {

uint32_t loquor_abi_version(void) { return LOQUOR_ABI_VERSION; }

const char* loquor_version(void) { return LOQUOR_VERSION; }

const char* loquor_last_error(void) { return t_last_error.c_str(); }

void loquor_set_log(loquor_log_fn sink, void* user, loquor_log_level least) {
  static_cast<void>(
      as_status([&] { loquor::log::set_sink(sink, user, static_cast<loquor::log::Level>(least)); }));
}

loquor_status loquor_runtime_open(const char* library_path, loquor_runtime** out) {
  return as_status([&] {
    required(out, "out");
    *out = new loquor_runtime{loquor::ort::Api::open(&required(library_path, "library_path"))};
  });
}

loquor_status loquor_runtime_find(loquor_runtime** out) {
  return as_status([&] {
    required(out, "out");
    *out = new loquor_runtime{loquor::ort::find_runtime()};
  });
}

void loquor_runtime_close(loquor_runtime* runtime) { give_back(runtime); }

const char* loquor_runtime_version(const loquor_runtime* runtime) {
  return runtime != nullptr ? runtime->api->version().c_str() : nullptr;
}

const char* loquor_runtime_path(const loquor_runtime* runtime) {
  return runtime != nullptr ? runtime->api->path().c_str() : nullptr;
}

size_t loquor_runtime_provider_count(const loquor_runtime* runtime) {
  return runtime != nullptr ? runtime->api->providers().size() : 0;
}

const char* loquor_runtime_provider(const loquor_runtime* runtime, size_t index) {
  return index < loquor_runtime_provider_count(runtime) ? runtime->api->providers()[index].c_str() : nullptr;
}

loquor_status loquor_runtime_add_provider_library(loquor_runtime* runtime, const char* library_path) {
  return as_status([&] {
    required(runtime, "runtime").api->add_provider_library(&required(library_path, "library_path"));
  });
}

loquor_status loquor_runtime_get_device_info(const loquor_runtime* runtime, const char* device,
                                             loquor_device_info* info) {
  return as_status([&] {
    const loquor::ort::Api& api = *required(runtime, "runtime").api;
    const auto chosen = loquor::ort::choose_device(api, device != nullptr ? device : "auto", {});
    const loquor::PrecisionAdvice& advice = loquor::precision_advice(chosen.name);
    write_struct(info,
                 {sizeof(loquor_device_info), advice.device, loquor::ort::provider_of(chosen.name),
                  advice.dtype, advice.reason},
                 "info");
  });
}

loquor_status loquor_cancel_create(loquor_cancel** out) {
  return as_status([&] {
    required(out, "out");
    *out = new loquor_cancel;
  });
}

void loquor_cancel_request(loquor_cancel* cancel) {
  if (cancel != nullptr) cancel->token.request();
}

void loquor_cancel_destroy(loquor_cancel* cancel) { give_back(cancel); }

}  // extern "C"
