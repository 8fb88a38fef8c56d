/* Terms and messages: what the core says, in Elixir's words, and what Elixir gives, in the core's. */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "loquor_nif.h"

/* ---- Messages ---- */

/* Of the thread: the environment that a call of the core came from, which enif_send wants to know. */
static _Thread_local ErlNifEnv* caller = NULL;
static _Thread_local bool quiet = false;

void calling_from(ErlNifEnv* env) { caller = env; }

void send_to(const ErlNifPid* to, ErlNifEnv* message_env, ERL_NIF_TERM message) {
  if (!quiet) enif_send(caller, to, message_env, message);
}

void tell_ready(void* user) {
  listener* it = user;
  if (quiet || (it->encoding != NULL && atomic_exchange(&it->told, true))) return;
  ErlNifEnv* env = enif_alloc_env();
  send_to(&it->owner, env,
          enif_make_tuple3(env, atom(env, "loquor"), enif_make_copy(env, it->tag), atom(env, "ready")));
  enif_free_env(env);
}

void cancel_quietly(listener* it) {
  const bool before = quiet;
  quiet = true;
  loquor_stream_cancel(it->stream);
  loquor_encoding_cancel(it->encoding);
  quiet = before;
}

static void send_line(void* user, int level, const char* line) {
  static const char* const kLevels[] = {"debug", "info", "warning", "error"};
  if (quiet) return;
  ErlNifEnv* env = enif_alloc_env();
  send_to(
      user, env,
      enif_make_tuple3(env, atom(env, "loquor_log"), atom(env, kLevels[level & 3]), text_term(env, line)));
  enif_free_env(env);
}

/* Written by loquor_set_log's caller alone, which returns when the sink before is not called any more. */
static ErlNifPid listening;

void log_to(const ErlNifPid* to, loquor_log_level least) {
  log_to_nobody();
  listening = *to;
  loquor_set_log(send_line, &listening, least);
}

void log_to_nobody(void) { loquor_set_log(NULL, NULL, LOQUOR_LOG_ERROR); }

/* ---- To Elixir ---- */

ERL_NIF_TERM atom(ErlNifEnv* env, const char* name) { return enif_make_atom(env, name); }

ERL_NIF_TERM text_term(ErlNifEnv* env, const char* text) {
  if (text == NULL) return atom(env, "nil");
  ERL_NIF_TERM term;
  const size_t length = strlen(text);
  memcpy(enif_make_new_binary(env, length, &term), text, length);
  return term;
}

ERL_NIF_TERM refusal(ErlNifEnv* env, const char* kind, const char* words) {
  return enif_make_tuple3(env, atom(env, "error"), atom(env, kind), text_term(env, words));
}

static const char* kind_of(loquor_status status) {
  switch (status) {
    case LOQUOR_CANCELLED:
      return "cancelled";
    case LOQUOR_ERROR_INVALID_INPUT:
      return "invalid_input";
    case LOQUOR_ERROR_RUNTIME_MISSING:
      return "runtime_missing";
    case LOQUOR_ERROR_MODEL:
      return "model";
    case LOQUOR_ERROR_EXECUTION:
      return "execution";
    case LOQUOR_ERROR_BUSY:
      return "busy";
    case LOQUOR_ERROR_CLOSED:
      return "closed";
    default:
      return "internal";
  }
}

ERL_NIF_TERM failure(ErlNifEnv* env, loquor_status status) {
  return refusal(env, kind_of(status), loquor_last_error());
}

ERL_NIF_TERM map_of(ErlNifEnv* env, const field* fields, size_t count) {
  ERL_NIF_TERM map = enif_make_new_map(env);
  for (size_t i = 0; i < count; ++i)
    enif_make_map_put(env, map, atom(env, fields[i].name), fields[i].value, &map);
  return map;
}

static const char* reason_of(const loquor_stream_info* info) {
  if (!info->ended) return "nil";
  switch (info->finish_reason) {
    case LOQUOR_FINISH_STOP:
      return "stop";
    case LOQUOR_FINISH_LENGTH:
      return "length";
    case LOQUOR_FINISH_GUARD:
      return "guard";
  }
  return "nil";
}

ERL_NIF_TERM info_map(ErlNifEnv* env, const loquor_stream* stream) {
  loquor_stream_info info = {.struct_size = sizeof info};
  const loquor_status status = loquor_stream_get_info(stream, &info);
  if (status != LOQUOR_OK) return failure(env, status);
  const field fields[] = {
      {"tokens", enif_make_int64(env, info.token_count)},
      {"samples_taken", enif_make_int64(env, info.samples_taken)},
      {"samples_waiting", enif_make_int64(env, info.samples_waiting)},
      {"ended", atom(env, info.ended ? "true" : "false")},
      {"cancelled", atom(env, info.cancelled ? "true" : "false")},
      {"finish_reason", atom(env, reason_of(&info))},
      {"prefill_seconds", enif_make_double(env, info.prefill_seconds)},
      {"steps_seconds", enif_make_double(env, info.steps_seconds)},
      {"decoder_seconds", enif_make_double(env, info.decoder_seconds)},
      {"attempts", enif_make_int(env, info.attempts)},
      {"seed", enif_make_uint64(env, info.seed)},
      {"watermark", text_term(env, info.watermark)},
  };
  return map_of(env, fields, sizeof fields / sizeof *fields);
}

