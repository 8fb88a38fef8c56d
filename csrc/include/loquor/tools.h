/* Tools: what preparation and checks need below the engine. Conventions: loquor.h, which brings this in. */
#ifndef LOQUOR_TOOLS_H_
#define LOQUOR_TOOLS_H_

#include "loquor/loquor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The files that a graph file names for its weights, checked as every load checks them: inside the bundle, or
 * among the blobs of a hub's cache. A location is what the graph says; a file is its real path. NULL for one
 * out of range. */
typedef struct loquor_weights loquor_weights;

LOQUOR_EXPORT loquor_status loquor_weights_find(const char* graph_file, loquor_weights** out);
LOQUOR_EXPORT void loquor_weights_destroy(loquor_weights* weights);
LOQUOR_EXPORT size_t loquor_weights_count(const loquor_weights* weights);
LOQUOR_EXPORT const char* loquor_weights_location(const loquor_weights* weights, size_t index);
LOQUOR_EXPORT const char* loquor_weights_file(const loquor_weights* weights, size_t index);

/* One graph on the CPU, run with tensors by name; here the batch axis is there. One run at a time. */
typedef struct loquor_graph loquor_graph;
typedef struct loquor_tensors loquor_tensors;

typedef struct loquor_tensor { /* frozen: it travels in arrays */
  const char* name;
  int32_t type; /* ONNX's: 1 float32, 2 uint8, 3 int8, 6 int32, 7 int64, 9 bool, 10 float16 */
  const int64_t* dims;
  size_t rank;
  const void* data;
  size_t byte_count;
} loquor_tensor;

/* prepared: a rewritten graph to load instead, with the weights beside `file`; may be NULL. */
LOQUOR_EXPORT loquor_status loquor_graph_open(loquor_runtime* runtime, const char* file, const char* prepared,
                                              int32_t threads, loquor_graph** out);
LOQUOR_EXPORT void loquor_graph_close(loquor_graph* graph);
/* Every output of the graph comes back. */
LOQUOR_EXPORT loquor_status loquor_graph_run(loquor_graph* graph, const loquor_tensor* inputs,
                                             size_t input_count, loquor_tensors** out);
LOQUOR_EXPORT size_t loquor_tensors_count(const loquor_tensors* tensors);
LOQUOR_EXPORT loquor_status loquor_tensors_get(const loquor_tensors* tensors, size_t index,
                                               loquor_tensor* tensor);
LOQUOR_EXPORT void loquor_tensors_destroy(loquor_tensors* tensors);

/* What a graph is prepared for. */
typedef struct loquor_prepared_use {
  size_t struct_size;
  const char* graph;       /* its name */
  const char* kv_dtype;    /* "auto", or a name of loquor_kv_dtype_get_info */
  const char* vector_unit; /* as loquor_vector_unit */
  const char* device;      /* "cpu", "webgpu" */
  int32_t own_operators;   /* 1: operators of ours may be used */
  int32_t int16;           /* 1: products and attention may be of 16 bits */
  int32_t version;         /* of the rewrites: loquor_preparation_version */
  const char* runtime;     /* its version */
  const char* scaled_for;  /* real path of the bundle whose voice suits the scales of an int8 cache, or "" */
} loquor_prepared_use;

LOQUOR_EXPORT int32_t loquor_preparation_version(void);
/* The name of a published graph's entry in the cache of prepared ones: 32 hex digits and a zero, of its
 * content, its weights and the use. LOQUOR_ERROR_MODEL for a file that cannot be read. Waits for files. */
LOQUOR_EXPORT loquor_status loquor_prepared_key(const char* graph_file, const loquor_prepared_use* use,
                                                char key[33]);

/* The vector instructions that our own operators use on this processor: "plain", "neon", "avx2" or "avx512".
 */
LOQUOR_EXPORT const char* loquor_vector_unit(void);

/* The matrix instructions that they use besides, in products with a decoder's weights: "amx", or "none".
 * Linux lends a process those of AMX when it asks, from 5.16 on: the first call asks. */
LOQUOR_EXPORT const char* loquor_matrix_unit(void);

/* Gives those operators to a session of the application's own, so that it can load a prepared graph: the
 * entry that ONNX Runtime looks for in a library of custom operators. session_options is an
 * OrtSessionOptions, api_base an OrtApiBase; returns an OrtStatus, NULL if all went well. */
LOQUOR_EXPORT void* RegisterCustomOps(void* session_options, const void* api_base);

#ifdef __cplusplus
}
#endif

#endif /* LOQUOR_TOOLS_H_ */
