/* Processes that a host forks while an engine is open. Prints one line for each step that went well.
 *
 *   fork child|daemon RUNTIME_LIBRARY BUNDLE_FOLDER REFERENCE.f32 ID...
 *
 * child: a child is refused its parent's engine, gives everything back and ends at once, by exit(); its
 * parent's stream goes on. daemon: the process becomes a daemon, is refused the engine that it opened before,
 * and speaks with one of its own.
 */
#define _DEFAULT_SOURCE /* daemon, fork */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loquor/loquor.h"

enum { FIRST_ID = 5, MOST = 30 * 24000, LIMIT = 120 };

typedef struct scene {
  loquor_runtime* runtime;
  loquor_engine* engine;
  loquor_voice* voice;
  loquor_stream* stream;
} scene;

static loquor_status open_all(scene* made, char** argv, const float* recording, size_t recorded,
                              loquor_request* request) {
  loquor_status status = loquor_runtime_open(argv[2], &made->runtime);
  if (!status) status = loquor_engine_open(made->runtime, argv[3], NULL, &made->engine);
  if (!status && made->voice == NULL) {
    status = loquor_engine_encode_voice(made->engine, recording, recorded, NULL, &made->voice);
  }
  request->voice = made->voice;
  if (!status) status = loquor_engine_stream(made->engine, request, NULL, &made->stream);
  return status;
}

static void give_all_back(const scene* made) {
  loquor_stream_destroy(made->stream);
  loquor_voice_destroy(made->voice);
  loquor_engine_close(made->engine);
  loquor_runtime_close(made->runtime);
}

static loquor_status read_all(loquor_stream* stream) {
  loquor_chunk chunk = {.struct_size = sizeof chunk};
  loquor_status status;
  while (!(status = loquor_stream_next(stream, -1, &chunk))) {
  }
  return status == LOQUOR_DONE ? LOQUOR_OK : status;
}

static int refused(scene* made, const loquor_request* request) {
  loquor_stream* stream = NULL;
  loquor_chunk chunk = {.struct_size = sizeof chunk};
  return loquor_engine_stream(made->engine, request, NULL, &stream) == LOQUOR_ERROR_INVALID_INPUT &&
         strstr(loquor_last_error(), "made before fork") != NULL &&
         loquor_stream_next(made->stream, -1, &chunk) == LOQUOR_ERROR_INVALID_INPUT;
}

static int done(const char* step, int good) {
  printf("%s %s\n", step, good ? "done" : loquor_last_error());
  fflush(stdout);
  return good;
}

static int fork_child(scene* made, const loquor_request* request) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(LIMIT);
    const int good = done("refused", refused(made, request));
    give_all_back(made);
    exit(good ? 0 : 1); /* by way of all destructors */
  }
  int ended = -1;
  waitpid(child, &ended, 0);
  return done("ended", ended == 0) && done("spoken", read_all(made->stream) == LOQUOR_OK);
}

static int become_daemon(scene* made, char** argv, loquor_request* request) {
  if (daemon(1, 1) != 0) return 0;
  alarm(LIMIT);
  if (!done("refused", refused(made, request))) return 0;
  scene own = {.voice = made->voice}; /* plain data, which stays good */
  const int good = open_all(&own, argv, NULL, 0, request) == LOQUOR_OK;
  return done("opened", good) && done("spoken", read_all(own.stream) == LOQUOR_OK);
}

int main(int argc, char** argv) {
  if (argc <= FIRST_ID) return 64;
  float* recording = malloc(MOST * sizeof *recording);
  int64_t* ids = calloc((size_t)argc, sizeof *ids);
  FILE* file = fopen(argv[4], "rb");
  if (recording == NULL || ids == NULL || file == NULL) return 74;
  const size_t recorded = fread(recording, sizeof *recording, MOST, file);
  fclose(file);
  for (int i = FIRST_ID; i < argc; ++i) ids[i - FIRST_ID] = strtoll(argv[i], NULL, 10);
  loquor_request request;
  loquor_request_init(&request);
  request.input_ids = ids, request.input_id_count = (size_t)(argc - FIRST_ID);
  scene made = {NULL, NULL, NULL, NULL};
  if (!done("opened", open_all(&made, argv, recording, recorded, &request) == LOQUOR_OK)) return 1;
  const int good =
      strcmp(argv[1], "daemon") == 0 ? become_daemon(&made, argv, &request) : fork_child(&made, &request);
  free(ids);
  free(recording);
  return good ? 0 : 1;
}