/* ---- From Elixir ---- */

bool read_text(ErlNifEnv* env, ERL_NIF_TERM term, char** out) {
  ErlNifBinary text;
  *out = NULL;
  if (enif_is_identical(term, atom(env, "nil"))) return true;
  if (!enif_inspect_binary(env, term, &text)) return false;
  if (memchr(text.data, '\0', text.size) != NULL) return false; /* it would end there */
  *out = enif_alloc(text.size + 1);
  if (*out == NULL) return false;
  memcpy(*out, text.data, text.size);
  (*out)[text.size] = '\0';
  return true;
}

void forget_texts(option_texts* texts) {
  for (size_t i = 0; i < texts->count; ++i) enif_free(texts->at[i]);
  texts->count = 0;
}

static bool put_float(ErlNifEnv* env, ERL_NIF_TERM value, void* to) {
  double number;
  ErlNifSInt64 whole;
  if (enif_get_int64(env, value, &whole)) {
    number = (double)whole;
  } else if (!enif_get_double(env, value, &number)) {
    return false;
  }
  if (fabs(number) > FLT_MAX) return false;
  *(float*)to = (float)number;
  return true;
}

static bool put_text(ErlNifEnv* env, ERL_NIF_TERM value, void* to, option_texts* texts) {
  char* text = NULL;
  if (texts->count == TEXT_OPTIONS || !read_text(env, value, &text) || text == NULL) return false;
  texts->at[texts->count++] = text;
  *(const char**)to = text;
  return true;
}

static bool put(ErlNifEnv* env, ERL_NIF_TERM value, const char* type, void* to, option_texts* texts) {
  ErlNifSInt64 whole;
  ErlNifUInt64 natural;
  if (strcmp(type, "float") == 0) return put_float(env, value, to);
  if (strcmp(type, "string") == 0) return put_text(env, value, to, texts);
  if (strcmp(type, "bool") == 0) {
    const bool yes = enif_is_identical(value, atom(env, "true"));
    if (!yes && !enif_is_identical(value, atom(env, "false"))) return false;
    *(int32_t*)to = yes;
    return true;
  }
  if (strcmp(type, "uint64") == 0) {
    if (!enif_get_uint64(env, value, &natural)) return false;
    *(uint64_t*)to = natural;
    return true;
  }
  if (!enif_get_int64(env, value, &whole)) return false;
  if (strcmp(type, "int64") == 0) {
    *(int64_t*)to = whole;
    return true;
  }
  if (strcmp(type, "int32") == 0) {
    if (whole < INT32_MIN || whole > INT32_MAX) return false;
    *(int32_t*)to = (int32_t)whole;
    return true;
  }
  if (strcmp(type, "uint32") == 0) {
    if (whole < 0 || whole > UINT32_MAX) return false;
    *(uint32_t*)to = (uint32_t)whole;
    return true;
  }
  return false; /* of a newer library */
}

static bool find_option(loquor_option_table table, const char* name, loquor_option_info* info) {
  for (size_t i = 0; i < loquor_option_count(table); ++i) {
    *info = (loquor_option_info){.struct_size = sizeof *info};
    if (loquor_option_get_info(table, i, info) == LOQUOR_OK && strcmp(info->name, name) == 0) return true;
  }
  return false;
}

bool read_options(ErlNifEnv* env, ERL_NIF_TERM list, loquor_option_table table, void* options,
                  option_texts* texts, ERL_NIF_TERM* why) {
  ERL_NIF_TERM head;
  char sentence[512];
  while (enif_get_list_cell(env, list, &head, &list)) {
    int size = 0;
    const ERL_NIF_TERM* pair = NULL;
    char name[64];
    loquor_option_info info;
    if (!enif_get_tuple(env, head, &size, &pair) || size != 2 ||
        enif_get_atom(env, pair[0], name, sizeof name, ERL_NIF_LATIN1) <= 0) {
      *why = refusal(env, "invalid_input", "options are a keyword list");
      return false;
    }
    if (!find_option(table, name, &info)) {
      snprintf(sentence, sizeof sentence, "there is no option %s", name);
    } else if (!put(env, pair[1], info.type, (char*)options + info.offset, texts)) {
      snprintf(sentence, sizeof sentence, "%s must be %s (%s)", name, info.range, info.type);
    } else {
      continue;
    }
    *why = refusal(env, "invalid_input", sentence);
    return false;
  }
  return true;
}
