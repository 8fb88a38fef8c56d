/* Loquor's C ABI: with the headers it brings in at its end all that is promised. C11 and C++ alike.
 *
 * Text and a recording to speech, chunk by chunk; tests/consumer/example.c is the program around it:
 *
 *   loquor_runtime* runtime = NULL;
 *   loquor_engine* engine = NULL;
 *   loquor_voice* voice = NULL;
 *   loquor_stream* stream = NULL;
 *   loquor_request request;
 *   loquor_request_init(&request);
 *   loquor_status status = loquor_runtime_open(onnxruntime, &runtime);
 *   if (!status) status = loquor_engine_open(runtime, bundle, NULL, &engine);
 *   if (!status) status = loquor_engine_encode_voice(engine, recording, recorded, NULL, &voice);
 *   request.voice = voice;
 *   if (!status) status = loquor_engine_stream_text(engine, text, NULL, &request, NULL, &stream);
 *   loquor_chunk chunk = {.struct_size = sizeof chunk};
 *   while (!status && !(status = loquor_stream_next(stream, -1, &chunk)))
 *     fwrite(chunk.samples, sizeof *chunk.samples, chunk.count, stdout);
 *   if (status != LOQUOR_DONE) fprintf(stderr, "%s\n", loquor_last_error());
 *
 * Conventions
 *  - Handles are opaque. loquor_<class>_<verb>; what is opened, created or returned through an `out`
 *    parameter is the caller's, to be given back to the matching close or destroy, which accept NULL.
 *  - Every fallible call returns a loquor_status. When it is not LOQUOR_OK nothing was written to `out`, and
 *    loquor_last_error() holds one sentence for the calling thread until its next call.
 *  - Structs begin with `size_t struct_size` and grow at the end only. Fill an option struct with its _init
 *    function and change what matters; set struct_size of an info struct to sizeof before asking for it.
 *  - Of what there are several, a _count function tells how many and a _get function one by its index; no
 *    struct holds an array whose length a later version would change.
 *  - Strings are UTF-8. Returned pointers live as long as the handle they came from.
 *  - Tensors are batch 1 and row-major; the batch axis is left out of every shape here.
 *  - Nothing happens when the library is loaded, and it never prints, exits or throws at its caller. Once
 *    loaded it stays, since ONNX Runtime does and calls it: to unload it changes nothing, and to load it
 *    again finds it as it was.
 *  - A process that was forked, as by daemon(), has none of its parent's threads. There a runtime, engine,
 *    stream, cancel token or graph that was made before is refused with LOQUOR_ERROR_INVALID_INPUT, and to
 *    close, destroy, cancel or halt it does nothing, at once, nor does the end of the process wait for it;
 *    open new ones. Voices and results are plain data and stay good. Do not fork while another thread opens
 *    an engine: the child could not open one (LOQUOR_ERROR_RUNTIME_MISSING).
 *  - Any thread may call, where nothing else is said; 192 KB of stack suffice for every call.
 *  - What a call waits for, longest first. Whatever is not here waits for nothing but a lock that nobody
 *    holds while working, and may be called where nobody may wait, as on a scheduler's thread.
 *      the load of a library or of graphs (up to seconds): loquor_runtime_open,
 *        loquor_runtime_find, loquor_runtime_add_provider_library, loquor_engine_open, loquor_graph_open;
 *      the work itself, behind what others asked for: loquor_engine_encode_voice,
 *        loquor_engine_generate_tokens, loquor_engine_speak_text, loquor_engine_decode,
 *        loquor_engine_get_prefix, loquor_graph_run;
 *      the work itself, on its caller's thread (50 ms for a minute of sound): loquor_recording_add,
 *        loquor_recording_finish, loquor_recording_open;
 *      the given time at most: loquor_stream_next, loquor_encoding_get_voice;
 *      calls and whole speech under way, to their end, then memory to be given back: loquor_engine_close;
 *        where it was the last of a released engine also loquor_engine_release, loquor_stream_destroy and
 *        loquor_encoding_destroy;
 *      the run of one graph (tens of milliseconds): loquor_engine_halt;
 *      files: loquor_bundle_open, loquor_weights_find, loquor_engine_load_voice, loquor_engine_get_voice,
 *        loquor_voice_save, loquor_tokenizer_open, loquor_prepared_key, and of an engine or bundle the first
 *        of loquor_engine_prepare_text, loquor_engine_stream_text and loquor_bundle_prepare_text;
 *      memory of graphs to be given back: loquor_engine_unload_encoder, loquor_graph_close;
 *      a function of the caller's that is being called: loquor_set_log, loquor_stream_on_ready,
 *        loquor_stream_on_ready_once, loquor_stream_destroy, loquor_encoding_on_ready,
 *        loquor_encoding_destroy.
 */
