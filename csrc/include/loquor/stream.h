/* Streams: text ids and a voice to speech, chunk by chunk while it is made. Conventions: loquor.h, which
 * brings this in. */
#ifndef LOQUOR_STREAM_H_
#define LOQUOR_STREAM_H_

#include "loquor/loquor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct loquor_stream loquor_stream;

/* Counts are of speech tokens, 25 a second, where nothing else is said. */
typedef struct loquor_stream_options {
  size_t struct_size;
  /* scripts/options: stream struct */
  /* [0, 1048576]. Speech tokens of the first chunk: a shorter one is heard sooner; 0 makes the whole speech
   * one chunk, at the end. */
  int32_t first_chunk;
  /* [1, 100]. Each chunk is so many times as long as the one before: longer ones cost less. */
  float growth;
  /* [1, 1048576]. Speech tokens of the longest chunk. */
  int32_t max_chunk;
  /* [-1, 1048576]. Speech tokens that the decoder hears again before each chunk; -1: from the first one
   * on. */
  int32_t left_context;
  /* [0, 1048576]. Speech tokens that it hears beyond each chunk, which have to be made before the chunk is
   * heard. */
  int32_t look_ahead;
  /* [0, 65536]. Cross-fade at a join, where windows of the decoder do not agree exactly. */
  int32_t fade_samples;
  /* 0 or 1. Makes chunks as long as playback allows without running dry, instead of by growth. */
  int32_t adaptive;
  /* 0 or 1. Where speech is marked, marks the end of the first chunk by what was heard till then, so that it
   * comes 40 ms later and not 219; without it the samples are those of the whole. */
  int32_t watermark_early;
  /* [0, 3600]. Seconds that the first chunk of an adaptive stream may come later, and be longer, where speech
   * is made slower than it is played: so that playback does not run dry behind it. */
  float max_wait;
  /* scripts/options: end */
} loquor_stream_options;

/* What suits the engine's bundle. */
LOQUOR_EXPORT loquor_status loquor_engine_default_stream_options(const loquor_engine* engine,
                                                                 loquor_stream_options* options);
/* Starts a request; its inputs are copied. options may be NULL. A cancel token must outlive the stream;
 * progress is called within loquor_stream_next. The tokens are those that loquor_engine_generate_tokens
 * gives, unless a guard trips. Any thread. */
LOQUOR_EXPORT loquor_status loquor_engine_stream(loquor_engine* engine, const loquor_request* request,
                                                 const loquor_stream_options* options, loquor_stream** out);

/* Speech tokens of the caller's, such as those of a recording (loquor_voice_get_tensors), said in a voice: a
 * stream that loquor_stream_feed is to be called on. What is fed is heard whole, without the family's closing
 * silence. options and decode may be NULL. It holds one of the engine's slots until its last tokens are
 * decoded. */
LOQUOR_EXPORT loquor_status loquor_engine_stream_tokens(loquor_engine* engine, const loquor_voice* voice,
                                                        const loquor_stream_options* options,
                                                        const loquor_decode_options* decode,
                                                        loquor_cancel* cancel, loquor_stream** out);
/* More tokens for it, below start_token; last (0 or 1): no more follow. LOQUOR_ERROR_BUSY: 2^20 wait already.
 * Any thread. */
LOQUOR_EXPORT loquor_status loquor_stream_feed(loquor_stream* stream, const int64_t* tokens, size_t count,
                                               int32_t last);

typedef struct loquor_chunk {
  size_t struct_size;
  const float* samples; /* [count], mono, finite; until the next call of loquor_stream_next, unless kept */
  size_t count;
  int32_t sample_rate; /* Hz */
  int64_t first_token; /* among the speech codes that are heard, the closing silence included */
  int64_t token_count;
  /* [token_count], until the next call of loquor_stream_next: the index in input_ids of what each of those
   * codes says, which never falls; that of the first closing id for the closing silence. NULL where the model
   * does not tell: a prepared language model with known alignment heads does. */
  const int32_t* said_ids;
} loquor_chunk;

/* LOQUOR_OK: a chunk. LOQUOR_DONE: there are no more. LOQUOR_PENDING: none within timeout_seconds (negative:
 * waits for ever; 0: does not wait). Else what ended the stream, after the chunks that were made. One thread
 * at a time. */
