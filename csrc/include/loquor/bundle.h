/* Bundles and families: what names of files mean, what a folder says of itself, and what is known of a family
 * of models. Nothing is loaded, and no runtime is needed. Conventions: loquor.h, which brings this in.
 * Strings and families that no handle gave live as long as the library. */
#ifndef LOQUOR_BUNDLE_H_
#define LOQUOR_BUNDLE_H_

#include "loquor/loquor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Words ---- */

/* Name of a bundle's graph, in the order of loquor_bundle_get_graph; NULL beyond the last. */
LOQUOR_EXPORT const char* loquor_graph_name(size_t index);
/* The precisions that bundles are published in, the one first that dtype "auto" prefers; NULL beyond the
 * last.
 */
LOQUOR_EXPORT const char* loquor_dtype_name(size_t index);
/* What a dtype, as loquor_engine_options has it, asks of the graph with that index: a precision or "auto".
 * LOQUOR_ERROR_INVALID_INPUT for what is no dtype, whatever bundle it is meant for. */
LOQUOR_EXPORT loquor_status loquor_dtype_parse(const char* dtype, size_t graph, const char** out);

typedef struct loquor_kv_dtype_info {
  size_t struct_size;
  const char* name; /* as kv_dtype of loquor_engine_info */
  int32_t type;     /* as that of loquor_tensor */
} loquor_kv_dtype_info;

/* The types that a KV cache may have; LOQUOR_ERROR_INVALID_INPUT beyond the last. */
LOQUOR_EXPORT loquor_status loquor_kv_dtype_get_info(size_t index, loquor_kv_dtype_info* info);

/* ---- Listing: the names of a bundle's files, before it is there ---- */

typedef struct loquor_listing loquor_listing;

/* paths: within the bundle, with forward slashes, as a hub lists them. They are copied. */
LOQUOR_EXPORT loquor_status loquor_listing_create(const char* const* paths, size_t count,
                                                  loquor_listing** out);
LOQUOR_EXPORT void loquor_listing_destroy(loquor_listing* listing);
/* The precisions of a graph, in the order of loquor_dtype_name; NULL beyond the last. */
LOQUOR_EXPORT const char* loquor_listing_offer(const loquor_listing* listing, size_t graph, size_t index);
/* Chooses a precision for each graph as loquor_bundle_open would; place names the bundle in errors. One that
 * fails leaves no choice, nor an older one. */
LOQUOR_EXPORT loquor_status loquor_listing_choose(loquor_listing* listing, const char* dtype,
                                                  const char* advised_dtype, const char* place);
/* The one chosen last; NULL before. */
LOQUOR_EXPORT const char* loquor_listing_dtype(const loquor_listing* listing, size_t graph);
/* Whether an engine needs the path of that index in those precisions; 0 before. */
LOQUOR_EXPORT int32_t loquor_listing_needs(const loquor_listing* listing, size_t index);

/* ---- Family: what models share that run alike ---- */

typedef struct loquor_family loquor_family;

typedef struct loquor_family_info {
  size_t struct_size;
  const char* name;          /* as family of loquor_engine_info */
  const char* models;        /* that belong to it, for people */
  int32_t runnable;          /* 0: known, but not to be run by this version */
  const char* positions;     /* "language_model" counts voice, text and speech in one row; "embed_tokens" the
                              * text and the speech from 0 each */
  int32_t rows_per_sequence; /* of the KV cache; 2: a second one for guidance */
  int32_t dropped_tokens;    /* the last that were generated, which are not decoded */
  const char* text_profile;  /* how its text is punctuated */
} loquor_family_info;

/* Those that are known; NULL beyond the last. */
LOQUOR_EXPORT const loquor_family* loquor_family_at(size_t index);
LOQUOR_EXPORT const loquor_family* loquor_engine_family(const loquor_engine* engine);
LOQUOR_EXPORT loquor_status loquor_family_get_info(const loquor_family* family, loquor_family_info* info);
/* Each a list; NULL beyond its last. What its embed_tokens takes; its stages on logits in order, once the
 * rows of guidance are combined; the tags that it was trained on. */
LOQUOR_EXPORT const char* loquor_family_embed_input(const loquor_family* family, size_t index);
LOQUOR_EXPORT const char* loquor_family_logits_stage(const loquor_family* family, size_t index);
LOQUOR_EXPORT const char* loquor_family_tag(const loquor_family* family, size_t index);

/* ---- Bundle: a folder in the published layout ---- */

typedef struct loquor_bundle loquor_bundle;

typedef struct loquor_bundle_info {
  size_t struct_size;
  const char* default_voice; /* file of the voice to speak in where none is asked for; NULL: none */
  const char* text_normalizer;
  int32_t piece_characters; /* that the model speaks well in one call */
  int32_t sample_rate;      /* Hz */
  int32_t samples_per_token;
  int32_t max_positions;
  int32_t voice_prefix_positions; /* that every voice has; 0: as many as its recording gives */
  int32_t closing_silence_tokens; /* appended before decoding */
  int64_t text_vocab_size;
  int64_t start_token;
  int64_t stop_token;
  int64_t silence_token;
  int64_t end_of_text_token;
  const int64_t* prompt_opening; /* ids that the tokenizer writes before the text */
  size_t prompt_opening_count;
  const int64_t* prompt_closing; /* and behind it */
  size_t prompt_closing_count;
  /* Heads of the language model that attend to what of the text is being said: layer and head, in turns, so
   * that the count is even. */
  const int64_t* alignment_heads;
  size_t alignment_head_numbers;
} loquor_bundle_info;

/* Reads the settings of a folder, its family, and which file serves each graph: the one that dtype asks for,
 * and for "auto" advised_dtype where that is on offer, else (and for NULL) the first. LOQUOR_ERROR_MODEL for
 * a folder that is no bundle, whose settings cannot be meant or contradict its graphs, or whose family this
 * version cannot run; LOQUOR_ERROR_INVALID_INPUT for a dtype that does not exist or is not on offer. */
LOQUOR_EXPORT loquor_status loquor_bundle_open(const char* folder, const char* dtype,
                                               const char* advised_dtype, loquor_bundle** out);
LOQUOR_EXPORT void loquor_bundle_close(loquor_bundle* bundle);
LOQUOR_EXPORT size_t loquor_bundle_graph_count(const loquor_bundle* bundle);
/* LOQUOR_ERROR_INVALID_INPUT for an index that is out of range. */
LOQUOR_EXPORT loquor_status loquor_bundle_get_graph(const loquor_bundle* bundle, size_t index,
                                                    loquor_graph_info* info);
LOQUOR_EXPORT const loquor_family* loquor_bundle_family(const loquor_bundle* bundle);
/* The voices that were saved in its folder `voices`, in the order of their names; NULL beyond the last. */
LOQUOR_EXPORT const char* loquor_bundle_voice_name(const loquor_bundle* bundle, size_t index);
LOQUOR_EXPORT const char* loquor_bundle_voice_file(const loquor_bundle* bundle, size_t index);
LOQUOR_EXPORT loquor_status loquor_bundle_get_info(const loquor_bundle* bundle, loquor_bundle_info* info);

#ifdef __cplusplus
}
#endif

#endif /* LOQUOR_BUNDLE_H_ */
