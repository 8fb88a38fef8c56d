/* What Elixir is compared with: for each line of its input it speaks the text, and tells on a line, in
 * microseconds, when the first sound was there and when the last, and how many samples there were.
 *
 *   reference BUNDLE_FOLDER TEXT
 */
#include <stdio.h>
#include <time.h>

#include "loquor/loquor.h"

static double microseconds(void) {
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static loquor_status speak(loquor_engine* engine, const loquor_voice* voice, const char* text) {
  loquor_request request;
  loquor_request_init(&request);
  request.voice = voice;
  loquor_stream* stream = NULL;
  loquor_chunk chunk = {.struct_size = sizeof chunk};
  const double begun = microseconds();
  double first = 0;
  size_t samples = 0;
  loquor_status status = loquor_engine_stream_text(engine, text, NULL, &request, NULL, &stream);
  while (status == LOQUOR_OK && (status = loquor_stream_next(stream, -1, &chunk)) == LOQUOR_OK) {
    if (samples == 0) first = microseconds() - begun;
    samples += chunk.count;
  }
  loquor_stream_destroy(stream);
  if (status != LOQUOR_DONE) return status;
  printf("%.0f %.0f %zu\n", first, microseconds() - begun, samples);
  return fflush(stdout) == 0 ? LOQUOR_OK : LOQUOR_ERROR_INTERNAL;
}

int main(int argc, char** argv) {
  loquor_runtime* runtime = NULL;
  loquor_engine* engine = NULL;
  loquor_voice* voice = NULL;
  if (argc != 3) return 64;
  loquor_status status = loquor_runtime_find(&runtime);
  if (status == LOQUOR_OK) status = loquor_engine_open(runtime, argv[1], NULL, &engine);
  if (status == LOQUOR_OK) status = loquor_engine_get_voice(engine, NULL, &voice);
  for (int c; status == LOQUOR_OK && (c = getchar()) != EOF;) {
    if (c == '\n') status = speak(engine, voice, argv[2]);
  }
  if (status != LOQUOR_OK) fprintf(stderr, "reference: %s\n", loquor_last_error());
  loquor_voice_destroy(voice);
  loquor_engine_close(engine);
  loquor_runtime_close(runtime);
  return (int)status;
}
