/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options: a table beside the struct that it fills.
 *
 *   typedef struct { int64_t population; double mutation; bool elitism; } Conf;
 *
 *   static const LodeOption options[] = {
 *     LODE_OPTION (Conf, population, .number = 50, .min = 2, .max = 1e5, .doc = "individuals kept"),
 *     LODE_OPTION (Conf, mutation, .number = 0.1, .max = 1, .tunable = true, .doc = "chance that …"),
 *   };
 *
 * The compiler derives the type from the field and refuses a field of any other type. Before `create`
 * the host fills the struct with defaults, then with the configuration's values, and checks all of it.
 * The same table makes `lode show`, man pages, completion and hyper-parameter tuning.
 */
#ifndef LODE_OPTION_H
#define LODE_OPTION_H

#include <lode/abi.h>

typedef enum LodeOptionType {
  LODE_OPTION_BOOL = 1, /* bool */
  LODE_OPTION_INT,      /* int64_t */
  LODE_OPTION_REAL,     /* double; an integer in the configuration is accepted */
  LODE_OPTION_TEXT,     /* const char *, owned by the host */
  LODE_OPTION_CHOICE,   /* int32_t: index into `choices` */
  LODE_OPTION_REALS,    /* LodeReals */
  LODE_OPTION_TEXTS     /* LodeTexts */
} LodeOptionType;

/* Lists; memory is the host's and lives as long as the instance. */
typedef struct LodeReals {
  size_t n;
  const double *at;
} LodeReals;

typedef struct LodeTexts {
  size_t n;
  const char *const *at;
} LodeTexts;

typedef struct LodeOption {
  const char *name;           /* as in the configuration; lower case, '_' between words */
  const char *doc;            /* one line, required */
  int32_t type;               /* LodeOptionType */
  uint32_t offset;            /* of the field */
  double number;              /* default of BOOL, INT, REAL */
  const char *text;           /* default of TEXT and CHOICE (NULL: ""; the first); lists: "a, b" */
  double min, max;            /* closed range, checked when min < max; of each element of a list */
  const char *unit;           /* "epochs", "pixels" …, or NULL */
  const char *const *choices; /* CHOICE: NULL-ended */
  bool required;              /* has no default */
  bool tunable;               /* may be a decision of a `tune` stage */
  bool log_scale;             /* … on a logarithmic scale */
  bool above_min;             /* min itself is excluded */
} LodeOption;

#ifndef __cplusplus
#define LODE_OPTION_TYPE(Struct, field)     \
  _Generic (((Struct *) 0)->field,          \
            bool: LODE_OPTION_BOOL,         \
            int64_t: LODE_OPTION_INT,       \
            double: LODE_OPTION_REAL,       \
            const char *: LODE_OPTION_TEXT, \
            int32_t: LODE_OPTION_CHOICE,    \
            LodeReals: LODE_OPTION_REALS,   \
            LodeTexts: LODE_OPTION_TEXTS)

#define LODE_OPTION(Struct, field, ...)                                       \
  {                                                                           \
    .name = #field, .type = LODE_OPTION_TYPE (Struct, field),                 \
    .offset = (uint32_t) offsetof (Struct, field), __VA_ARGS__                \
  }
#endif

#endif