#ifndef LOQUOR_LOQUOR_H_
#define LOQUOR_LOQUOR_H_

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#if defined(LOQUOR_BUILDING)
#define LOQUOR_EXPORT __declspec(dllexport)
#else
#define LOQUOR_EXPORT __declspec(dllimport)
#endif
#else
#define LOQUOR_EXPORT __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when something here changes in a way that older callers would notice. */
#define LOQUOR_ABI_VERSION 5

typedef enum loquor_status {
  LOQUOR_OK = 0,
  LOQUOR_CANCELLED = 1,             /* its caller cancelled the request */
  LOQUOR_ERROR_INVALID_INPUT = 2,   /* an argument, option, token or tensor cannot be used as given */
  LOQUOR_ERROR_RUNTIME_MISSING = 3, /* ONNX Runtime, or a library that a recording needs, is absent, not
                                     * loadable or too old */
  LOQUOR_ERROR_MODEL = 4,           /* the bundle is incomplete, damaged or breaks the contract */
  LOQUOR_ERROR_EXECUTION = 5,       /* a graph failed while it ran */
  LOQUOR_ERROR_INTERNAL = 6,        /* a defect of ours, or memory ran out */
  LOQUOR_ERROR_BUSY =
      7,              /* as many requests wait as the engine takes, or no thread is left: try again later */
  LOQUOR_DONE = 8,    /* of a stream: everything was read */
  LOQUOR_PENDING = 9, /* of a stream, or of a voice: nothing to read within the given time */
  LOQUOR_ERROR_CLOSED = 10 /* the engine was closed or halted before the request was done */
} loquor_status;

LOQUOR_EXPORT uint32_t loquor_abi_version(void);   /* LOQUOR_ABI_VERSION of the library that is loaded */
LOQUOR_EXPORT const char* loquor_version(void);    /* "0.1.0" */
LOQUOR_EXPORT const char* loquor_last_error(void); /* of the calling thread; "" when there was none */

/* ---- Log ---- */

typedef enum loquor_log_level {
  LOQUOR_LOG_DEBUG = 0,
  LOQUOR_LOG_INFO = 1,
  LOQUOR_LOG_WARNING = 2,
  LOQUOR_LOG_ERROR = 3
} loquor_log_level;

/* Called one line at a time, on whichever thread logs: the caller's, an engine's, or one of ONNX Runtime's;
 * must not call back into Loquor. */
typedef void (*loquor_log_fn)(void* user, int level, const char* message);

/* One sink for the process; NULL (the default) drops all lines. Any thread, at any time: when this returns
 * the sink that was set before is not called any more. */
LOQUOR_EXPORT void loquor_set_log(loquor_log_fn sink, void* user, loquor_log_level least);

/* ---- Runtime: ONNX Runtime's shared library, opened by path ---- */

typedef struct loquor_runtime loquor_runtime;

/* Opens the library (libonnxruntime.so.X.Y.Z, onnxruntime.dll, ...) and checks that it is one and new enough.
 * Opening the same file again gives another handle on the same runtime. Any thread.
 * ONNX Runtime reports to its maker unless the environment variable ORT_DISABLE_TELEMETRY is 1 when it is
 * opened: this sets it, unless it is set already. Writing the environment is not safe beside threads that
 * read it, so open the first runtime before there are any, or set the variable before. */
