/* Says tokenised text with a Loquor bundle: prints the speech tokens on one line and writes a WAV file.
 *
 * A whole program on nothing but the C header. It exits with 0, with the loquor_status of the call that
 * failed, with 64 when called wrongly, or with 74 when a file cannot be read or written.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loquor/loquor.h"

enum { EXIT_USAGE = 64, EXIT_FILE = 74 };

static const char usage[] =
    "usage: speak [OPTION VALUE]... RUNTIME_LIBRARY BUNDLE_FOLDER OUT.wav ID...\n"
    "  RUNTIME_LIBRARY  ONNX Runtime's shared library\n"
    "  ID...            the text's ids, the bundle's two end-of-text ids included\n"
    "  --reference      the voice to speak in: a file of raw float32 samples in native byte order, mono,\n"
    "                   at the bundle's sample rate; without it, a tone made here\n"
    "  --seed           of the random numbers; 0 without it\n"
    "  --max-new-tokens the limit; the bundle's own without it\n";

typedef struct arguments {
  const char* library;
  const char* bundle;
  const char* out;
  const char* reference;
  uint64_t seed;
  int32_t max_new_tokens; /* 0: the bundle's own limit */
  int64_t* ids;
  size_t id_count;
} arguments;

/* All that has to be given back at the end; each destroy function takes NULL. */
typedef struct session {
  loquor_runtime* runtime;
  loquor_engine* engine;
  loquor_voice* voice;
  loquor_tokens* tokens;
  loquor_waveform* waveform;
  float* reference;
} session;

static void session_free(session* s) {
  free(s->reference);
  loquor_waveform_destroy(s->waveform);
  loquor_tokens_destroy(s->tokens);
  loquor_voice_destroy(s->voice);
  loquor_engine_close(s->engine);
  loquor_runtime_close(s->runtime);
}

static const char* status_text(loquor_status status) {
  switch (status) {
    case LOQUOR_OK:
      return "ok";
    case LOQUOR_CANCELLED:
      return "cancelled";
    case LOQUOR_ERROR_INVALID_INPUT:
      return "invalid input";
    case LOQUOR_ERROR_RUNTIME_MISSING:
      return "runtime missing";
    case LOQUOR_ERROR_MODEL:
      return "model error";
    case LOQUOR_ERROR_EXECUTION:
      return "execution error";
    case LOQUOR_ERROR_INTERNAL:
      return "internal error";
    case LOQUOR_ERROR_BUSY:
      return "busy";
    case LOQUOR_DONE:
      return "done";
    case LOQUOR_PENDING:
      return "pending";
    case LOQUOR_ERROR_CLOSED:
      return "closed";
  }
  return "unknown status";
}

/* Reports a call that failed; returns the exit code, 0 when it did not. */
static int checked(loquor_status status) {
  if (status != LOQUOR_OK) {
    fprintf(stderr, "speak: %s (%d): %s\n", status_text(status), (int)status, loquor_last_error());
  }
  return (int)status;
}

static int file_failed(const char* doing, const char* path) {
  fprintf(stderr, "speak: cannot %s %s: %s\n", doing, path,
          errno != 0 ? strerror(errno) : "not what it should be");
  return EXIT_FILE;
}

/* ---- Arguments ---- */

static bool parse_id(const char* text, int64_t* id) {
  char* end = NULL;
  errno = 0;
  const long long value = strtoll(text, &end, 10);
  *id = value;
  return errno == 0 && end != text && *end == '\0';
}

static bool parse_unsigned(const char* text, uint64_t most, uint64_t* number) {
  char* end = NULL;
  errno = 0;
  const unsigned long long value = strtoull(text, &end, 10);
  *number = value;
  return errno == 0 && end != text && *end == '\0' && text[0] != '-' && value <= most;
}

static bool parse_option(const char* name, const char* value, arguments* parsed) {
  if (strcmp(name, "--reference") == 0) {
    parsed->reference = value;
    return true;
  }
  if (strcmp(name, "--seed") == 0) return parse_unsigned(value, UINT64_MAX, &parsed->seed);
  uint64_t limit = 0;
  if (strcmp(name, "--max-new-tokens") != 0 || !parse_unsigned(value, INT32_MAX, &limit) || limit == 0)
    return false;
  parsed->max_new_tokens = (int32_t)limit;
  return true;
}

