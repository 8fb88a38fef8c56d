/* On a normal scheduler: what waits for nothing. Destructors and the deaths of owners come here as well. */
#include <string.h>

#include "loquor_nif.h"

/* ---- Objects ---- */

static bool use(atomic_int* uses) {
  int now = atomic_load(uses);
  while (now > 0) {
    if (atomic_compare_exchange_weak(uses, &now, now + 1)) return true;
  }
  return false;
}

bool engine_use(engine_object* engine) { return use(&engine->uses); }

void engine_release(engine_object* engine) {
  if (atomic_fetch_sub(&engine->uses, 1) == 1) own_post(engine->own, &engine->ending->job);
}

void engine_close(engine_object* engine, bool halt) {
  if (!atomic_exchange(&engine->open, false)) return;
  engine->ending->halt = halt;
  engine_release(engine);
}

bool request_use(request_object* request) { return use(&request->uses); }

void request_release(request_object* request) {
  if (atomic_fetch_sub(&request->uses, 1) == 1) own_post(request->own, &request->it->ending);
}

void request_close(request_object* request) {
  if (atomic_exchange(&request->open, false)) request_release(request);
}

void engine_destructor(ErlNifEnv* env, void* object) {
  (void)env;
  engine_close(object, false);
}

void engine_down(ErlNifEnv* env, void* object, ErlNifPid* pid, ErlNifMonitor* monitor) {
  (void)env, (void)pid, (void)monitor;
  engine_close(object, false);
}

void request_destructor(ErlNifEnv* env, void* object) {
  (void)env;
  request_object* request = object;
  if (!request_use(request)) return;
  cancel_quietly(request->it);
  request_release(request);
  request_close(request);
}

void request_down(ErlNifEnv* env, void* object, ErlNifPid* pid, ErlNifMonitor* monitor) {
  (void)env, (void)pid, (void)monitor;
  request_object* request = object;
  if (!request_use(request)) return;
  cancel_quietly(request->it);
  request_release(request);
}

void voice_destructor(ErlNifEnv* env, void* object) {
  (void)env;
  loquor_voice_destroy(((voice_object*)object)->handle);
}

ERL_NIF_TERM request_term(ErlNifEnv* env, library* to, listener* it) {
  request_object* request = enif_alloc_resource(to->requests, sizeof *request);
  *request = (request_object){.own = to->own, .it = it};
  atomic_init(&request->uses, 1);
  atomic_init(&request->open, true);
  const ERL_NIF_TERM term = enif_make_resource(env, request);
  /* Killed while it began: its death will not be told. */
  if (enif_monitor_process(env, request, &it->owner, &request->monitor) > 0) cancel_quietly(it);
  enif_release_resource(request);
  return term;
}

ERL_NIF_TERM voice_term(ErlNifEnv* env, library* to, loquor_voice* voice) {
  voice_object* object = enif_alloc_resource(to->voices, sizeof *object);
  object->handle = voice;
  const ERL_NIF_TERM term = enif_make_resource(env, object);
  enif_release_resource(object);
  return term;
}

/* ---- Functions ---- */

static request_object* request_of(ErlNifEnv* env, ERL_NIF_TERM term) {
  void* object = NULL;
  const library* to = enif_priv_data(env);
  return enif_get_resource(env, term, to->requests, &object) ? object : NULL;
}

static engine_object* engine_of(ErlNifEnv* env, ERL_NIF_TERM term) {
  void* object = NULL;
  const library* to = enif_priv_data(env);
  return enif_get_resource(env, term, to->engines, &object) ? object : NULL;
}

/* The core wants one reader at a time, and a process runs on one scheduler at a time. Of a request in use:
 * its listener is gone behind the last use. */
static bool owned(ErlNifEnv* env, const request_object* request) {
  ErlNifPid self;
  return enif_self(env, &self) != NULL && enif_compare_pids(&self, &request->it->owner) == 0;
}

/* A copy: what a resource binary points to would stay until the last process that saw it is collected. */
static ERL_NIF_TERM chunk_term(ErlNifEnv* env, const loquor_chunk* chunk) {
  ERL_NIF_TERM samples;
  const size_t bytes = chunk->count * sizeof *chunk->samples;
  memcpy(enif_make_new_binary(env, bytes, &samples), chunk->samples, bytes);
  const size_t share = bytes >> 15; /* of a time slice, in percent: 32 KB take some 10 us */
  enif_consume_timeslice(env, share < 1 ? 1 : share > 100 ? 100 : (int)share);
  return enif_make_tuple5(env, atom(env, "chunk"), samples, enif_make_int(env, chunk->sample_rate),
                          enif_make_int64(env, chunk->first_token), enif_make_int64(env, chunk->token_count));
}

static ERL_NIF_TERM read_next(ErlNifEnv* env, request_object* request) {
  loquor_stream* stream = request->it->stream;
  loquor_chunk chunk = {.struct_size = sizeof chunk};
  loquor_status status;
  while ((status = loquor_stream_next(stream, 0, &chunk)) == LOQUOR_PENDING) {
    status = loquor_stream_on_ready_once(stream, tell_ready, request->it);
    if (status != LOQUOR_OK) break; /* else there is something since */
  }
  if (status == LOQUOR_OK) return chunk_term(env, &chunk);
  if (status == LOQUOR_PENDING) return atom(env, "pending");
  const ERL_NIF_TERM end = status == LOQUOR_DONE
                               ? enif_make_tuple2(env, atom(env, "done"), info_map(env, stream))
                               : failure(env, status);
  request_close(request);
  return end;
}

