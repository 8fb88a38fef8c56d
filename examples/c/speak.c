/* Speaks a text: raw float32 samples on standard output while they are made.
 *
 *   speak RUNTIME_LIBRARY BUNDLE_FOLDER VOICE TEXT [FIRST_CHUNK]
 *
 * FIRST_CHUNK: speech tokens of the first chunk, 25 a second; 0: the whole speech at the end, whose samples
 * are those of `loquor say`.
 */
#include <stdio.h>
#include <stdlib.h>

#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#endif

#include "loquor/loquor.h"

enum { EXIT_USAGE = 64, EXIT_FILE = 74 };

/* All that has to be given back at the end; each destroy function takes NULL. */
typedef struct session {
  loquor_runtime* runtime;
  loquor_engine* engine;
  loquor_voice* voice;
  loquor_stream* stream;
} session;

static loquor_status start(session* s, const char* library, const char* bundle, const char* voice,
                           const char* text, const char* first_chunk) {
  loquor_stream_options options = {.struct_size = sizeof options};
  loquor_request request;
  loquor_request_init(&request);
  loquor_status status = loquor_runtime_open(library, &s->runtime);
  if (status == LOQUOR_OK) status = loquor_engine_open(s->runtime, bundle, NULL, &s->engine);
  if (status == LOQUOR_OK) status = loquor_engine_get_voice(s->engine, voice, &s->voice);
  if (status == LOQUOR_OK) status = loquor_engine_default_stream_options(s->engine, &options);
  if (first_chunk != NULL) options.first_chunk = (int32_t)strtol(first_chunk, NULL, 10);
  request.voice = s->voice;
  if (status == LOQUOR_OK)
    status = loquor_engine_stream_text(s->engine, text, NULL, &request, &options, &s->stream);
  return status;
}

/* What was not said as it was written. */
static void warn(const loquor_stream* stream) {
  const char* warning = NULL;
  for (size_t i = 0; (warning = loquor_stream_warning(stream, i)) != NULL; ++i)
    fprintf(stderr, "speak: warning: %s\n", warning);
}

static int listen(loquor_stream* stream) {
  loquor_chunk chunk = {.struct_size = sizeof chunk};
  loquor_status status;
  while ((status = loquor_stream_next(stream, -1, &chunk)) == LOQUOR_OK) {
    if (fwrite(chunk.samples, sizeof *chunk.samples, chunk.count, stdout) != chunk.count ||
        fflush(stdout) != 0) {
      perror("speak"); /* who listened has gone: destroying the stream cancels the rest */
      return EXIT_FILE;
    }
  }
  if (status == LOQUOR_DONE) return 0;
  fprintf(stderr, "speak: %s\n", loquor_last_error());
  return (int)status;
}

int main(int argc, char** argv) {
  if (argc != 5 && argc != 6) {
    fprintf(stderr, "usage: speak RUNTIME_LIBRARY BUNDLE_FOLDER VOICE TEXT [FIRST_CHUNK]\n");
    return EXIT_USAGE;
  }
#ifdef _WIN32
  _setmode(_fileno(stdout), _O_BINARY); /* else bytes of samples that look like a line's end become two */
#endif
  session s = {NULL, NULL, NULL, NULL};
  const loquor_status status = start(&s, argv[1], argv[2], argv[3], argv[4], argc == 6 ? argv[5] : NULL);
  int code = (int)status;
  if (status == LOQUOR_OK) {
    warn(s.stream);
    code = listen(s.stream);
  } else {
    fprintf(stderr, "speak: %s\n", loquor_last_error());
  }
  loquor_stream_destroy(s.stream);
  loquor_voice_destroy(s.voice);
  loquor_engine_close(s.engine);
  loquor_runtime_close(s.runtime);
  return code;
}
