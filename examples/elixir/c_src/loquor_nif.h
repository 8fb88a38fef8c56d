/* Loquor for the Erlang virtual machine. Which thread runs a function is told by its file, and a test holds
 * it: quick.c on a normal scheduler, where nobody may wait; dirty.c on a dirty one, for as long as a file or
 * a copy takes, never for sound; own.c on threads of the library's own, where an engine is opened and closed.
 */
#ifndef LOQUOR_NIF_H_
#define LOQUOR_NIF_H_

#include <erl_nif.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "loquor/loquor.h"

enum { OWN_STACK = 256 * 1024 }; /* bytes: loquor.h promises that 192 KB suffice */

/* ---- own.c ---- */

/* What is to be done on the library's own thread. It gives its memory back itself. */
typedef struct job {
  struct job* next;
  void (*run)(struct job* self);
} job;

/* The thread and the jobs that wait for it: one for a loaded library, handed on when it is upgraded. */
typedef struct own_thread own_thread;

own_thread* own_start(void); /* NULL: no memory, or no thread is left */
void own_post(own_thread* own, job* what);
void own_end(own_thread* own); /* does what was posted, then ends by itself; nobody waits for it */

/* Runs it on a thread that ends with it. False: no thread is left. */
bool own_run(job* what);

/* ---- Objects: what a term of Elixir stands for ---- */

/* Jobs that open and close an engine: made before they are needed, since a destructor cannot fail. */
typedef struct closing closing;

typedef struct engine_object {
  own_thread* own;
  loquor_engine* handle;
  closing* ending;
  atomic_int uses; /* being open counts one, and each call under way; behind the last it is closed */
  atomic_bool open;
} engine_object;

struct closing {
  job job;
  loquor_engine* handle;
  bool halt; /* its streams say `closed`; else it goes on for them, and ends with the last */
};

/* What the core knows of a request. It lives until the core has given the request back, which may be after
 * the term has gone: till then the core may call it. */
typedef struct listener {
  job ending;
  loquor_stream* stream; /* one of the two */
  loquor_encoding* encoding;
  ErlNifPid owner;
  ErlNifEnv* env; /* of the tag */
  ERL_NIF_TERM tag;
  atomic_bool told; /* of an encoding, which has one thing to say: that it was cancelled, or ended */
} listener;

typedef struct request_object {
  own_thread* own;
  listener* it;
  atomic_int uses;
  atomic_bool open;
  ErlNifMonitor monitor;
} request_object;

typedef struct voice_object {
  loquor_voice* handle;
} voice_object;

typedef struct library {
  own_thread* own;
  ErlNifResourceType* engines;
  ErlNifResourceType* requests;
  ErlNifResourceType* voices;
} library;

/* False where the object is closed; else release it again. */
bool engine_use(engine_object* engine);
void engine_release(engine_object* engine);
void engine_close(engine_object* engine, bool halt);
bool request_use(request_object* request);
void request_release(request_object* request);
void request_close(request_object* request);

/* Takes the listener over; its owner's death cancels from now on. A term, or nothing where memory ran out. */
ERL_NIF_TERM request_term(ErlNifEnv* env, library* to, listener* it);
ERL_NIF_TERM voice_term(ErlNifEnv* env, library* to, loquor_voice* voice);
listener* listener_create(ErlNifEnv* env, ERL_NIF_TERM tag);
void listener_destroy(listener* it);

void engine_destructor(ErlNifEnv* env, void* object);
void engine_down(ErlNifEnv* env, void* object, ErlNifPid* pid, ErlNifMonitor* monitor);
void request_destructor(ErlNifEnv* env, void* object);
void request_down(ErlNifEnv* env, void* object, ErlNifPid* pid, ErlNifMonitor* monitor);
void voice_destructor(ErlNifEnv* env, void* object);

/* ---- terms.c ---- */

/* While a function of the core is called on one of the machine's threads: what it sends, it sends from here.
 */
void calling_from(ErlNifEnv* env); /* NULL: the call is over */
void send_to(const ErlNifPid* to, ErlNifEnv* message_env, ERL_NIF_TERM message);
void tell_ready(void* user); /* a loquor_ready_fn of a listener */
/* Nobody waits for what it would tell: a destructor, or its owner is dead. */
void cancel_quietly(listener* it);

/* Lines of the log are {loquor_log, level, line} to a process. */
void log_to(const ErlNifPid* to, loquor_log_level least);
void log_to_nobody(void);

ERL_NIF_TERM atom(ErlNifEnv* env, const char* name);
ERL_NIF_TERM text_term(ErlNifEnv* env, const char* text);                  /* a binary; NULL: nil */
ERL_NIF_TERM failure(ErlNifEnv* env, loquor_status status);                /* with loquor_last_error() */
ERL_NIF_TERM refusal(ErlNifEnv* env, const char* kind, const char* words); /* {error, kind, sentence} */
ERL_NIF_TERM info_map(ErlNifEnv* env, const loquor_stream* stream);

typedef struct field {
  const char* name;
  ERL_NIF_TERM value;
} field;
ERL_NIF_TERM map_of(ErlNifEnv* env, const field* fields, size_t count);

/* A text of the caller's, with NUL behind it, to be freed by enif_free. nil gives NULL. False: no text. */
bool read_text(ErlNifEnv* env, ERL_NIF_TERM term, char** out);

enum { TEXT_OPTIONS = 32 };
/* Strings that options point to. */
typedef struct option_texts {
  char* at[TEXT_OPTIONS];
  size_t count;
} option_texts;
void forget_texts(option_texts* texts);
/* Writes [{name, value}] into the struct of that table, whose defaults are in it. False: `why` says it. */
bool read_options(ErlNifEnv* env, ERL_NIF_TERM list, loquor_option_table table, void* options,
                  option_texts* texts, ERL_NIF_TERM* why);

/* ---- Functions of Loquor.Nif ---- */

typedef ERL_NIF_TERM nif_fn(ErlNifEnv* env, int count, const ERL_NIF_TERM arguments[]);
nif_fn nif_next, nif_cancel, nif_info, nif_voice_ready, nif_close, nif_engine_info, nif_version; /* quick.c */
nif_fn nif_start, nif_encode, nif_voice, nif_voice_file, nif_memory, nif_set_log;                /* dirty.c */
nif_fn nif_open;                                                                                 /* own.c */

#endif
