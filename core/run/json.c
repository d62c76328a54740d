/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strict JSON reader and the two writers that need care.
 */
#include "run/json.h"

#include <math.h>
#include <string.h>

#define DEPTH_MAX 32
#define NUMBER_MAX 64

LodeJson
lode_json_begin (const char *text, size_t n)
{
  return (LodeJson){ .begin = text, .at = text, .end = text + n };
}

bool
lode_json_wrong (LodeJson *json, const char *what)
{
  if (!json->wrong)
    json->wrong = what;
  return false;
}

/* The next byte that is not blank; 0 at the end and behind a mistake. */
static char
peek (LodeJson *json)
{
  while (json->at < json->end && strchr (" \t\n\r", *json->at) && *json->at)
    json->at++;
  return json->at < json->end && !json->wrong ? *json->at : 0;
}

static bool
take (LodeJson *json, char c, const char *what)
{
  if (peek (json) != c)
    return lode_json_wrong (json, what);
  json->at++;
  return true;
}

bool
lode_json_end (LodeJson *json)
{
  peek (json);
  if (json->at < json->end)
    lode_json_wrong (json, "something behind the end");
  return !json->wrong;
}

bool
lode_json_enter (LodeJson *json, char bracket)
{
  if (!take (json, bracket, bracket == '{' ? "expected an object" : "expected a list"))
    return false;
  if (++json->depth > DEPTH_MAX)
    return lode_json_wrong (json, "nested too deeply");
  json->fresh = true;
  return true;
}

/* Whether something comes before the closing bracket, which is taken. */
static bool
more (LodeJson *json, char closing)
{
  bool fresh = json->fresh;

  json->fresh = false;
  if (peek (json) == closing) {
    json->at++;
    json->depth--;
    return false;
  }
  return fresh ? !json->wrong : take (json, ',', "expected a comma or a closing bracket");
}

bool
lode_json_element (LodeJson *json)
{
  return more (json, ']');
}

bool
lode_json_member (LodeJson *json, char **name)
{
  *name = NULL;
  if (!more (json, '}'))
    return false;
  *name = lode_json_text (json);
  if (*name && take (json, ':', "expected a colon"))
    return true;
  g_clear_pointer (name, g_free);
  return false;
}

/* Four hex digits; -1 on a mistake. */
static int32_t
hex (LodeJson *json)
{
  int32_t code = 0;

  if (json->end - json->at < 4)
    return -1;
  for (int i = 0; i < 4; i++) {
    int digit = g_ascii_xdigit_value (*json->at++);

    if (digit < 0)
      return -1;
    code = code * 16 + digit;
  }
  return code;
}

