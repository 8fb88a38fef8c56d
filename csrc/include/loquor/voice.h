/* Voices made beside other work. Conventions: loquor.h, which brings this in. */
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

#ifdef __cplusplus
}
#endif

#endif /* LOQUOR_VOICE_H_ */