LOQUOR_EXPORT loquor_status loquor_runtime_open(const char* library_path, loquor_runtime** out);
/* The same without a path: opens the library that the environment variable LOQUOR_ORT_LIBRARY names, and no
 * other; without it the newest in libloquor's own folder, or where pip installs onnxruntime beside loquor;
 * else what the system's loader finds (libonnxruntime.so.1, libonnxruntime.so). loquor_runtime_path says
 * which it is. LOQUOR_ERROR_RUNTIME_MISSING tells all that was tried, and what came of each. */
LOQUOR_EXPORT loquor_status loquor_runtime_find(loquor_runtime** out);
LOQUOR_EXPORT void loquor_runtime_close(loquor_runtime* runtime); /* engines keep what they need */
LOQUOR_EXPORT const char* loquor_runtime_version(const loquor_runtime* runtime);
LOQUOR_EXPORT const char* loquor_runtime_path(const loquor_runtime* runtime);
LOQUOR_EXPORT size_t loquor_runtime_provider_count(const loquor_runtime* runtime);
/* ONNX Runtime's own name, as "CPUExecutionProvider"; NULL when index is out of range. */
LOQUOR_EXPORT const char* loquor_runtime_provider(const loquor_runtime* runtime, size_t index);

/* Adds a plugin: an execution provider in a library of its own, as the package onnxruntime-ep-webgpu brings
 * one, at an absolute path. Engines that are opened later can use its device. The same library again changes
 * nothing; it stays for the life of the process. Any thread. */
LOQUOR_EXPORT loquor_status loquor_runtime_add_provider_library(loquor_runtime* runtime,
                                                                const char* library_path);

typedef struct loquor_device_info {
  size_t struct_size;
  const char* device;        /* "cpu", "cuda", ...; never "auto" */
  const char* provider;      /* the execution provider that runs it */
  const char* advised_dtype; /* what dtype "auto" takes where the bundle has it */
  const char* advice;        /* why, as a clause */
} loquor_device_info;

/* What is known of a device before a bundle is opened on it; NULL or "auto": of the one that would be taken.
 * LOQUOR_ERROR_RUNTIME_MISSING when this runtime does not offer it. Any thread. */
LOQUOR_EXPORT loquor_status loquor_runtime_get_device_info(const loquor_runtime* runtime, const char* device,
                                                           loquor_device_info* info);

/* ---- Engine: one bundle, loaded ---- */

typedef struct loquor_engine loquor_engine;

