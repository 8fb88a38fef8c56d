/* On a dirty scheduler, for as long as a text, a file or a copy takes. What makes sound goes on elsewhere,
 * and nothing here waits for it. */
#include <string.h>

#include "loquor_nif.h"

static engine_object* engine_in_use(ErlNifEnv* env, ERL_NIF_TERM term, ERL_NIF_TERM* why) {
  void* object = NULL;
  const library* to = enif_priv_data(env);
  if (!enif_get_resource(env, term, to->engines, &object)) {
    *why = enif_make_badarg(env);
    return NULL;
  }
  if (engine_use(object)) return object;
  *why = refusal(env, "closed", "the engine was closed");
  return NULL;
}

static ERL_NIF_TERM warnings_of(ErlNifEnv* env, const loquor_stream* stream) {
  ERL_NIF_TERM list = enif_make_list(env, 0);
  ERL_NIF_TERM reversed;
  const char* warning = NULL;
  for (size_t i = 0; (warning = loquor_stream_warning(stream, i)) != NULL; ++i)
    list = enif_make_list_cell(env, text_term(env, warning), list);
  return enif_make_reverse_list(env, list, &reversed) ? reversed : list;
}

/* What a stream is begun with: the caller's, as the core takes it. */
typedef struct asked {
  char* text;
  char* language;
  char* normalizer;
  loquor_text_options reading;
  loquor_generation_options generation;
  loquor_stream_options streaming;
  option_texts none;
} asked;

/* arguments: of nif_start. */
static bool read_asked(ErlNifEnv* env, const loquor_engine* engine, const ERL_NIF_TERM arguments[], asked* it,
                       ERL_NIF_TERM* why) {
  int size = 0;
  const ERL_NIF_TERM* reading = NULL;
  if (!read_text(env, arguments[2], &it->text) || it->text == NULL) {
    *why = refusal(env, "invalid_input", "the text is to be a binary in UTF-8 without NUL");
    return false;
  }
  if (!enif_get_tuple(env, arguments[3], &size, &reading) || size != 2 ||
      !read_text(env, reading[0], &it->language) || !read_text(env, reading[1], &it->normalizer)) {
    *why = refusal(env, "invalid_input", "language and normalizer are binaries");
    return false;
  }
  loquor_text_options_init(&it->reading);
  it->reading.language = it->language;
  it->reading.normalizer = it->normalizer;
  it->generation.struct_size = sizeof it->generation;
  it->streaming.struct_size = sizeof it->streaming;
  loquor_status status = loquor_engine_default_options(engine, &it->generation);
  if (status == LOQUOR_OK) status = loquor_engine_default_stream_options(engine, &it->streaming);
  if (status != LOQUOR_OK) {
    *why = failure(env, status);
    return false;
  }
  return read_options(env, arguments[4], LOQUOR_OPTIONS_GENERATION, &it->generation, &it->none, why) &&
         read_options(env, arguments[5], LOQUOR_OPTIONS_STREAM, &it->streaming, &it->none, why);
}

static ERL_NIF_TERM begin(ErlNifEnv* env, const loquor_voice* voice, loquor_engine* engine, const asked* it,
                          ERL_NIF_TERM tag) {
  loquor_request request;
  loquor_request_init(&request);
  request.voice = voice;
  request.options = &it->generation;
  listener* heard = listener_create(env, tag);
  if (heard == NULL) return refusal(env, "internal", "memory ran out");
  const loquor_status status =
      loquor_engine_stream_text(engine, it->text, &it->reading, &request, &it->streaming, &heard->stream);
  if (status != LOQUOR_OK) {
    listener_destroy(heard);
    return failure(env, status);
  }
  const ERL_NIF_TERM warnings = warnings_of(env, heard->stream);
  return enif_make_tuple3(env, atom(env, "ok"), request_term(env, enif_priv_data(env), heard), warnings);
}

/* start(engine, voice, text, {language, normalizer}, generation, streaming, tag): {ok, stream, warnings}; its
 * owner is the caller, and {loquor, tag, ready} will be sent to it. */
ERL_NIF_TERM nif_start(ErlNifEnv* env, int count, const ERL_NIF_TERM arguments[]) {
  (void)count;
  void* voice = NULL;
  const library* to = enif_priv_data(env);
  if (!enif_get_resource(env, arguments[1], to->voices, &voice)) return enif_make_badarg(env);
  ERL_NIF_TERM result;
  engine_object* engine = engine_in_use(env, arguments[0], &result);
  if (engine == NULL) return result;
  asked it = {.text = NULL};
  calling_from(env);
  if (read_asked(env, engine->handle, arguments, &it, &result))
    result = begin(env, ((voice_object*)voice)->handle, engine->handle, &it, arguments[6]);
  calling_from(NULL);
  engine_release(engine);
  enif_free(it.text);
  enif_free(it.language);
  enif_free(it.normalizer);
  forget_texts(&it.none);
  return result;
}

