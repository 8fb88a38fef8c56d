/* The example of loquor.h in a program: speech as raw float32 samples on standard output.
 *
 *   example RUNTIME_LIBRARY BUNDLE_FOLDER REFERENCE.f32 TEXT
 */
#include <stdio.h>
#include <stdlib.h>

#include "loquor/loquor.h"

enum { MOST = 30 * 24000 }; /* samples of a recording */

static loquor_status say(const char* onnxruntime, const char* bundle, const float* recording, size_t recorded,
                         const char* text) {
  loquor_runtime* runtime = NULL;
  loquor_engine* engine = NULL;
  loquor_voice* voice = NULL;
  loquor_stream* stream = NULL;
  loquor_request request;
  loquor_request_init(&request);
  loquor_status status = loquor_runtime_open(onnxruntime, &runtime);
  if (!status) status = loquor_engine_open(runtime, bundle, NULL, &engine);
  if (!status) status = loquor_engine_encode_voice(engine, recording, recorded, NULL, &voice);
  request.voice = voice;
  if (!status) status = loquor_engine_stream_text(engine, text, NULL, &request, NULL, &stream);
  loquor_chunk chunk = {.struct_size = sizeof chunk};
  while (!status && !(status = loquor_stream_next(stream, -1, &chunk)))
    fwrite(chunk.samples, sizeof *chunk.samples, chunk.count, stdout);
  if (status != LOQUOR_DONE) fprintf(stderr, "%s\n", loquor_last_error());
  loquor_stream_destroy(stream);
  loquor_voice_destroy(voice);
  loquor_engine_close(engine);
  loquor_runtime_close(runtime);
  return status;
}

int main(int argc, char** argv) {
  if (argc != 5) return 64;
  float* recording = malloc(MOST * sizeof *recording);
  FILE* file = fopen(argv[3], "rb");
  int code = 74;
  if (recording != NULL && file != NULL) {
    const size_t recorded = fread(recording, sizeof *recording, MOST, file);
    const loquor_status status = say(argv[1], argv[2], recording, recorded, argv[4]);
    code = status == LOQUOR_DONE ? 0 : (int)status;
  }
  if (file != NULL) fclose(file);
  free(recording);
  return code;
}
