// Streams.
#include <chrono>
#include <cmath>

#include "capi/handles.hpp"
#include "capi/options.hpp"
#include "capi/streams.hpp"

using namespace loquor::capi;

namespace {

loquor_stream_info describe(const loquor_stream& stream) {
  const loquor::Request& request = *stream.request;
  const loquor::Report report = request.report();
  loquor_stream_info info = {};
  info.watermark = stream.watermark;
  info.token_count = report.tokens;
  info.tokens_taken = report.taken_codes;
  info.samples_taken = report.taken_samples;
  info.samples_waiting = report.ready_samples;
  info.ended = report.ended ? 1 : 0;
  info.cancelled = report.cancelled ? 1 : 0;
  if (!report.ended) return info;
  const loquor::Tokens& tokens = request.result().tokens;
  info.tokens = tokens.ids.size() == static_cast<std::size_t>(report.tokens) ? tokens.ids.data() : nullptr;
  info.finish_reason = loquor::capi::public_reason(tokens.finish_reason);
  info.prompt_length = tokens.prompt_length;
  info.prefill_seconds = tokens.prefill_seconds;
  info.steps_seconds = tokens.steps_seconds;
  const loquor::Result& result = request.result();
  info.decoder_seconds = result.decoder_seconds;
  info.guards = result.guards;
  info.attempts = result.attempts;
  info.waited_seconds = result.waited_seconds;
  info.seed = result.seed;
  info.text_faults = result.text_faults.bits;
  info.skipped_from = result.text_faults.skipped_from;
  info.skipped_to = result.text_faults.skipped_to;
  return info;
}

loquor_status read_next(loquor_stream& stream, double timeout_seconds, loquor_chunk* chunk) {
  const auto timeout = read_timeout(timeout_seconds);
  require_struct_size<loquor_chunk>(required(chunk, "chunk").struct_size, "chunk");
  stream.chunk.samples.clear();
  switch (stream.request->next(stream.chunk, timeout, stream.progress)) {
    case loquor::Request::Next::kDone:
      return LOQUOR_DONE;
    case loquor::Request::Next::kPending:
      return LOQUOR_PENDING;
    case loquor::Request::Next::kChunk:
      break;
  }
  const loquor::Chunk& read = stream.chunk;
  write_struct(chunk,
               {sizeof(loquor_chunk), read.samples.data(), read.samples.size(), stream.sample_rate,
                read.first_code, read.code_count, read.said_ids.empty() ? nullptr : read.said_ids.data()},
               "chunk");
  return LOQUOR_OK;
}

void start(loquor::Engine& engine, loquor_stream& stream, loquor_cancel* cancel) {
  if (cancel != nullptr) {
    stream.listener.emplace(token_of(cancel), [to = stream.request] { to->cancel(); });
  }
  engine.submit(stream.request);
}

}  // namespace

namespace loquor::capi {

std::unique_ptr<loquor_stream> begin_stream(loquor_engine& engine, const loquor_request& request,
                                            const StreamOptions& options) {
  Engine& target = engine.engine;
  auto stream = std::make_unique<loquor_stream>();
  stream->engine = engine.held;
  stream->request = target.prepare_stream(read_prompt(request, target.model().defaults()), options,
                                          request.progress != nullptr);
  stream->progress = progress_of(request);
  stream->sample_rate = target.model().manifest.sample_rate;
  stream->watermark = target.model().watermark();
  start(target, *stream, request.cancel);
  return stream;
}

}  // namespace loquor::capi

extern "C" {

loquor_status loquor_engine_default_stream_options(const loquor_engine* engine,
                                                   loquor_stream_options* options) {
  return as_status([&] {
    write_struct(options, to_public(required(engine, "engine").engine.model().manifest.streaming), "options");
  });
}

loquor_status loquor_engine_stream(loquor_engine* engine, const loquor_request* request,
                                   const loquor_stream_options* options, loquor_stream** out) {
  return as_status([&] {
    required(out, "out");
    loquor_engine& target = required(engine, "engine");
    const auto given = read_struct(required(request, "request"), loquor_request{}, "request");
    const loquor::StreamOptions& defaults = target.engine.model().manifest.streaming;
    *out = begin_stream(target, given, read_options(options, defaults)).release();
  });
}

loquor_status loquor_engine_stream_tokens(loquor_engine* engine, const loquor_voice* voice,
                                          const loquor_stream_options* options,
                                          const loquor_decode_options* decode, loquor_cancel* cancel,
                                          loquor_stream** out) {
  return as_status([&] {
    required(out, "out");
    loquor::Engine& target = required(engine, "engine").engine;
    const loquor::Manifest& manifest = target.model().manifest;
    auto stream = std::make_unique<loquor_stream>();
    stream->engine = engine->held;
    stream->request = target.prepare_fed(required(voice, "voice").voice,
                                         read_options(options, manifest.streaming), read_options(decode));
    stream->sample_rate = manifest.sample_rate;
    stream->watermark = target.model().watermark();
    stream->code_limit = manifest.start_token;
    start(target, *stream, cancel);
    *out = stream.release();
  });
}

loquor_status loquor_stream_feed(loquor_stream* stream, const int64_t* tokens, size_t count, int32_t last) {
  return as_status([&] {
    loquor_stream& to = required(stream, "stream");
    if (count > 0) required(tokens, "tokens");
    loquor::check_codes({tokens, count}, to.code_limit);
    to.request->feed({tokens, count}, last != 0);
  });
}

loquor_status loquor_stream_next(loquor_stream* stream, double timeout_seconds, loquor_chunk* chunk) {
  loquor_status found = LOQUOR_OK;
  const loquor_status status =
      as_status([&] { found = read_next(required(stream, "stream"), timeout_seconds, chunk); });
  return status == LOQUOR_OK ? found : status;
}

loquor_status loquor_stream_on_ready(loquor_stream* stream, loquor_ready_fn ready, void* user) {
  return as_status([&] { required(stream, "stream").request->on_ready(ready, user); });
}

loquor_status loquor_stream_on_ready_once(loquor_stream* stream, loquor_ready_fn ready, void* user) {
  bool waits = false;
  const loquor_status status = as_status([&] {
    required(ready, "ready");
    waits = required(stream, "stream").request->on_ready_once(ready, user);
  });
  return waits ? LOQUOR_PENDING : status;
}

loquor_status loquor_stream_keep_samples(loquor_stream* stream, loquor_samples** out) {
  return as_status([&] {
    required(out, "out");
    std::vector<float>& samples = required(stream, "stream").chunk.samples;
    if (samples.empty()) {
      throw loquor::Error(loquor::ErrorKind::kInvalidInput,
                          "there are no samples to keep: read a chunk first, and keep it once");
    }
    auto kept = std::make_unique<loquor_samples>();
    kept->samples.swap(samples);
    *out = kept.release();
  });
}

void loquor_samples_destroy(loquor_samples* samples) { delete samples; }

void loquor_stream_cancel(loquor_stream* stream) {
  if (usable_here(stream)) stream->request->cancel();
}

loquor_status loquor_stream_get_info(const loquor_stream* stream, loquor_stream_info* info) {
  return as_status([&] { write_struct(info, describe(required(stream, "stream")), "info"); });
}

void loquor_stream_destroy(loquor_stream* stream) {
  if (!usable_here(stream)) return;
  stream->request->on_ready(nullptr, nullptr);
  stream->request->cancel();
  delete stream;
}

}  // extern "C"
