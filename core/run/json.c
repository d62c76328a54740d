/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strict JSON reader and the two writers that need care.
 */
#include "run/json.h"

#include <math.h>
#include <string.h>

#define DEPTH_MAX 32
#define NUMBER_MAX 64

LodeScan
lode_scan_begin (const char *text, size_t n)
{
  return (LodeScan){ .begin = text, .at = text, .end = text + n };
}

bool
lode_scan_wrong (LodeScan *scan, const char *what)
{
  if (!scan->wrong)
    scan->wrong = what;
  return false;
}

/* The next byte that is not blank; 0 at the end and behind a mistake. */
static char
peek (LodeScan *scan)
{
  while (scan->at < scan->end && strchr (" \t\n\r", *scan->at) && *scan->at)
    scan->at++;
  return scan->at < scan->end && !scan->wrong ? *scan->at : 0;
}

static bool
take (LodeScan *scan, char c, const char *what)
{
  if (peek (scan) != c)
    return lode_scan_wrong (scan, what);
  scan->at++;
  return true;
}

bool
lode_scan_end (LodeScan *scan)
{
  peek (scan);
  if (scan->at < scan->end)
    lode_scan_wrong (scan, "something behind the end");
  return !scan->wrong;
}

bool
lode_scan_enter (LodeScan *scan, char bracket)
{
  if (!take (scan, bracket, bracket == '{' ? "expected an object" : "expected a list"))
    return false;
  if (++scan->depth > DEPTH_MAX)
    return lode_scan_wrong (scan, "nested too deeply");
  scan->fresh = true;
  return true;
}

/* Whether something comes before the closing bracket, which is taken. */
static bool
more (LodeScan *scan, char closing)
{
  bool fresh = scan->fresh;

  scan->fresh = false;
  if (peek (scan) == closing) {
    scan->at++;
    scan->depth--;
    return false;
  }
  return fresh ? !scan->wrong : take (scan, ',', "expected a comma or a closing bracket");
}

bool
lode_scan_element (LodeScan *scan)
{
  return more (scan, ']');
}

bool
lode_scan_member (LodeScan *scan, char **name)
{
  *name = NULL;
  if (!more (scan, '}'))
    return false;
  *name = lode_scan_text (scan);
  if (*name && take (scan, ':', "expected a colon"))
    return true;
  g_clear_pointer (name, g_free);
  return false;
}

/* Four hex digits; -1 on a mistake. */
static int32_t
hex (LodeScan *scan)
{
  int32_t code = 0;

  if (scan->end - scan->at < 4)
    return -1;
  for (int i = 0; i < 4; i++) {
    int digit = g_ascii_xdigit_value (*scan->at++);

    if (digit < 0)
      return -1;
    code = code * 16 + digit;
  }
  return code;
}