/* next(stream): {chunk, samples, rate, first_token, tokens}; pending, and {loquor, tag, ready} will come;
 * {done, info}; {error, kind, sentence}. Of its owner alone. */
ERL_NIF_TERM nif_next(ErlNifEnv* env, int count, const ERL_NIF_TERM arguments[]) {
  (void)count;
  request_object* request = request_of(env, arguments[0]);
  if (request == NULL) return enif_make_badarg(env);
  if (!request_use(request)) return refusal(env, "closed", "the stream was read to its end: begin another");
  ERL_NIF_TERM result;
  calling_from(env);
  result =
      request->it->stream != NULL && owned(env, request) ? read_next(env, request) : enif_make_badarg(env);
  calling_from(NULL);
  request_release(request);
  return result;
}

/* voice_ready(encoding): {ok, voice}, pending or {error, kind, sentence}. Of its owner alone. */
ERL_NIF_TERM nif_voice_ready(ErlNifEnv* env, int count, const ERL_NIF_TERM arguments[]) {
  (void)count;
  request_object* request = request_of(env, arguments[0]);
  if (request == NULL) return enif_make_badarg(env);
  if (!request_use(request)) return refusal(env, "closed", "the voice was read");
  if (request->it->encoding == NULL || !owned(env, request)) {
    request_release(request);
    return enif_make_badarg(env);
  }
  loquor_voice* voice = NULL;
  calling_from(env);
  const loquor_status status = loquor_encoding_get_voice(request->it->encoding, 0, &voice);
  ERL_NIF_TERM result;
  if (status == LOQUOR_OK) {
    result = enif_make_tuple2(env, atom(env, "ok"), voice_term(env, enif_priv_data(env), voice));
  } else {
    result = status == LOQUOR_PENDING ? atom(env, "pending") : failure(env, status);
  }
  calling_from(NULL);
  if (status != LOQUOR_PENDING) request_close(request);
  request_release(request);
  return result;
}

/* cancel(request): ok, at once. From any process. */
ERL_NIF_TERM nif_cancel(ErlNifEnv* env, int count, const ERL_NIF_TERM arguments[]) {
  (void)count;
  request_object* request = request_of(env, arguments[0]);
  if (request == NULL) return enif_make_badarg(env);
  if (request_use(request)) {
    calling_from(env);
    loquor_stream_cancel(request->it->stream);
    loquor_encoding_cancel(request->it->encoding);
    calling_from(NULL);
    request_release(request);
  }
  return atom(env, "ok");
}

/* info(stream): a map, or `ended` once it was read to its end. From any process. */
ERL_NIF_TERM nif_info(ErlNifEnv* env, int count, const ERL_NIF_TERM arguments[]) {
  (void)count;
  request_object* request = request_of(env, arguments[0]);
  if (request == NULL) return enif_make_badarg(env);
  if (!request_use(request)) return atom(env, "ended");
  const ERL_NIF_TERM result =
      request->it->stream != NULL ? info_map(env, request->it->stream) : atom(env, "ended");
  request_release(request);
  return result;
}

/* close(engine, halt): ok, at once; it is closed on a thread of its own. */
ERL_NIF_TERM nif_close(ErlNifEnv* env, int count, const ERL_NIF_TERM arguments[]) {
  (void)count;
  engine_object* engine = engine_of(env, arguments[0]);
  if (engine == NULL) return enif_make_badarg(env);
  engine_close(engine, enif_is_identical(arguments[1], atom(env, "true")));
  return atom(env, "ok");
}

/* engine_info(engine): a map with the names of its voices, or {error, closed, sentence}. */
ERL_NIF_TERM nif_engine_info(ErlNifEnv* env, int count, const ERL_NIF_TERM arguments[]) {
  (void)count;
  engine_object* engine = engine_of(env, arguments[0]);
  if (engine == NULL) return enif_make_badarg(env);
  if (!engine_use(engine)) return refusal(env, "closed", "the engine was closed");
  loquor_engine_info info = {.struct_size = sizeof info};
  const loquor_status status = loquor_engine_get_info(engine->handle, &info);
  ERL_NIF_TERM result;
  if (status == LOQUOR_OK) {
    ERL_NIF_TERM voices = enif_make_list(env, 0);
    const char* name = NULL;
    for (size_t i = 0; (name = loquor_engine_voice_name(engine->handle, i)) != NULL; ++i)
      voices = enif_make_list_cell(env, text_term(env, name), voices);
    const field fields[] = {
        {"bundle", text_term(env, info.bundle)},
        {"family", text_term(env, info.family)},
        {"device", text_term(env, info.device)},
        {"provider", text_term(env, info.provider)},
        {"sample_rate", enif_make_int(env, info.sample_rate)},
        {"samples_per_token", enif_make_int(env, info.samples_per_token)},
        {"threads", enif_make_int(env, info.threads)},
        {"slots", enif_make_int(env, info.slots)},
        {"watermark", text_term(env, info.watermark)},
        {"voices", voices},
    };
    result = map_of(env, fields, sizeof fields / sizeof *fields);
  } else {
    result = failure(env, status);
  }
  engine_release(engine);
  return result;
}

/* version(): {version of libloquor, its ABI}. */
ERL_NIF_TERM nif_version(ErlNifEnv* env, int count, const ERL_NIF_TERM arguments[]) {
  (void)count, (void)arguments;
  return enif_make_tuple2(env, text_term(env, loquor_version()), enif_make_uint(env, loquor_abi_version()));
}