/* Behind "\u": one code point, of two halves if it needs them. */
static bool
escape_code (LodeJson *json, GString *text)
{
  int32_t code = hex (json);

  if (code >= 0xd800 && code < 0xdc00 && json->end - json->at >= 2 && json->at[0] == '\\'
      && json->at[1] == 'u') {
    json->at += 2;
    int32_t low = hex (json);

    if (low < 0xdc00 || low > 0xdfff)
      return lode_json_wrong (json, "half a character");
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  if (code < 0 || (code >= 0xd800 && code < 0xe000))
    return lode_json_wrong (json, "not a character");
  if (!code)
    return lode_json_wrong (json, "a NUL in a text");
  g_string_append_unichar (text, (gunichar) code);
  return true;
}

static bool
escape (LodeJson *json, GString *text)
{
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  char c = json->at < json->end ? *json->at++ : 0;
  const char *at = c ? strchr (from, c) : NULL;

  if (c == 'u')
    return escape_code (json, text);
  if (!at)
    return lode_json_wrong (json, "an unknown escape in a text");
  g_string_append_c (text, to[at - from]);
  return true;
}

char *
lode_json_text (LodeJson *json)
{
  g_autoptr (GString) text = g_string_new (NULL);

  if (!take (json, '"', "expected a text"))
    return NULL;
  while (json->at < json->end && *json->at != '"') {
    char c = *json->at++;

    if ((unsigned char) c < ' ')
      lode_json_wrong (json, "a control character in a text");
    else if (c != '\\')
      g_string_append_c (text, c);
    else
      escape (json, text);
    if (json->wrong)
      return NULL;
  }
  if (!take (json, '"', "a text without its end"))
    return NULL;
  if (!g_utf8_validate (text->str, (gssize) text->len, NULL)) {
    lode_json_wrong (json, "a text that is not UTF-8");
    return NULL;
  }
  return g_strdup (text->str);
}

static size_t
digits (const char *at, const char *end)
{
  size_t n = 0;

  while (at + n < end && g_ascii_isdigit (at[n]))
    n++;
  return n;
}

bool
lode_json_natural (LodeJson *json, uint64_t *value)
{
  size_t n = peek (json) ? digits (json->at, json->end) : 0;
  uint64_t sum = 0;

  if (!n || (n > 1 && *json->at == '0'))
    return lode_json_wrong (json, "expected a whole number from 0");
  for (; n; n--) {
    uint64_t digit = (uint64_t) (*json->at++ - '0');

    if (sum > (UINT64_MAX - digit) / 10)
      return lode_json_wrong (json, "a whole number above 64 bits");
    sum = sum * 10 + digit;
  }
  if (json->at < json->end && strchr (".eE", *json->at) && *json->at)
    return lode_json_wrong (json, "expected a whole number");
  *value = sum;
  return true;
}

/* Length of the number that begins here, by JSON's grammar; 0: none. */
static size_t
number_length (const char *begin, const char *end)
{
  const char *at = begin;
  size_t n;

  if (at < end && *at == '-')
    at++;
  n = digits (at, end);
  if (!n || (n > 1 && *at == '0'))
    return 0;
  at += n;
  if (at < end && *at == '.') {
    n = digits (at + 1, end);
    if (!n)
      return 0;
    at += 1 + n;
  }
  if (at < end && (*at == 'e' || *at == 'E')) {
    at++;
    if (at < end && (*at == '-' || *at == '+'))
      at++;
    n = digits (at, end);
    if (!n)
      return 0;
    at += n;
  }
  return (size_t) (at - begin);
}

/* A word of JSON's own: "true", "false", "null". */
static bool
word (LodeJson *json, const char *text)
{
  size_t n = strlen (text);

  if (!peek (json) || (size_t) (json->end - json->at) < n || memcmp (json->at, text, n) != 0)
    return false;
  json->at += n;
  return true;
}

bool
lode_json_number (LodeJson *json, double *value)
{
  char copy[NUMBER_MAX];
  size_t n;

  if (word (json, "null")) {
    *value = NAN;
    return true;
  }
  n = peek (json) ? number_length (json->at, json->end) : 0;
  if (!n || n >= sizeof copy)
    return lode_json_wrong (json, n ? "a number of too many digits" : "expected a number");
  memcpy (copy, json->at, n);
  copy[n] = 0;
  json->at += n;
  *value = g_ascii_strtod (copy, NULL);
  return isfinite (*value) || lode_json_wrong (json, "a number that is too large");
}

static bool
skip_members (LodeJson *json)
{
  char *name;

  lode_json_enter (json, '{');
  while (lode_json_member (json, &name)) {
    g_free (name);
    lode_json_skip (json);
  }
  return !json->wrong;
}

bool
lode_json_skip (LodeJson *json)
{
  g_autofree char *text = NULL;
  double value;

  switch (peek (json)) {
  case '{':
    return skip_members (json);
  case '[':
    lode_json_enter (json, '[');
    while (lode_json_element (json))
      lode_json_skip (json);
    return !json->wrong;
  case '"':
    text = lode_json_text (json);
    return text != NULL;
  default:
    return word (json, "true") || word (json, "false") || lode_json_number (json, &value);
  }
}

void
lode_json_put_text (GString *out, const char *text)
{
  g_string_append_c (out, '"');
  for (; *text; text++)
    if (*text == '"' || *text == '\\')
      g_string_append_printf (out, "\\%c", *text);
    else if ((unsigned char) *text < ' ')
      g_string_append_printf (out, "\\u%04x", (unsigned) *text);
    else
      g_string_append_c (out, *text);
  g_string_append_c (out, '"');
}

void
lode_json_put_number (GString *out, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append (out, isfinite (value) ? g_ascii_dtostr (text, sizeof text, value) : "null");
}
