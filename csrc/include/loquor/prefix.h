/* The KV of voices' prefixes: the positions that open every prompt with a voice are computed once, kept by
 * the engine, and copied in for later requests. It does so by itself; here are the ways to store one and to
 * bring it back. Conventions: loquor.h, which brings this in. */
#ifndef LOQUOR_PREFIX_H_
#define LOQUOR_PREFIX_H_

#include "loquor/loquor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct loquor_prefix loquor_prefix;

typedef struct loquor_prefix_info {
  size_t struct_size;
  const void* data; /* [tensors, heads, positions, head_dim]: by layer, keys then values */
  size_t size;      /* bytes */
  int64_t tensors;
  int64_t heads;
  int64_t positions;
  int64_t head_dim;
  const char* dtype; /* as kv_dtype of loquor_engine_info; lives as long as the process */
} loquor_prefix_info;

/* The prefix of a voice, computed if it is not kept. LOQUOR_ERROR_INVALID_INPUT where the engine keeps none:
 * prefix_cache_bytes is too small, or the device's memory is not the host's. Any thread; it outlives its
 * engine. */
LOQUOR_EXPORT loquor_status loquor_engine_get_prefix(loquor_engine* engine, const loquor_voice* voice,
                                                     loquor_cancel* cancel, loquor_prefix** out);
LOQUOR_EXPORT loquor_status loquor_prefix_get_info(const loquor_prefix* prefix, loquor_prefix_info* info);
LOQUOR_EXPORT void loquor_prefix_destroy(loquor_prefix* prefix);

/* Keeps this voice's prefix as loquor_prefix_get_info gave it, whose bytes are copied, as if it had been
 * computed here. It must come from the same language model, in the same precision and kv_dtype, prepared
 * alike: the caller's to know, since bytes of another sound wrong in silence. So they serve requests with
 * this handle alone, never those with another of equal tensors. LOQUOR_ERROR_INVALID_INPUT for another shape,
 * dtype or size than the model and the voice have, and for values that are not finite or beyond 65504.
 * Nothing happens where the engine keeps none, or has computed it already. Any thread. */
LOQUOR_EXPORT loquor_status loquor_engine_keep_prefix(loquor_engine* engine, const loquor_voice* voice,
                                                      const loquor_prefix_info* prefix);

#ifdef __cplusplus
}
#endif

#endif /* LOQUOR_PREFIX_H_ */
