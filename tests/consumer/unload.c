/* A host of plugins: loads libloquor, speaks, unloads it, and does so again, with something else in the place
 * that it left, if it left one. Prints the speech tokens of each round on a line.
 *
 *   unload LIBLOQUOR ROUNDS RUNTIME_LIBRARY BUNDLE_FOLDER REFERENCE.f32 ID...
 */
#define _GNU_SOURCE /* mmap at a place */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "loquor/loquor.h"

enum { FIRST_ID = 6, MOST = 30 * 24000, MOST_IDS = 1000, MOST_PARTS = 64 };

/* The functions in use, by name. */
#define FUNCTIONS(USE)               \
  USE(loquor_last_error)             \
  USE(loquor_runtime_open)           \
  USE(loquor_runtime_close)          \
  USE(loquor_engine_open)            \
  USE(loquor_engine_close)           \
  USE(loquor_engine_encode_voice)    \
  USE(loquor_voice_destroy)          \
  USE(loquor_request_init)           \
  USE(loquor_engine_generate_tokens) \
  USE(loquor_tokens_get_info)        \
  USE(loquor_tokens_destroy)         \
  USE(loquor_set_log)

#define MEMBER(name) __typeof__(&name) name;
typedef struct api {
  FUNCTIONS(MEMBER)
} api;

static int load(void* library, api* loaded) {
  void* address;
#define LOAD(name)                 \
  address = dlsym(library, #name); \
  if (address == NULL) return 0;   \
  memcpy(&loaded->name, &address, sizeof address);
  FUNCTIONS(LOAD)
  return 1;
}

static void drop(void* user, int level, const char* message) { (void)user, (void)level, (void)message; }

static loquor_status say(const api* call, char** argv, const float* recording, size_t recorded,
                         const int64_t* ids, size_t count) {
  loquor_runtime* runtime = NULL;
  loquor_engine* engine = NULL;
  loquor_voice* voice = NULL;
  loquor_tokens* tokens = NULL;
  call->loquor_set_log(drop, NULL, LOQUOR_LOG_DEBUG); /* ONNX Runtime has much to say, too */
  loquor_request request;
  call->loquor_request_init(&request);
  loquor_status status = call->loquor_runtime_open(argv[3], &runtime);
  if (!status) status = call->loquor_engine_open(runtime, argv[4], NULL, &engine);
  if (!status) status = call->loquor_engine_encode_voice(engine, recording, recorded, NULL, &voice);
  request.input_ids = ids, request.input_id_count = count, request.voice = voice;
  if (!status) status = call->loquor_engine_generate_tokens(engine, &request, &tokens);
  loquor_tokens_info info = {.struct_size = sizeof info};
  if (!status) status = call->loquor_tokens_get_info(tokens, &info);
  if (status) fprintf(stderr, "unload: (%d) %s\n", (int)status, call->loquor_last_error());
  for (size_t i = 0; !status && i < info.count; ++i) printf("%" PRId64 " ", info.tokens[i]);
  printf("\n");
  call->loquor_tokens_destroy(tokens);
  call->loquor_voice_destroy(voice);
  call->loquor_engine_close(engine);
  call->loquor_runtime_close(runtime);
  call->loquor_set_log(NULL, NULL, LOQUOR_LOG_ERROR);
  return status;
}

typedef struct part {
  unsigned long from, to;
} part;

/* Where a library lies in memory. */
static size_t parts_of(const char* path, part* parts) {
  char line[4096];
  size_t count = 0;
  const char* name = strrchr(path, '/') != NULL ? strrchr(path, '/') : path;
  FILE* maps = fopen("/proc/self/maps", "r");
  while (maps != NULL && count < MOST_PARTS && fgets(line, sizeof line, maps) != NULL) {
    if (strstr(line, name) == NULL) continue;
    if (sscanf(line, "%lx-%lx", &parts[count].from, &parts[count].to) == 2) ++count;
  }
  if (maps != NULL) fclose(maps);
  return count;
}

int main(int argc, char** argv) {
  if (argc <= FIRST_ID || argc - FIRST_ID > MOST_IDS) return 64;
  float* recording = malloc(MOST * sizeof *recording);
  FILE* file = fopen(argv[5], "rb");
  if (recording == NULL || file == NULL) return 74;
  const size_t recorded = fread(recording, sizeof *recording, MOST, file);
  fclose(file);
  int64_t ids[MOST_IDS];
  for (int i = FIRST_ID; i < argc; ++i) ids[i - FIRST_ID] = strtoll(argv[i], NULL, 10);
  int status = 0;
  for (long round = strtol(argv[2], NULL, 10); status == 0 && round > 0; --round) {
    void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    api call;
    if (library == NULL || !load(library, &call)) {
      fprintf(stderr, "unload: %s\n", dlerror());
      return 1;
    }
    status = (int)say(&call, argv, recording, recorded, ids, (size_t)(argc - FIRST_ID));
    part parts[MOST_PARTS];
    const size_t count = parts_of(argv[1], parts);
    dlclose(library);
    for (size_t i = 0; i < count; ++i) { /* nothing happens where it is still loaded */
      mmap((void*)parts[i].from, parts[i].to - parts[i].from, PROT_NONE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    }
  }
  free(recording);
  return status;
}
