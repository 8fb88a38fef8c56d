/* Text to prompts, and text to speech. Conventions: loquor.h, which brings this in.
 * The core checks, punctuates and encodes text as Loquor for Python does, and writes English out in words for
 * a voice that knows letters alone. What Python reads by dictionaries is refused, with what to do instead:
 * kanji, Chinese characters, numbers in other languages. Texts are UTF-8, of 5,000 characters at most,
 * and spoken in one go: best are a sentence or a few, up to the bundle's piece_characters. */
#ifndef LOQUOR_TEXT_H_
#define LOQUOR_TEXT_H_

#include "loquor/loquor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct loquor_text_options {
  size_t struct_size;
  const char*
      language; /* a code such as "de", for models that speak many, which have to be told; NULL: none */
  /* What text goes through first: "en" (English in words), "numbers" or "none"; NULL: as the bundle asks. */
  const char* normalizer;
} loquor_text_options;

LOQUOR_EXPORT void loquor_text_options_init(loquor_text_options* options);

/* ---- Text to ids ---- */

/* What became of a text: plain data. */
typedef struct loquor_text loquor_text;

typedef struct loquor_text_info {
  size_t struct_size;
  const int64_t* ids; /* [id_count], as loquor_request.input_ids wants them */
  size_t id_count;
  const char* text; /* as the tokenizer got it, which suits loquor_request.text */
} loquor_text_info;

/* options may be NULL. LOQUOR_ERROR_INVALID_INPUT for what cannot be spoken: bytes that are no UTF-8, control
 * characters, <|endoftext|>, more than 5,000 characters, nothing that shows, or what the core cannot read
 * (see above); LOQUOR_ERROR_MODEL for a tokenizer.json that is missing, damaged or asks for what this version
 * does not know. It is read at the first call. Any thread. */
LOQUOR_EXPORT loquor_status loquor_engine_prepare_text(const loquor_engine* engine, const char* text,
                                                       const loquor_text_options* options, loquor_text** out);
/* The same without an engine. */
LOQUOR_EXPORT loquor_status loquor_bundle_prepare_text(const loquor_bundle* bundle, const char* text,
                                                       const loquor_text_options* options, loquor_text** out);
LOQUOR_EXPORT loquor_status loquor_text_get_info(const loquor_text* text, loquor_text_info* info);
/* What is not said as it was written, such as a tag that the model does not know; NULL beyond the last. */
LOQUOR_EXPORT const char* loquor_text_warning(const loquor_text* text, size_t index);
LOQUOR_EXPORT void loquor_text_destroy(loquor_text* text);

/* English in words, as the normalizer "en" writes it, for any model or none: text of size bytes of UTF-8, in
 * which a null character is one like others. The text that comes has no ids. LOQUOR_ERROR_INVALID_INPUT for
 * bytes that are no UTF-8. Any thread. */
LOQUOR_EXPORT loquor_status loquor_spell_english(const char* text, size_t size, loquor_text** out);
/* What it has lost, each once: characters without a sound, and the names of tags of HTML or SSML. NULL beyond
 * the last. */
LOQUOR_EXPORT const char* loquor_text_left_out(const loquor_text* text, size_t index);
LOQUOR_EXPORT const char* loquor_text_markup(const loquor_text* text, size_t index);

/* ---- Text to speech ---- */

/* Speaks a text: prepares it, and starts the request with its ids in place of the request's own ids and text.
 * Where the request's max_new_tokens is the bundle's default, a long text may take more. Text options and
 * stream options may be NULL. Cancelled by loquor_stream_cancel or the request's token. Any thread. */
LOQUOR_EXPORT loquor_status loquor_engine_stream_text(loquor_engine* engine, const char* text,
                                                      const loquor_text_options* text_options,
                                                      const loquor_request* request,
                                                      const loquor_stream_options* options,
                                                      loquor_stream** out);
/* As loquor_text_warning, of the stream's text; NULL where it was begun with ids. */
LOQUOR_EXPORT const char* loquor_stream_warning(const loquor_stream* stream, size_t index);
/* The same as a whole; returns when it is spoken. Warnings go to the log. decoder_seconds of the waveform are
 * those of the decoder alone. Any thread. */
LOQUOR_EXPORT loquor_status loquor_engine_speak_text(loquor_engine* engine, const char* text,
                                                     const loquor_text_options* text_options,
                                                     const loquor_request* request, loquor_waveform** out);

/* ---- Below: a tokenizer.json by itself ---- */

typedef struct loquor_tokenizer loquor_tokenizer;

/* Runs it as Hugging Face's tokenizers do. LOQUOR_ERROR_MODEL as above. */
LOQUOR_EXPORT loquor_status loquor_tokenizer_open(const char* file, loquor_tokenizer** out);
/* The ids of any UTF-8, with those that its template puts around it where closed is not 0. Nothing is
 * refused: what spells a control token is one. Any thread. */
LOQUOR_EXPORT loquor_status loquor_tokenizer_encode(const loquor_tokenizer* tokenizer, const char* text,
                                                    int32_t closed, loquor_text** out);
LOQUOR_EXPORT void loquor_tokenizer_close(loquor_tokenizer* tokenizer);

#ifdef __cplusplus
}
#endif

#endif /* LOQUOR_TEXT_H_ */
