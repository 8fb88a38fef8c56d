/* The library's life in the machine: loaded, upgraded with what is alive, unloaded, and its table. */
#include "loquor_nif.h"

/* What an upgrade hands on: another layout of what it points to needs another number. */
enum { LAYOUT = 1 };
typedef struct private_data {
  library loaded; /* first: enif_priv_data is read as this */
  int layout;
} private_data;

static bool take_types(ErlNifEnv* env, library* to) {
  ErlNifResourceTypeInit engine = {.dtor = engine_destructor, .down = engine_down};
  ErlNifResourceTypeInit request = {.dtor = request_destructor, .down = request_down};
  ErlNifResourceTypeInit voice = {.dtor = voice_destructor};
  const ErlNifResourceFlags flags = ERL_NIF_RT_CREATE | ERL_NIF_RT_TAKEOVER;
  to->engines = enif_open_resource_type_x(env, "loquor_engine", &engine, flags, NULL);
  to->requests = enif_open_resource_type_x(env, "loquor_request", &request, flags, NULL);
  to->voices = enif_open_resource_type_x(env, "loquor_voice", &voice, flags, NULL);
  return to->engines != NULL && to->requests != NULL && to->voices != NULL;
}

static int load(ErlNifEnv* env, void** priv, ERL_NIF_TERM info) {
  (void)info;
  if (loquor_abi_version() != LOQUOR_ABI_VERSION) return 1;
  private_data* to = enif_alloc(sizeof *to);
  if (to == NULL) return 1;
  *to = (private_data){.layout = LAYOUT};
  to->loaded.own = own_start();
  if (to->loaded.own == NULL || !take_types(env, &to->loaded)) {
    if (to->loaded.own != NULL) own_end(to->loaded.own);
    enif_free(to);
    return 1;
  }
  *priv = to;
  return 0;
}

/* Requests, engines and their thread go on: the new library answers for them from now on. */
static int upgrade(ErlNifEnv* env, void** priv, void** old_priv, ERL_NIF_TERM info) {
  (void)info;
  private_data* from = *old_priv;
  if (loquor_abi_version() != LOQUOR_ABI_VERSION || from == NULL || from->layout != LAYOUT) return 1;
  private_data* to = enif_alloc(sizeof *to);
  if (to == NULL) return 1;
  *to = (private_data){.layout = LAYOUT, .loaded = {.own = from->loaded.own}};
  if (!take_types(env, &to->loaded)) {
    enif_free(to);
    return 1;
  }
  from->loaded.own = NULL;
  *priv = to;
  return 0;
}

static void unload(ErlNifEnv* env, void* priv) {
  (void)env;
  private_data* from = priv;
  if (from->loaded.own != NULL) { /* else a newer one has it */
    log_to_nobody();
    own_end(from->loaded.own);
  }
  enif_free(from);
}

enum { QUICK = 0, COMPUTES = ERL_NIF_DIRTY_JOB_CPU_BOUND, READS = ERL_NIF_DIRTY_JOB_IO_BOUND };

static ErlNifFunc functions[] = {
    {"open", 4, nif_open, QUICK},
    {"close", 2, nif_close, QUICK},
    {"engine_info", 1, nif_engine_info, QUICK},
    {"next", 1, nif_next, QUICK},
    {"cancel", 1, nif_cancel, QUICK},
    {"info", 1, nif_info, QUICK},
    {"voice_ready", 1, nif_voice_ready, QUICK},
    {"version", 0, nif_version, QUICK},
    {"start", 7, nif_start, COMPUTES},
    {"encode", 3, nif_encode, COMPUTES},
    {"voice", 2, nif_voice, READS},
    {"voice_file", 2, nif_voice_file, READS},
    {"memory", 1, nif_memory, READS},
    {"set_log", 2, nif_set_log, READS},
};

ERL_NIF_INIT(Elixir.Loquor.Nif, functions, load, NULL, upgrade, unload)