/* Behind "\u": one code point, of two halves if it needs them. */
static bool
escape_code (LodeScan *scan, GString *text)
{
  int32_t code = hex (scan);

  if (code >= 0xd800 && code < 0xdc00 && scan->end - scan->at >= 2 && scan->at[0] == '\\'
      && scan->at[1] == 'u') {
    scan->at += 2;
    int32_t low = hex (scan);

    if (low < 0xdc00 || low > 0xdfff)
      return lode_scan_wrong (scan, "half a character");
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  if (code < 0 || (code >= 0xd800 && code < 0xe000))
    return lode_scan_wrong (scan, "not a character");
  if (!code)
    return lode_scan_wrong (scan, "a NUL in a text");
  g_string_append_unichar (text, (gunichar) code);
  return true;
}

static bool
escape (LodeScan *scan, GString *text)
{
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  char c = scan->at < scan->end ? *scan->at++ : 0;
  const char *at = c ? strchr (from, c) : NULL;

  if (c == 'u')
    return escape_code (scan, text);
  if (!at)
    return lode_scan_wrong (scan, "an unknown escape in a text");
  g_string_append_c (text, to[at - from]);
  return true;
}

char *
lode_scan_text (LodeScan *scan)
{
  g_autoptr (GString) text = g_string_new (NULL);

  if (!take (scan, '"', "expected a text"))
    return NULL;
  while (scan->at < scan->end && *scan->at != '"') {
    char c = *scan->at++;

    if ((unsigned char) c < ' ')
      lode_scan_wrong (scan, "a control character in a text");
    else if (c != '\\')
      g_string_append_c (text, c);
    else
      escape (scan, text);
    if (scan->wrong)
      return NULL;
  }
  if (!take (scan, '"', "a text without its end"))
    return NULL;
  if (!g_utf8_validate (text->str, (gssize) text->len, NULL)) {
    lode_scan_wrong (scan, "a text that is not UTF-8");
    return NULL;
  }
  return g_strdup (text->str);
}

bool
lode_scan_copy (LodeScan *scan, char *out, size_t size)
{
  g_autofree char *text = lode_scan_text (scan);
  const char *end;

  g_strlcpy (out, text ? text : "", size);
  g_utf8_validate (out, -1, &end);
  out[end - out] = 0;
  return text != NULL;
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
lode_scan_natural (LodeScan *scan, uint64_t *value)
{
  size_t n = peek (scan) ? digits (scan->at, scan->end) : 0;
  uint64_t sum = 0;

  if (!n || (n > 1 && *scan->at == '0'))
    return lode_scan_wrong (scan, "expected a whole number from 0");
  for (; n; n--) {
    uint64_t digit = (uint64_t) (*scan->at++ - '0');

    if (sum > (UINT64_MAX - digit) / 10)
      return lode_scan_wrong (scan, "a whole number above 64 bits");
    sum = sum * 10 + digit;
  }
  if (scan->at < scan->end && strchr (".eE", *scan->at) && *scan->at)
    return lode_scan_wrong (scan, "expected a whole number");
  *value = sum;
  return true;
}

bool
lode_scan_int64 (LodeScan *scan, int64_t *value)
{
  uint64_t natural = 0;

  if (lode_scan_natural (scan, &natural) && natural > INT64_MAX)
    lode_scan_wrong (scan, "a whole number above 63 bits");
  *value = scan->wrong ? 0 : (int64_t) natural;
  return !scan->wrong;
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
word (LodeScan *scan, const char *text)
{
  size_t n = strlen (text);

  if (!peek (scan) || (size_t) (scan->end - scan->at) < n || memcmp (scan->at, text, n) != 0)
    return false;
  scan->at += n;
  return true;
}

bool
lode_scan_number (LodeScan *scan, double *value)
{
  char copy[NUMBER_MAX];
  size_t n;

  if (word (scan, "null")) {
    *value = NAN;
    return true;
  }
  n = peek (scan) ? number_length (scan->at, scan->end) : 0;
  if (!n || n >= sizeof copy)
    return lode_scan_wrong (scan, n ? "a number of too many digits" : "expected a number");
  memcpy (copy, scan->at, n);
  copy[n] = 0;
  scan->at += n;
  *value = g_ascii_strtod (copy, NULL);
  return isfinite (*value) || lode_scan_wrong (scan, "a number that is too large");
}

static bool
skip_members (LodeScan *scan)
{
  char *name;

  lode_scan_enter (scan, '{');
  while (lode_scan_member (scan, &name)) {
    g_free (name);
    lode_scan_skip (scan);
  }
  return !scan->wrong;
}

bool
lode_scan_skip (LodeScan *scan)
{
  g_autofree char *text = NULL;
  double value;

  switch (peek (scan)) {
  case '{':
    return skip_members (scan);
  case '[':
    lode_scan_enter (scan, '[');
    while (lode_scan_element (scan))
      lode_scan_skip (scan);
    return !scan->wrong;
  case '"':
    text = lode_scan_text (scan);
    return text != NULL;
  default:
    return word (scan, "true") || word (scan, "false") || lode_scan_number (scan, &value);
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
