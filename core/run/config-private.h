/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files that read a configuration: tokens. Text is scanned into them, their order is
 * checked, and libconfig is given a text made of them.
 */
#ifndef LODE_CORE_CONFIG_PRIVATE_H
#define LODE_CORE_CONFIG_PRIVATE_H

#include "run/config.h"

/* A bracket, '=' (also for ':'), ',' and ';' are their own kind. */
enum {
  LODE_TOKEN_END = 0,
  LODE_TOKEN_NAME = 'n',
  LODE_TOKEN_BOOL = 'b',
  LODE_TOKEN_INT = 'i',  /* text: as written; fits into 64 bits */
  LODE_TOKEN_REAL = 'r', /* text: as written; finite */
  LODE_TOKEN_TEXT = 't', /* text: without quotes and escapes */
  LODE_TOKEN_WORD = 'w', /* anything else without a blank */
  LODE_TOKEN_INCLUDE = '@',
  LODE_TOKEN_MISTAKE = '!' /* text: what is wrong at this place, and what to do */
};

typedef struct LodeToken {
  char kind;
  bool first; /* of its line */
  uint32_t line, column;
  const char *file, *text; /* owned by the array's GStringChunk */
} LodeToken;

/* "file:line", or the name alone where line is 0. Transfer full. */
char *lode_token_origin (const LodeToken *);
/* A piece of input as it may stand in a message: short, on one line. Transfer full. */
char *lode_token_shown (const char *text);

/* Appends the tokens of a text to an array of LodeToken; file and line stand in messages. No END.
 */
void lode_config_scan (GArray *tokens, GStringChunk *strings, const char *file, uint32_t line,
                       const char *text);

/* Whether tokens (ended by END) are a configuration; what is wrong is appended to errors. */
bool lode_config_check (const LodeToken *tokens, GPtrArray *errors);

/* The tree of tokens that passed the check. */
LodeNode *lode_config_build (const LodeToken *tokens, GPtrArray *errors);

bool lode_config_is_name (const char *word);
/* Decimal or 0x…; errno as of strtoll. */
int64_t lode_config_integer (const char *word);
/* A text with its quotes and escapes. Transfer full. */
char *lode_config_quoted (const char *text);

#endif
