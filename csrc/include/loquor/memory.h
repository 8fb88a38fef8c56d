/* What an engine holds in memory, and giving some of it back. Conventions: loquor.h, which brings this in. */
#ifndef LOQUOR_MEMORY_H_
#define LOQUOR_MEMORY_H_

#include "loquor/loquor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of host memory. */
typedef struct loquor_memory_info {
  size_t struct_size;
  int64_t kv_cache;     /* of all slots; pages that no request reached are not in memory yet */
  int64_t prefixes;     /* of voices that are kept */
  int64_t prefix_limit; /* prefix_cache_bytes */
  int64_t prefix_count;
  int64_t prefix_hits;    /* prompts that found theirs, */
  int64_t prefix_misses;  /* and that did not */
  int32_t encoder_loaded; /* 1 while voices are made of recordings, and always with keep_encoder */
  /* ONNX Runtime's: weights that are not mapped, and what runs needed at most, which is given back after two
   * seconds without work where the device has no memory of its own. */
  int64_t arenas;
} loquor_memory_info;

/* Any thread. */
LOQUOR_EXPORT loquor_status loquor_engine_get_memory(const loquor_engine* engine, loquor_memory_info* info);
/* Gives the speech encoder's memory back now, when no voice is being made, kept or not.
 * loquor_engine_encode_voice loads it again. Any thread. */
LOQUOR_EXPORT loquor_status loquor_engine_unload_encoder(loquor_engine* engine);

#ifdef __cplusplus
}
#endif

#endif /* LOQUOR_MEMORY_H_ */