/* Takes the arguments apart; parsed->ids, of argc entries, is the caller's. Names the argument it cannot use.
 */
static const char* parse_arguments(int argc, char** argv, arguments* parsed) {
  const char** const positional[] = {&parsed->library, &parsed->bundle, &parsed->out};
  size_t given = 0;
  for (int i = 1; i < argc; ++i) {
    if (strncmp(argv[i], "--", 2) == 0) {
      if (i + 1 == argc || !parse_option(argv[i], argv[i + 1], parsed)) return argv[i];
      ++i;
    } else if (given < 3) {
      *positional[given++] = argv[i];
    } else if (!parse_id(argv[i], &parsed->ids[parsed->id_count++])) {
      return argv[i];
    }
  }
  return parsed->id_count == 0 ? "its end: too few arguments" : NULL;
}

/* ---- Reference voice ---- */

/* Three seconds of a sawtooth at 110 Hz: no voice, but as deterministic as one can be. */
static float* make_tone(int32_t sample_rate, size_t* count) {
  *count = 3 * (size_t)sample_rate;
  float* samples = malloc(*count * sizeof *samples);
  if (samples == NULL) return NULL;
  for (size_t i = 0; i < *count; ++i) {
    const size_t phase = i * 110 % (size_t)sample_rate;
    samples[i] = 0.2f * ((float)phase / (float)sample_rate - 0.5f);
  }
  return samples;
}

static float* read_floats(const char* path, size_t* count) {
  errno = 0;
  FILE* file = fopen(path, "rb");
  if (file == NULL) return NULL;
  float* samples = NULL;
  if (fseek(file, 0, SEEK_END) == 0) {
    const long size = ftell(file);
    if (size > 0 && size % (long)sizeof *samples == 0) samples = malloc((size_t)size);
    *count = samples != NULL ? (size_t)size / sizeof *samples : 0;
  }
  rewind(file);
  if (samples != NULL && fread(samples, sizeof *samples, *count, file) != *count) {
    free(samples);
    samples = NULL;
  }
  fclose(file);
  return samples;
}

/* ---- WAV: RIFF with one PCM chunk, 16 bits, mono, little-endian ---- */

static void put_u16(unsigned char* to, uint16_t value) {
  to[0] = (unsigned char)(value & 0xff);
  to[1] = (unsigned char)(value >> 8);
}

static void put_u32(unsigned char* to, uint32_t value) {
  put_u16(to, (uint16_t)(value & 0xffff));
  put_u16(to + 2, (uint16_t)(value >> 16));
}

static int16_t to_pcm16(float sample) {
  const float scaled = sample * 32767.0f;
  if (scaled >= 32767.0f) return 32767;
  if (scaled <= -32767.0f) return -32767;
  return (int16_t)(scaled + (scaled >= 0.0f ? 0.5f : -0.5f));
}

static bool write_samples(FILE* file, const loquor_waveform_info* wave) {
  unsigned char header[44] = "RIFF....WAVEfmt ";
  const uint32_t data_bytes = (uint32_t)(2 * wave->count);
  put_u32(header + 4, 36 + data_bytes);
  put_u32(header + 16, 16); /* size of the format chunk */
  put_u16(header + 20, 1);  /* PCM */
  put_u16(header + 22, 1);  /* channels */
  put_u32(header + 24, (uint32_t)wave->sample_rate);
  put_u32(header + 28, 2 * (uint32_t)wave->sample_rate); /* bytes a second */
  put_u16(header + 32, 2);                               /* bytes a frame */
  put_u16(header + 34, 16);                              /* bits a sample */
  memcpy(header + 36, "data", 4);
  put_u32(header + 40, data_bytes);
  if (fwrite(header, sizeof header, 1, file) != 1) return false;
  for (size_t i = 0; i < wave->count; ++i) {
    unsigned char bytes[2];
    put_u16(bytes, (uint16_t)to_pcm16(wave->samples[i]));
    if (fwrite(bytes, sizeof bytes, 1, file) != 1) return false;
  }
  return true;
}