/* encode(engine, samples, tag): {ok, encoding}; {loquor, tag, ready} will be sent to the caller. */
ERL_NIF_TERM nif_encode(ErlNifEnv* env, int count, const ERL_NIF_TERM arguments[]) {
  (void)count;
  ErlNifBinary samples;
  if (!enif_inspect_binary(env, arguments[1], &samples) || samples.size % sizeof(float) != 0)
    return enif_make_badarg(env);
  ERL_NIF_TERM result;
  engine_object* engine = engine_in_use(env, arguments[0], &result);
  if (engine == NULL) return result;
  /* A part of a binary may begin anywhere: floats may not. */
  float* aligned = enif_alloc(samples.size + sizeof(float));
  listener* heard = aligned != NULL ? listener_create(env, arguments[2]) : NULL;
  if (heard == NULL) {
    enif_free(aligned);
    engine_release(engine);
    return refusal(env, "internal", "memory ran out");
  }
  memcpy(aligned, samples.data, samples.size);
  calling_from(env);
  const loquor_status status =
      loquor_engine_start_voice(engine->handle, aligned, samples.size / sizeof(float), &heard->encoding);
  if (status == LOQUOR_OK) {
    result = enif_make_tuple2(env, atom(env, "ok"), request_term(env, enif_priv_data(env), heard));
    loquor_encoding_on_ready(heard->encoding, tell_ready, heard);
  } else {
    result = failure(env, status);
    listener_destroy(heard);
  }
  calling_from(NULL);
  enif_free(aligned);
  engine_release(engine);
  return result;
}

static ERL_NIF_TERM load(ErlNifEnv* env, const ERL_NIF_TERM arguments[],
                         loquor_status (*from)(loquor_engine*, const char*, loquor_voice**)) {
  char* name = NULL;
  if (!read_text(env, arguments[1], &name)) return enif_make_badarg(env);
  ERL_NIF_TERM result;
  engine_object* engine = engine_in_use(env, arguments[0], &result);
  if (engine != NULL) {
    loquor_voice* voice = NULL;
    calling_from(env);
    const loquor_status status = from(engine->handle, name, &voice);
    result = status == LOQUOR_OK
                 ? enif_make_tuple2(env, atom(env, "ok"), voice_term(env, enif_priv_data(env), voice))
                 : failure(env, status);
    calling_from(NULL);
    engine_release(engine);
  }
  enif_free(name);
  return result;
}

/* voice(engine, name): {ok, voice}; nil: the bundle's default. */
ERL_NIF_TERM nif_voice(ErlNifEnv* env, int count, const ERL_NIF_TERM arguments[]) {
  (void)count;
  return load(env, arguments, loquor_engine_get_voice);
}

/* voice_file(engine, path): {ok, voice}. */
ERL_NIF_TERM nif_voice_file(ErlNifEnv* env, int count, const ERL_NIF_TERM arguments[]) {
  (void)count;
  return load(env, arguments, loquor_engine_load_voice);
}

/* memory(engine): a map of bytes. Where a speech encoder is being loaded, it waits for that. */
ERL_NIF_TERM nif_memory(ErlNifEnv* env, int count, const ERL_NIF_TERM arguments[]) {
  (void)count;
  ERL_NIF_TERM result;
  engine_object* engine = engine_in_use(env, arguments[0], &result);
  if (engine == NULL) return result;
  loquor_memory_info info = {.struct_size = sizeof info};
  calling_from(env);
  const loquor_status status = loquor_engine_get_memory(engine->handle, &info);
  calling_from(NULL);
  const field fields[] = {
      {"kv_cache", enif_make_int64(env, info.kv_cache)},
      {"prefixes", enif_make_int64(env, info.prefixes)},
      {"prefix_count", enif_make_int64(env, info.prefix_count)},
      {"prefix_hits", enif_make_int64(env, info.prefix_hits)},
      {"prefix_misses", enif_make_int64(env, info.prefix_misses)},
      {"arenas", enif_make_int64(env, info.arenas)},
      {"encoder_loaded", atom(env, info.encoder_loaded ? "true" : "false")},
  };
  result = status == LOQUOR_OK ? map_of(env, fields, sizeof fields / sizeof *fields) : failure(env, status);
  engine_release(engine);
  return result;
}

/* set_log(pid, level): ok; lines from that level on are {loquor_log, level, line} to it; nil: to nobody. It
 * waits for a line that is being sent. */
ERL_NIF_TERM nif_set_log(ErlNifEnv* env, int count, const ERL_NIF_TERM arguments[]) {
  (void)count;
  static const char* const kLevels[] = {"debug", "info", "warning", "error"};
  ErlNifPid to;
  if (!enif_get_local_pid(env, arguments[0], &to)) {
    log_to_nobody();
    return atom(env, "ok");
  }
  for (int level = LOQUOR_LOG_DEBUG; level <= LOQUOR_LOG_ERROR; ++level) {
    if (!enif_is_identical(arguments[1], atom(env, kLevels[level]))) continue;
    log_to(&to, (loquor_log_level)level);
    return atom(env, "ok");
  }
  return enif_make_badarg(env);
}