typedef struct loquor_engine_options {
  size_t struct_size;
  /* Passed to the device's execution provider as they are. */
  const char* const* provider_option_keys;
  const char* const* provider_option_values;
  size_t provider_option_count;
  /* Rewritten graphs, as `loquor prepare` prints them, to load instead of the published ones, whose weights
   * they share: graphs by loquor_graph_info.name, and paths. "vocoder" is the second part of a
   * conditional_decoder that was cut in two: give both or none. */
  const char* const* prepared_graph_names;
  const char* const* prepared_graph_files;
  size_t prepared_graph_count;
  /* 0 or 1. Graphs that are not given here are taken from the cache of prepared ones, where `loquor prepare`
   * or an engine in Python left them ready for this bundle, dtype, device, processor and runtime; the log
   * says which are not there and run as published, slower. Default: 1. */
  int32_t find_prepared;
  /* scripts/options: engine struct */
  /* auto, a published precision (fp32, fp16, q8, q4, q4f16, int8, int8_mixed), or a list with exceptions:
   * q4,conditional_decoder=fp32. Default: "auto". */
  const char* dtype;
  /* Where to run: auto, cpu, cuda, tensorrt, coreml, directml or webgpu. Default: "auto". */
  const char* device;
  /* [0, 1024]. CPU threads of each graph; 0 takes one for each usable core, 8 at most. Default: 0. */
  int32_t threads;
  /* [0, 64]. Requests under way at once; 0 takes as many as 1 GiB of KV cache is good for, 16 at most.
   * Default: 0. */
  int32_t slots;
  /* [0, 1048576]. Requests that may wait beyond those, 0 for 256; more are refused as busy. Default: 0. */
  int32_t max_queue;
  /* 0 or 1. Lets a step serve all requests under way where the graph allows it, which is faster; without it a
   * request's logits do not depend on its neighbours to the last bit. Default: 1. */
  int32_t batching;
  /* [0, 3600]. Seconds of a voice's start that prompt the decoder, 0 for all: every decode computes them
   * again, so less is faster, and a little less alike. Default: 0. */
  float reference_seconds;
  /* [-1, 3600]. Seconds of a voice's start that prompt each window of a stream, with as much of what was just
   * spoken behind them: windows cost less, and are not those of one shot; 0: the whole prompt, nearly as one
   * shot; -1: the least that preparation found to hold on these weights, else 0. Default: -1. */
  float window_prompt;
  /* [0, 1152921504606846976]. Host memory for the KV of voices' prefixes, which are computed once and then
   * copied; the least recently used go, and 0 computes always. Default: 268435456. */
  int64_t prefix_cache_bytes;
  /* Where tokens are chosen: host, device (no logits come back), or auto: on the device where it has its own
   * memory. Default: "auto". */
  const char* sampling;
  /* Marks all speech: perth (by the weights of the package resemble-perth, as Python and commands find them),
   * the path of the graph that `loquor watermark-graph` prints, none, or auto, which is none unless
   * LOQUOR_WATERMARK says otherwise to Python. Default: "auto". */
  const char* watermark;
  /* 0 or 1. Loads the speech encoder with the others and keeps it; without, the first recording loads it, and
   * it goes when speech begins or nothing is asked for. A device with memory of its own always keeps it.
   * Default: 0. */
  int32_t keep_encoder;
  /* 0 or 1. Begins speech only where it and all that is under way are made as fast as they are played, by the
   * speeds that were measured here; others wait in the queue. One request is always begun. Default: 0. */
  int32_t realtime;
  /* scripts/options: end */
} loquor_engine_options;

typedef struct loquor_engine_info {
  size_t struct_size;
  const char* bundle;   /* folder */
  const char* family;   /* of models: as loquor_family_info names it */
  const char* device;   /* the device in use */
  const char* provider; /* the execution provider in use, by ONNX Runtime's name */
  const char* kv_dtype; /* a name of loquor_kv_dtype_get_info */
  const char* kv_mode;  /* "in_place": past and present share a buffer; "ping_pong": two take turns */
  int32_t threads;
  int32_t layers;
  int32_t kv_heads;
  int32_t head_dim;
  int32_t hidden_size;
  int32_t vocab_size; /* rows of logits: speech tokens and the special ones */
  int32_t speaker_embedding_size;
  int32_t speaker_feature_size; /* mel bins */
  int32_t max_positions;        /* longest prompt and output together */
  int32_t sample_rate;          /* Hz */
  int32_t samples_per_token;
  int64_t start_token;
  int64_t stop_token;
  int64_t silence_token;
  int64_t end_of_text_token;
  int32_t slots;         /* speech requests under way at once */
  int32_t batched;       /* 1: a step serves all of them; 0: their steps take turns */
  const char* sampling;  /* "host" or "device" */
  const char* watermark; /* "perth": all its speech is marked; "none" */
  int32_t word_times;    /* 1: chunks tell which ids of the text they say (loquor_chunk) */
} loquor_engine_info;

typedef struct loquor_graph_info {
  size_t struct_size;
  const char* name;  /* "speech_encoder", "embed_tokens", "language_model", "conditional_decoder" */
  const char* file;  /* path of the published .onnx file */
  const char* dtype; /* the published precision it was taken from */
  /* Of an engine's graphs; NULL of a bundle's, which are not loaded, and of a speech encoder that nobody
   * needed yet (see keep_encoder). */
  const char* optimization_level; /* "all", "extended" or "basic": the highest that could be had */
  /* How many of its nodes each execution provider runs, as "CPUExecutionProvider 12, ..."; "" where the
   * runtime cannot tell (before 1.24). */
  const char* placement;
  /* Of an engine's graphs: the rewritten one that runs in its place, and the second part of a decoder that
   * was cut in two; NULL where the published one runs. */
  const char* prepared;
  const char* vocoder;
} loquor_graph_info;