static int write_wav(const char* path, const loquor_waveform_info* wave) {
  errno = 0;
  if (wave->count > (UINT32_MAX - 36) / 2) return file_failed("hold so many samples in", path);
  FILE* file = fopen(path, "wb");
  if (file == NULL) return file_failed("write", path);
  const bool written = write_samples(file, wave);
  return fclose(file) == 0 && written ? 0 : file_failed("write", path);
}

/* ---- The four steps ---- */

static int open_engine(const arguments* given, session* s) {
  const int code = checked(loquor_runtime_open(given->library, &s->runtime));
  return code != 0 ? code : checked(loquor_engine_open(s->runtime, given->bundle, NULL, &s->engine));
}

static int make_voice(const arguments* given, session* s) {
  loquor_engine_info info = {.struct_size = sizeof info};
  const int code = checked(loquor_engine_get_info(s->engine, &info));
  if (code != 0) return code;
  size_t count = 0;
  s->reference =
      given->reference != NULL ? read_floats(given->reference, &count) : make_tone(info.sample_rate, &count);
  if (s->reference == NULL)
    return file_failed("read", given->reference != NULL ? given->reference : "the tone");
  return checked(loquor_engine_encode_voice(s->engine, s->reference, count, NULL, &s->voice));
}

static int generate(const arguments* given, session* s, loquor_tokens_info* tokens) {
  loquor_generation_options options = {.struct_size = sizeof options};
  int code = checked(loquor_engine_default_options(s->engine, &options));
  if (code != 0) return code;
  options.seed = given->seed;
  if (given->max_new_tokens > 0) options.max_new_tokens = given->max_new_tokens;
  loquor_request request;
  loquor_request_init(&request);
  request.input_ids = given->ids;
  request.input_id_count = given->id_count;
  request.voice = s->voice;
  request.options = &options;
  code = checked(loquor_engine_generate_tokens(s->engine, &request, &s->tokens));
  if (code == 0) code = checked(loquor_tokens_get_info(s->tokens, tokens));
  if (code != 0) return code;
  for (size_t i = 0; i < tokens->count; ++i) printf("%s%" PRId64, i == 0 ? "" : " ", tokens->tokens[i]);
  printf("\n");
  return 0;
}

static int decode(const arguments* given, session* s, const loquor_tokens_info* tokens) {
  loquor_waveform_info wave = {.struct_size = sizeof wave};
  int code = checked(
      loquor_engine_decode(s->engine, tokens->tokens, tokens->count, s->voice, NULL, NULL, &s->waveform));
  if (code == 0) code = checked(loquor_waveform_get_info(s->waveform, &wave));
  return code != 0 ? code : write_wav(given->out, &wave);
}

static int speak(const arguments* given) {
  session s = {0};
  loquor_tokens_info tokens = {.struct_size = sizeof tokens};
  int code = open_engine(given, &s);
  if (code == 0) code = make_voice(given, &s);
  if (code == 0) code = generate(given, &s, &tokens);
  if (code == 0) code = decode(given, &s, &tokens);
  session_free(&s);
  return code;
}

int main(int argc, char** argv) {
  if (loquor_abi_version() != LOQUOR_ABI_VERSION) {
    fprintf(stderr, "speak: compiled for Loquor ABI %d, but ABI %u is loaded\n", LOQUOR_ABI_VERSION,
            (unsigned)loquor_abi_version());
    return (int)LOQUOR_ERROR_INTERNAL;
  }
  arguments given = {.ids = calloc((size_t)argc, sizeof(int64_t))};
  if (given.ids == NULL) return (int)LOQUOR_ERROR_INTERNAL;
  const char* refused = parse_arguments(argc, argv, &given);
  if (refused != NULL) fprintf(stderr, "speak: the command line is not understood at %s\n%s", refused, usage);
  const int code = refused != NULL ? EXIT_USAGE : speak(&given);
  free(given.ids);
  return code;
}