LOQUOR_EXPORT loquor_status loquor_stream_next(loquor_stream* stream, double timeout_seconds,
                                               loquor_chunk* chunk);
/* Keeps the samples of the chunk that was read last: they stay where they are until the caller gives them
 * back, whatever becomes of the stream. LOQUOR_ERROR_INVALID_INPUT where none was read, or they are kept. One
 * thread at a time, as loquor_stream_next. */
typedef struct loquor_samples loquor_samples;
LOQUOR_EXPORT loquor_status loquor_stream_keep_samples(loquor_stream* stream, loquor_samples** out);
LOQUOR_EXPORT void loquor_samples_destroy(loquor_samples* samples);

/* Called whenever loquor_stream_next has something new to say, at once if it has now: here on the caller's
 * thread, later on the engine's, or on that of whoever cancels the stream, or closes or halts the engine. It
 * must be quick and must not call back. When this returns the function set before is not called any more.
 * NULL: none. */
typedef void (*loquor_ready_fn)(void* user);
LOQUOR_EXPORT loquor_status loquor_stream_on_ready(loquor_stream* stream, loquor_ready_fn ready, void* user);
/* The same for one time, and never on the caller's thread. LOQUOR_PENDING: it will be called, and is then
 * forgotten. LOQUOR_OK: loquor_stream_next has something to say now, and it will not be. */
LOQUOR_EXPORT loquor_status loquor_stream_on_ready_once(loquor_stream* stream, loquor_ready_fn ready,
                                                        void* user);
/* From any thread; returns at once. What was not read is dropped, and the work ends within one step or one
 * decoder window. */
LOQUOR_EXPORT void loquor_stream_cancel(loquor_stream* stream);

/* What is wrong with speech as what the model attended to has it, as bits. */
typedef enum loquor_text_fault {
  LOQUOR_TEXT_SKIPPED = 1,  /* some of the text was not said */
  LOQUOR_TEXT_REPEATED = 2, /* some of it was said again */
  LOQUOR_TEXT_PAST_END = 4  /* it went on when all was said; with text_guard 2 it was ended there */
} loquor_text_fault;

typedef struct loquor_stream_info {
  size_t struct_size;
  int64_t token_count;     /* generated so far, STOP left out */
  int64_t tokens_taken;    /* speech codes whose sound was read, closing silence included */
  int64_t samples_taken;   /* that were read */
  int64_t samples_waiting; /* made and not read yet */
  int32_t ended;           /* 1: nothing more will be made, and what follows is filled in unless it failed */
  int32_t cancelled;       /* 1: by its caller, or with its engine */
  const int64_t* tokens;   /* [token_count], as loquor_tokens_info gives them; NULL before the end */
  loquor_finish_reason finish_reason;
  int32_t prompt_length;
  double prefill_seconds;
  double steps_seconds;   /* all steps of the language model together */
  double decoder_seconds; /* all decoder windows together */
  uint32_t guards;        /* loquor_guard bits: those that ended an attempt; 0: none did */
  int32_t attempts;       /* 2 after a retry */
  uint64_t seed;          /* of what is heard: another after a retry */
  double waited_seconds;  /* by which its first chunk came later, to be played without a gap: max_wait */
  const char* watermark;  /* "perth": all its sound is marked; "none" */
  uint32_t text_faults;   /* loquor_text_fault bits: what is wrong with what is heard, where the model tells
                             (loquor_chunk.said_ids) and text_guard is not 0; 0: nothing, or not known */
  int32_t skipped_from;   /* with LOQUOR_TEXT_SKIPPED the longest stretch of ids of the prompt that was not */
  int32_t skipped_to;     /* said: [skipped_from, skipped_to) */
} loquor_stream_info;

LOQUOR_EXPORT loquor_status loquor_stream_get_info(const loquor_stream* stream, loquor_stream_info* info);
/* Cancels what is not done. From any thread that knows of no other in a call on it. */
LOQUOR_EXPORT void loquor_stream_destroy(loquor_stream* stream);

#ifdef __cplusplus
}
#endif

#endif /* LOQUOR_STREAM_H_ */