LOQUOR_EXPORT void loquor_engine_options_init(loquor_engine_options* options);
/* Loads the graphs of a folder in the published layout and checks them against the contract. options may
 * be NULL. */
LOQUOR_EXPORT loquor_status loquor_engine_open(loquor_runtime* runtime, const char* bundle_folder,
                                               const loquor_engine_options* options, loquor_engine** out);
/* Ends the streams that come in chunks with LOQUOR_ERROR_CLOSED and waits for the calls under way on other
 * threads. Voices, streams and results outlive their engine. */
LOQUOR_EXPORT void loquor_engine_close(loquor_engine* engine);
/* Gives the handle back, as loquor_engine_close does, but the engine goes on for the streams and encodings
 * that were begun with it and ends with the last one of them that is destroyed: on that thread, as
 * loquor_engine_close would. For hosts that collect garbage. */
LOQUOR_EXPORT void loquor_engine_release(loquor_engine* engine);
/* Ends every request with LOQUOR_ERROR_CLOSED, those to come included, and returns when the engine's thread
 * has stopped, within one step. For the end of a process whose other threads may still be in calls. */
LOQUOR_EXPORT void loquor_engine_halt(loquor_engine* engine);
LOQUOR_EXPORT loquor_status loquor_engine_get_info(const loquor_engine* engine, loquor_engine_info* info);
LOQUOR_EXPORT size_t loquor_engine_graph_count(const loquor_engine* engine);
/* LOQUOR_ERROR_INVALID_INPUT for an index that is out of range. */
LOQUOR_EXPORT loquor_status loquor_engine_get_graph(const loquor_engine* engine, size_t index,
                                                    loquor_graph_info* info);

/* ---- Cancel token ---- */

typedef struct loquor_cancel loquor_cancel;

LOQUOR_EXPORT loquor_status loquor_cancel_create(loquor_cancel** out);
/* From any thread. The request that carries the token ends within one step with LOQUOR_CANCELLED. It stays
 * raised. */
LOQUOR_EXPORT void loquor_cancel_request(loquor_cancel* cancel);
LOQUOR_EXPORT void loquor_cancel_destroy(loquor_cancel* cancel);

/* ---- Voice: what the speech encoder makes of a reference recording ---- */

typedef struct loquor_voice loquor_voice;

typedef struct loquor_voice_tensors {
  size_t struct_size;
  const float* audio_features; /* [prefix_length, hidden_size]: the language model's prefix */
  int64_t prefix_length;
  int64_t hidden_size;
  const int64_t* audio_tokens; /* [audio_token_count]: the decoder's prompt */
  int64_t audio_token_count;
  const float* speaker_embeddings; /* [speaker_embedding_size] */
  int64_t speaker_embedding_size;
  const float* speaker_features; /* [speaker_frames, speaker_feature_size] */
  int64_t speaker_frames;
  int64_t speaker_feature_size;
} loquor_voice_tensors;

/* samples: mono at the engine's sample rate, at loudness -27 LUFS as upstream prepares it, 30 s at most. What
 * goes beyond a whole number of tokens is left out. */
LOQUOR_EXPORT loquor_status loquor_engine_encode_voice(loquor_engine* engine, const float* samples,
                                                       size_t sample_count, loquor_cancel* cancel,
                                                       loquor_voice** out);
/* From stored tensors, which are copied. LOQUOR_ERROR_INVALID_INPUT for what no speech encoder gives: values
 * that are not finite or beyond 65504 (the largest float16), negative tokens, other than two speaker_frames a
 * token, more than 750 tokens or 1,024 prefix positions. */
