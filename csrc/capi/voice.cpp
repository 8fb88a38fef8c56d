// Voices made beside other work.
#include <cmath>

#include "capi/handles.hpp"

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

}  // namespace

extern "C" {

loquor_status loquor_engine_start_voice(loquor_engine* engine, const float* samples, size_t sample_count,
                                        loquor_encoding** out) {
  return as_status([&] {
    required(out, "out");
    if (sample_count > 0) required(samples, "samples");
    loquor::Engine& target = required(engine, "engine").engine;
    auto encoding = std::make_unique<loquor_encoding>();
    encoding->request = target.prepare_voice({samples, sample_count});
    encoding->engine = engine->held;
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
    if (!pending) *out = new loquor_voice{encoding->voice};
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
