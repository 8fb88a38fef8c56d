/* What waits for long, on threads of its own: opening an engine, closing it, giving a request back. */
#include <pthread.h>

#include "loquor_nif.h"

struct own_thread {
  pthread_mutex_t lock;
  pthread_cond_t posted;
  job* first;
  job* last;
  bool ends;
};

static bool start_thread(void* (*run)(void*), void* user) {
  pthread_attr_t attributes;
  pthread_t thread;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, OWN_STACK);
  const bool started = pthread_create(&thread, &attributes, run, user) == 0;
  pthread_attr_destroy(&attributes);
  return started;
}

static void* work(void* user) {
  own_thread* own = user;
  pthread_mutex_lock(&own->lock);
  for (;;) {
    while (own->first == NULL && !own->ends) pthread_cond_wait(&own->posted, &own->lock);
    job* next = own->first;
    if (next == NULL) break;
    own->first = next->next;
    if (own->first == NULL) own->last = NULL;
    pthread_mutex_unlock(&own->lock);
    next->run(next);
    pthread_mutex_lock(&own->lock);
  }
  pthread_mutex_unlock(&own->lock);
  pthread_mutex_destroy(&own->lock);
  pthread_cond_destroy(&own->posted);
  enif_free(own);
  return NULL;
}

own_thread* own_start(void) {
  own_thread* own = enif_alloc(sizeof *own);
  if (own == NULL) return NULL;
  *own = (own_thread){.first = NULL};
  pthread_mutex_init(&own->lock, NULL);
  pthread_cond_init(&own->posted, NULL);
  if (start_thread(work, own)) return own;
  pthread_mutex_destroy(&own->lock);
  pthread_cond_destroy(&own->posted);
  enif_free(own);
  return NULL;
}

void own_post(own_thread* own, job* what) {
  what->next = NULL;
  pthread_mutex_lock(&own->lock);
  if (own->last != NULL) {
    own->last->next = what;
  } else {
    own->first = what;
  }
  own->last = what;
  pthread_cond_signal(&own->posted);
  pthread_mutex_unlock(&own->lock);
}

void own_end(own_thread* own) {
  pthread_mutex_lock(&own->lock);
  own->ends = true;
  pthread_cond_signal(&own->posted);
  pthread_mutex_unlock(&own->lock);
}

static void* run_once(void* user) {
  job* what = user;
  what->run(what);
  return NULL;
}

bool own_run(job* what) { return start_thread(run_once, what); }

/* ---- Closing ---- */

static void close_engine(job* self) {
  closing* it = (closing*)self;
  if (it->halt && it->handle != NULL) {
    loquor_engine_halt(it->handle);
    loquor_engine_close(it->handle);
  } else {
    loquor_engine_release(it->handle);
  }
  enif_free(it);
}

static void end_request(job* self) {
  listener* it = (listener*)self;
  loquor_stream_destroy(it->stream);
  loquor_encoding_destroy(it->encoding);
  enif_free_env(it->env);
  enif_free(it);
}

listener* listener_create(ErlNifEnv* env, ERL_NIF_TERM tag) {
  listener* it = enif_alloc(sizeof *it);
  if (it == NULL) return NULL;
  *it = (listener){.ending = {NULL, end_request}, .env = enif_alloc_env()};
  it->tag = enif_make_copy(it->env, tag);
  enif_self(env, &it->owner);
  return it;
}

void listener_destroy(listener* it) { /* of one that no request was begun for */
  enif_free_env(it->env);
  enif_free(it);
}

/* ---- Opening ---- */

typedef struct opening {
  job job;
  engine_object* engine;
  char* bundle;
  char* runtime; /* NULL: the one that is found */
  loquor_engine_options options;
  option_texts texts;
  ErlNifPid owner;
  ErlNifEnv* env;
  ERL_NIF_TERM tag;
} opening;

static void opening_destroy(opening* it) {
  forget_texts(&it->texts);
  enif_free(it->bundle);
  enif_free(it->runtime);
  if (it->env != NULL) enif_free_env(it->env);
  if (it->engine != NULL) enif_release_resource(it->engine);
  enif_free(it);
}

static void open_engine(job* self) {
  opening* it = (opening*)self;
  engine_object* engine = it->engine;
  loquor_runtime* runtime = NULL;
  loquor_engine* opened = NULL;
  loquor_status status =
      it->runtime != NULL ? loquor_runtime_open(it->runtime, &runtime) : loquor_runtime_find(&runtime);
  if (status == LOQUOR_OK) status = loquor_engine_open(runtime, it->bundle, &it->options, &opened);
  ERL_NIF_TERM result = status == LOQUOR_OK ? atom(it->env, "ok") : failure(it->env, status);
  loquor_runtime_close(runtime);
  if (opened != NULL) { /* reads the tokenizer's file here, so that the first text need not */
    loquor_text* text = NULL;
    if (loquor_engine_prepare_text(opened, "a", NULL, &text) == LOQUOR_OK) loquor_text_destroy(text);
  }
  engine->handle = engine->ending->handle = opened;
  ERL_NIF_TERM message = enif_make_tuple3(it->env, atom(it->env, "loquor"), it->tag, result);
  engine_release(engine); /* closes it, if nobody wants it any more */
  enif_send(NULL, &it->owner, it->env, message);
  opening_destroy(it);
}

/* open(bundle, runtime, options, tag): an engine that is being opened; then {loquor, tag, ok | error}. */
ERL_NIF_TERM nif_open(ErlNifEnv* env, int count, const ERL_NIF_TERM arguments[]) {
  (void)count;
  library* to = enif_priv_data(env);
  ERL_NIF_TERM why;
  opening* it = enif_alloc(sizeof *it);
  if (it == NULL) return refusal(env, "internal", "memory ran out");
  *it = (opening){.job = {NULL, open_engine}};
  loquor_engine_options_init(&it->options);
  if (!read_text(env, arguments[0], &it->bundle) || it->bundle == NULL ||
      !read_text(env, arguments[1], &it->runtime)) {
    opening_destroy(it);
    return refusal(env, "invalid_input", "the bundle and the runtime's library are told by paths");
  }
  if (!read_options(env, arguments[2], LOQUOR_OPTIONS_ENGINE, &it->options, &it->texts, &why)) {
    opening_destroy(it);
    return why;
  }
  it->env = enif_alloc_env();
  it->tag = enif_make_copy(it->env, arguments[3]);
  enif_self(env, &it->owner);
  closing* ending = enif_alloc(sizeof *ending);
  engine_object* engine = ending != NULL ? enif_alloc_resource(to->engines, sizeof *engine) : NULL;
  if (engine == NULL) {
    enif_free(ending);
    opening_destroy(it);
    return refusal(env, "internal", "memory ran out");
  }
  *ending = (closing){.job = {NULL, close_engine}};
  *engine = (engine_object){.own = to->own, .ending = ending};
  atomic_init(&engine->uses, 2); /* one is the thread's that opens it */
  atomic_init(&engine->open, true);
  it->engine = engine;
  const ERL_NIF_TERM term = enif_make_resource(env, engine);
  if (enif_monitor_process(env, engine, &it->owner, NULL) > 0) engine_close(engine, false);
  if (!own_run(&it->job)) {
    engine_release(engine);
    opening_destroy(it);
    return refusal(env, "busy", "no thread is left to open an engine on: try again later");
  }
  return enif_make_tuple2(env, atom(env, "ok"), term);
}
