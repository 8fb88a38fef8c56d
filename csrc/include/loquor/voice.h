/* Voices made beside other work, saved ones, and the bundle's own. Conventions: loquor.h, which brings this
 * in. */
#ifndef LOQUOR_VOICE_H_
#define LOQUOR_VOICE_H_

#include "loquor/loquor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- A voice that is being made: loquor_engine_encode_voice as a request ---- */

typedef struct loquor_encoding loquor_encoding;

/* samples: as of loquor_engine_encode_voice; they are copied. LOQUOR_ERROR_BUSY beyond max_queue. */
LOQUOR_EXPORT loquor_status loquor_engine_start_voice(loquor_engine* engine, const float* samples,
                                                      size_t sample_count, loquor_encoding** out);
/* LOQUOR_OK: the voice, each time as a handle of its own. LOQUOR_PENDING: it is not there within
 * timeout_seconds (negative: waits for ever; 0: does not wait). Else what ended it. One thread at a time. */
LOQUOR_EXPORT loquor_status loquor_encoding_get_voice(loquor_encoding* encoding, double timeout_seconds,
                                                      loquor_voice** out);
/* Called when loquor_encoding_get_voice has something to say, as loquor_stream_on_ready. */
LOQUOR_EXPORT loquor_status loquor_encoding_on_ready(loquor_encoding* encoding, loquor_ready_fn ready,
                                                     void* user);
/* From any thread; returns at once, and the work ends between two nodes of its graph. */
LOQUOR_EXPORT void loquor_encoding_cancel(loquor_encoding* encoding);
/* Cancels what is not done. From any thread that knows of no other in a call on it. */
LOQUOR_EXPORT void loquor_encoding_destroy(loquor_encoding* encoding);

/* ---- Saved voices: the files that Python's Voice.save writes, too ---- */

/* Reads a voice from its .safetensors file. LOQUOR_ERROR_INVALID_INPUT for a file that is missing, damaged,
 * no voice, or of a newer version, and for a voice that another model made. A prefix that it brings is kept,
 * as by loquor_engine_keep_prefix, if it is of this engine's language model. */
LOQUOR_EXPORT loquor_status loquor_engine_load_voice(loquor_engine* engine, const char* path,
                                                     loquor_voice** out);
/* The bundle's own voices by name, in the order of their names; NULL beyond the last. */
LOQUOR_EXPORT const char* loquor_engine_voice_name(const loquor_engine* engine, size_t index);
/* One of them, as loquor_engine_load_voice; name NULL: the one to speak in where none is asked for.
 * LOQUOR_ERROR_INVALID_INPUT where there is none of that name, or the default is a recording. */
LOQUOR_EXPORT loquor_status loquor_engine_get_voice(loquor_engine* engine, const char* name,
                                                    loquor_voice** out);
/* What it is called, "voice" unless its file says so. */
LOQUOR_EXPORT const char* loquor_voice_name(const loquor_voice* voice);
/* Writes a voice that an engine made or loaded to a .safetensors file, whole or not at all; without a prefix,
 * which is no part of a voice here (prefix.h). name NULL: the one it has. The engine may be gone, the files
 * of its bundle may not. LOQUOR_ERROR_INVALID_INPUT for another suffix, a name of more than 255 characters, a
 * file that cannot be written, and a voice that was made of tensors. */
LOQUOR_EXPORT loquor_status loquor_voice_save(const loquor_voice* voice, const char* name, const char* path);

#ifdef __cplusplus
}
#endif

#endif /* LOQUOR_VOICE_H_ */