LOQUOR_EXPORT loquor_status loquor_voice_create(const loquor_voice_tensors* tensors, loquor_voice** out);
/* LOQUOR_ERROR_INVALID_INPUT unless the voice fits the engine's model, which each use checks as well. Any
 * thread. */
LOQUOR_EXPORT loquor_status loquor_engine_check_voice(const loquor_engine* engine, const loquor_voice* voice);
LOQUOR_EXPORT loquor_status loquor_voice_get_tensors(const loquor_voice* voice,
                                                     loquor_voice_tensors* tensors);
LOQUOR_EXPORT void loquor_voice_destroy(
    loquor_voice* voice); /* immutable: any number of requests may share it */

/* ---- Generation: text ids and a voice to speech tokens ---- */

/* Guards against speech that runs away, as bits. One that trips ends the attempt. While nothing was handed
 * out and temperature is not 0 there is one more, with the seed that SplitMix64 gives for the state ~seed;
 * else, and if that runs away as well, the speech is cut where it was still good, the shorter of both.
 * Healthy speech is what it is without them. */
typedef enum loquor_guard {
  LOQUOR_GUARD_LENGTH = 1,  /* many times the speech tokens that loquor_request.text needs */
  LOQUOR_GUARD_LOOP = 2,    /* the last tokens are the same, three times or more */
  LOQUOR_GUARD_SILENCE = 4, /* silence tokens for seconds */
  LOQUOR_GUARD_TAIL = 8,    /* the sound ends in silence, hiss or a tone that goes on */
  LOQUOR_GUARD_TEXT = 16    /* told, not asked for: text_guard ended it behind its text, or made it again */
} loquor_guard;

typedef struct loquor_generation_options {
  size_t struct_size;
  /* scripts/options: generation struct */
  /* [0, 10]. 0 is greedy: the penalty, then the likeliest token. */
  float temperature;
  /* >= 0. Keeps the k likeliest tokens and ties with the last of them; 0 turns it off. */
  int32_t top_k;
  /* (0, 1]. Keeps the smallest set of tokens with this probability; 1 turns it off. */
  float top_p;
  /* [0, 1]. Drops tokens less likely than this share of the likeliest; 0 turns it off. */
  float min_p;
  /* > 0, finite. Makes tokens that were already said less likely; 1 turns it off. */
  float repetition_penalty;
  /* The same seed gives the same tokens. Default: 0. */
  uint64_t seed;
  /* >= 1. Speech tokens at most; a second of speech has 25. */
  int32_t max_new_tokens;
  /* [0, 15]. What looks after speech that runs away; tokens alone have no guard. */
  uint32_t guards;
  /* [0, 2]. How strongly feelings are shown; 0.5 is neutral. Of models that have it. */
  float exaggeration;
  /* [0, 10]. How far speech is led away from what would be said without the text (classifier-free guidance,
   * which takes a second row); 0 turns it off. Of models that have it. */
  float cfg_weight;
  /* [0, 3]. What is done about speech that skips or repeats text, or goes on behind its end, by what the
   * model attends to: 1 tells, 2 ends it there too, 3 makes it again besides. Of models that tell word
   * times. */
  int32_t text_guard;
  /* scripts/options: end */
} loquor_generation_options;

/* The defaults of the engine's bundle. */
LOQUOR_EXPORT loquor_status loquor_engine_default_options(const loquor_engine* engine,
                                                          loquor_generation_options* options);

/* Called on the caller's thread, which waits meanwhile, with each count of tokens; the engine goes on. */
typedef void (*loquor_progress_fn)(void* user, int32_t tokens_so_far);

typedef struct loquor_request {
  size_t struct_size;
  const int64_t* input_ids; /* tokenised text with the bundle's two trailing end-of-text ids */
  size_t input_id_count;
  const loquor_voice* voice;
  const loquor_generation_options* options; /* NULL: the bundle's defaults */
  loquor_cancel* cancel;                    /* NULL: cannot be cancelled; one running request per token */
  loquor_progress_fn progress;              /* may be NULL */
  void* progress_user;
  const char* text; /* UTF-8, what input_ids say, for LOQUOR_GUARD_LENGTH; NULL: not known, and it rests */
} loquor_request;

