/* Streams tokenised text: writes raw float32 samples chunk by chunk, then prints the speech tokens on one
 * line.
 *
 *   stream RUNTIME_LIBRARY BUNDLE_FOLDER REFERENCE.f32 OUT.f32 SEED FIRST_CHUNK CANCEL_AFTER ID...
 *
 * REFERENCE.f32 holds the voice: raw mono samples at the bundle's rate. CANCEL_AFTER chunks it cancels; 0:
 * never. Exits with 0, with the loquor_status of the call that failed, with 64 when called wrongly, or with
 * 74 for a file.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "loquor/loquor.h"

enum { EXIT_USAGE = 64, EXIT_FILE = 74, FIRST_ID = 8 };

static int checked(loquor_status status) {
  if (status != LOQUOR_OK) fprintf(stderr, "stream: (%d) %s\n", (int)status, loquor_last_error());
  return (int)status;
}

static float* read_floats(const char* path, size_t* count) {
  FILE* file = fopen(path, "rb");
  if (file == NULL) return NULL;
  float* samples = NULL;
  const long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : 0;
  rewind(file);
  *count = size > 0 ? (size_t)size / sizeof *samples : 0;
  if (*count > 0) samples = malloc(*count * sizeof *samples);
  if (samples != NULL && fread(samples, sizeof *samples, *count, file) != *count) {
    free(samples);
    samples = NULL;
  }
  fclose(file);
  return samples;
}

/* Reads the stream to its end, or cancels it after so many chunks. */
static int listen(loquor_stream* stream, FILE* out, long cancel_after) {
  for (long chunks = 0;; ++chunks) {
    if (cancel_after > 0 && chunks == cancel_after) loquor_stream_cancel(stream);
    loquor_chunk chunk = {.struct_size = sizeof chunk};
    const loquor_status status = loquor_stream_next(stream, -1, &chunk);
    if (status == LOQUOR_DONE) return 0;
    if (status != LOQUOR_OK) return checked(status);
    if (fwrite(chunk.samples, sizeof *chunk.samples, chunk.count, out) != chunk.count) return EXIT_FILE;
  }
}

static int print_tokens(const loquor_stream* stream) {
  loquor_stream_info info = {.struct_size = sizeof info};
  const int code = checked(loquor_stream_get_info(stream, &info));
  if (code != 0) return code;
  for (int64_t i = 0; i < info.token_count; ++i) {
    printf("%s%" PRId64, i == 0 ? "" : " ", info.tokens[i]);
  }
  printf("\n");
  return 0;
}

static int say(char** argv, const float* reference, size_t count, const int64_t* ids, size_t id_count) {
  loquor_runtime* runtime = NULL;
  loquor_engine* engine = NULL;
  loquor_voice* voice = NULL;
  loquor_stream* stream = NULL;
  FILE* out = fopen(argv[4], "wb");
  int code = out != NULL ? checked(loquor_runtime_open(argv[1], &runtime)) : EXIT_FILE;
  if (code == 0) code = checked(loquor_engine_open(runtime, argv[2], NULL, &engine));
  if (code == 0) code = checked(loquor_engine_encode_voice(engine, reference, count, NULL, &voice));
  loquor_generation_options options = {.struct_size = sizeof options};
  loquor_stream_options chunks = {.struct_size = sizeof chunks};
  if (code == 0) code = checked(loquor_engine_default_options(engine, &options));
  if (code == 0) code = checked(loquor_engine_default_stream_options(engine, &chunks));
  options.seed = strtoull(argv[5], NULL, 10);
  chunks.first_chunk = (int32_t)strtol(argv[6], NULL, 10);
  loquor_request request;
  loquor_request_init(&request);
  request.input_ids = ids;
  request.input_id_count = id_count;
  request.voice = voice;
  request.options = &options;
  if (code == 0) code = checked(loquor_engine_stream(engine, &request, &chunks, &stream));
  loquor_voice_destroy(voice); /* the stream has what it needs */
  if (code == 0) code = listen(stream, out, strtol(argv[7], NULL, 10));
  if (code == 0) code = print_tokens(stream);
  loquor_engine_close(engine);
  loquor_stream_destroy(stream);
  loquor_runtime_close(runtime);
  if (out != NULL && fclose(out) != 0 && code == 0) code = EXIT_FILE;
  return code;
}

int main(int argc, char** argv) {
  if (argc <= FIRST_ID) {
    fprintf(stderr,
            "usage: stream RUNTIME_LIBRARY BUNDLE_FOLDER REFERENCE.f32 OUT.f32 SEED FIRST_CHUNK "
            "CANCEL_AFTER ID...\n");
    return EXIT_USAGE;
  }
  size_t count = 0;
  float* reference = read_floats(argv[3], &count);
  int64_t* ids = calloc((size_t)argc, sizeof *ids);
  int code = EXIT_FILE;
  if (reference != NULL && ids != NULL) {
    for (int i = FIRST_ID; i < argc; ++i) ids[i - FIRST_ID] = strtoll(argv[i], NULL, 10);
    code = say(argv, reference, count, ids, (size_t)(argc - FIRST_ID));
  }
  free(ids);
  free(reference);
  return code;
}
