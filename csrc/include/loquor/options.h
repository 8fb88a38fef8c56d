/* The options that the library has, told by itself: a binding, a settings page or a server's schema needs no
 * list of its own. Conventions: loquor.h, which brings this in. */
#ifndef LOQUOR_OPTIONS_H_
#define LOQUOR_OPTIONS_H_

#include "loquor/loquor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum loquor_option_table {
  LOQUOR_OPTIONS_GENERATION = 0, /* loquor_generation_options */
  LOQUOR_OPTIONS_STREAM = 1,     /* loquor_stream_options */
  LOQUOR_OPTIONS_DECODE = 2,     /* loquor_decode_options */
  LOQUOR_OPTIONS_ENGINE = 3      /* loquor_engine_options, but for its lists */
} loquor_option_table;

/* Numbers are written in decimal. Strings live as long as the library. */
typedef struct loquor_option_info {
  size_t struct_size;
  const char* name; /* of the field */
  /* "float", "int32", "int64", "uint32", "uint64"; "bool", an int32_t there; "string", a const char*. */
  const char* type;
  size_t offset;             /* of the field in the struct */
  const char* default_value; /* "true" or "false" of a bool */
  int32_t of_bundle;         /* 1: a bundle may have another default */
  const char* minimum;       /* NULL: that of the type */
  const char* maximum;       /* NULL: that of the type; of a float, any finite one */
  int32_t minimum_excluded;  /* 1: values must be above it */
  const char* range;         /* in words, behind "must be" */
  const char* sentence;      /* what it is for */
} loquor_option_info;

/* 0 for a table that there is not. Any thread. */
LOQUOR_EXPORT size_t loquor_option_count(loquor_option_table table);
/* In the order of the fields. LOQUOR_ERROR_INVALID_INPUT for an index that is out of range. Any thread. */
LOQUOR_EXPORT loquor_status loquor_option_get_info(loquor_option_table table, size_t index,
                                                   loquor_option_info* info);

#ifdef __cplusplus
}
#endif

#endif /* LOQUOR_OPTIONS_H_ */