typedef struct loquor_tokens loquor_tokens;

typedef enum loquor_finish_reason {
  LOQUOR_FINISH_STOP = 0,   /* the model said STOP */
  LOQUOR_FINISH_LENGTH = 1, /* max_new_tokens, or the model's last position, was reached */
  LOQUOR_FINISH_GUARD = 2   /* of a stream: it ran away and was cut */
} loquor_finish_reason;

typedef struct loquor_tokens_info {
  size_t struct_size;
  const int64_t* tokens; /* [count], as sampled, STOP left out */
  size_t count;
  loquor_finish_reason finish_reason;
  int32_t prompt_length; /* positions of the prefill: voice prefix, text and START */
  double prefill_seconds;
  double steps_seconds;     /* all steps of the language model together */
  int32_t cached_positions; /* of the prompt, copied from a kept prefix instead of computed */
} loquor_tokens_info;

LOQUOR_EXPORT void loquor_request_init(loquor_request* request);
/* Any thread. Requests share the engine's thread: they join and leave between steps. Returns when it is
 * done. The tokens are as sampled, whatever they are: no guard looks after them. */
LOQUOR_EXPORT loquor_status loquor_engine_generate_tokens(loquor_engine* engine,
                                                          const loquor_request* request, loquor_tokens** out);
LOQUOR_EXPORT loquor_status loquor_tokens_get_info(const loquor_tokens* tokens, loquor_tokens_info* info);
LOQUOR_EXPORT void loquor_tokens_destroy(loquor_tokens* tokens);

/* ---- Decoding: speech tokens and a voice to a waveform ---- */

typedef struct loquor_waveform loquor_waveform;

typedef struct loquor_waveform_info {
  size_t struct_size;
  const float* samples;   /* [count], mono, finite */
  size_t count;           /* samples_per_token for each token, the closing silence tokens included */
  int32_t sample_rate;    /* Hz */
  double decoder_seconds; /* wall time */
} loquor_waveform_info;

typedef struct loquor_decode_options {
  size_t struct_size;
  /* scripts/options: decode struct */
  /* The same seed gives a prepared decoder the same noise, and so the same samples. Default: 0. */
  uint64_t seed;
  /* scripts/options: end */
} loquor_decode_options;

LOQUOR_EXPORT void loquor_decode_options_init(loquor_decode_options* options);
/* Ids that are no speech codes are left out and the family's closing silence is appended, as upstream does.
 * options may be NULL. Any thread; returns when it is done. */
LOQUOR_EXPORT loquor_status loquor_engine_decode(loquor_engine* engine, const int64_t* tokens,
                                                 size_t token_count, const loquor_voice* voice,
                                                 const loquor_decode_options* options, loquor_cancel* cancel,
                                                 loquor_waveform** out);
LOQUOR_EXPORT loquor_status loquor_waveform_get_info(const loquor_waveform* waveform,
                                                     loquor_waveform_info* info);
LOQUOR_EXPORT void loquor_waveform_destroy(loquor_waveform* waveform);

#ifdef __cplusplus
}
#endif

#include "loquor/bundle.h"    /* what a folder and names of files say; families of models */
#include "loquor/memory.h"    /* what an engine holds in memory */
#include "loquor/options.h"   /* what options there are, with their ranges, defaults and sentences */
#include "loquor/prefix.h"    /* the KV of voices' prefixes */
#include "loquor/recording.h" /* recordings made ready for a voice */
#include "loquor/stream.h"    /* speech chunk by chunk while it is made */
#include "loquor/text.h"      /* text to prompts, and text to speech */
#include "loquor/tools.h"     /* below the engine: single graphs */
#include "loquor/voice.h"     /* voices made beside other work, saved, and the bundle's own */

#endif /* LOQUOR_LOQUOR_H_ */
