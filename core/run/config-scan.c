/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From text to tokens. Everything that can be seen without knowing what stands around it is decided
 * here: whether a number fits, whether a text is closed, which quotes are the wrong ones.
 */
#include "run/config-private.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#define DIGITS "0123456789"
#define HEX_DIGITS DIGITS "abcdefABCDEF"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

typedef struct Scan {
  GArray *tokens;
  GStringChunk *strings;
  const char *file, *at, *line_start;
  uint32_t line;
  bool fresh; /* no token on this line yet */
} Scan;

char *
lode_token_origin (const LodeToken *token)
{
  return token->line ? g_strdup_printf ("%s:%u", token->file, token->line) : g_strdup (token->file);
}

char *
lode_token_shown (const char *text)
{
  GString *shown = g_string_new (NULL);
  int n = 0;

  for (; *text && n < 40; text = g_utf8_next_char (text), n++) {
    gunichar c = g_utf8_get_char (text);

    if (g_unichar_isprint (c))
      g_string_append_unichar (shown, c);
    else
      g_string_append_printf (shown, "<U+%04X>", c);
  }
  if (*text)
    g_string_append (shown, "…");
  return g_string_free (shown, FALSE);
}

static void
emit (Scan *scan, char kind, const char *text)
{
  LodeToken token = { .kind = kind,
                      .first = scan->fresh,
                      .line = scan->line,
                      .column = (uint32_t) (scan->at - scan->line_start),
                      .file = scan->file,
                      .text = g_string_chunk_insert (scan->strings, text) };

  g_array_append_val (scan->tokens, token);
  scan->fresh = kind == LODE_TOKEN_MISTAKE && scan->fresh;
}

static void mistake (Scan *scan, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
mistake (Scan *scan, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list list;

  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  emit (scan, LODE_TOKEN_MISTAKE, text);
}

/* Over characters that cannot hold tokens, counting lines. */
static void
skip_to (Scan *scan, const char *end)
{
  for (; scan->at < end; scan->at++)
    if (*scan->at == '\n') {
      scan->line += scan->line > 0;
      scan->line_start = scan->at + 1;
      scan->fresh = true;
    }
}

static bool
starts_comment (const char *at)
{
  return *at == '#' || (at[0] == '/' && (at[1] == '/' || at[1] == '*'));
}

static void
scan_comment (Scan *scan)
{
  const char *end;

  if (scan->at[0] != '/' || scan->at[1] != '*') {
    skip_to (scan, scan->at + strcspn (scan->at, "\n"));
    return;
  }
  end = strstr (scan->at + 2, "*/");
  if (!end)
    mistake (scan, "the comment that begins here has no end; expected */");
  skip_to (scan, end ? end + 2 : scan->at + strlen (scan->at));
}

/* Where a text ends that was opened before `at`: at its quote, or NULL if the line ends first. */
static const char *
closing_quote (const char *at)
{
  for (; *at && *at != '\n'; at++) {
    if (*at == '"')
      return at;
    if (at[0] == '\\' && (at[1] == '\\' || at[1] == '"'))
      at++;
  }
  return NULL;
}

/* Escapes as libconfig knows them; it leaves a backslash before anything else alone. */
static char *
unescape (const char *at, const char *end)
{
  static const char from[] = "nrtf\\\"", to[] = "\n\r\t\f\\\"";
  GString *text = g_string_new (NULL);

  while (at < end) {
    const char *known = *at == '\\' && at + 1 < end ? strchr (from, at[1]) : NULL;

    if (known) {
      g_string_append_c (text, to[known - from]);
      at += 2;
    } else if (end - at >= 4 && at[0] == '\\' && (at[1] == 'x' || at[1] == 'X')
               && g_ascii_isxdigit (at[2]) && g_ascii_isxdigit (at[3])) {
      g_string_append_c (text,
                         (char) (g_ascii_xdigit_value (at[2]) * 16 + g_ascii_xdigit_value (at[3])));
      at += 4;
    } else
      g_string_append_c (text, *at++);
  }
  /* \x00 would cut the text short without a word */
  if (strlen (text->str) != text->len || !g_utf8_validate (text->str, -1, NULL))
    g_string_assign (text, "\xff");
  return g_string_free (text, FALSE);
}

static bool
has_control (const char *text)
{
  while (*text && !g_ascii_iscntrl (*text))
    text++;
  return *text;
}

/* What is left of the line is not all text: up to the first thing that would end a value. */
static void
scan_unclosed (Scan *scan, const char *at)
{
  const char *end = at + strcspn (at, "\r\n;}");
  g_autofree char *text = g_strndup (at, (gsize) (end - at));
  bool behind_word = scan->at > scan->line_start && (g_ascii_isalnum (scan->at[-1]));

  if (behind_word)
    mistake (scan, "a quote closes a text that none opened; expected \"text\"");
  else
    mistake (scan, "a text is not closed on its line; expected \"text\" (a line break in it is "
                   "written \\n)");
  if (!behind_word)
    emit (scan, LODE_TOKEN_TEXT, text);
  skip_to (scan, end);
}

static void
scan_text (Scan *scan, char kind)
{
  const char *open = scan->at + (kind == LODE_TOKEN_TEXT ? 0 : strcspn (scan->at, "\"")),
             *end = closing_quote (open + 1);
  g_autofree char *text = NULL;

  if (!end) {
    scan_unclosed (scan, open + 1);
    return;
  }
  text = unescape (open + 1, end);
  if (!strcmp (text, "\xff")) {
    mistake (scan, "a text is not UTF-8 or holds \\x00; write the bytes of UTF-8, or the "
                   "character itself");
    text[0] = 0;
  }
  if (kind == LODE_TOKEN_INCLUDE && has_control (text)) {
    mistake (scan, "the name of an included file holds a control character");
    kind = LODE_TOKEN_MISTAKE; /* on the same line: nothing more is said */
  }
  emit (scan, kind, text);
  skip_to (scan, end + 1);
}

/* Quotes that word processors and other languages use: 'x', “x”, «x» … The length of one, or 0. */
static size_t
wrong_quote (const char *at)
{
  static const char *const quotes[] = { "'",      "`",      "\u2018", "\u2019", "\u201a",
                                        "\u201c", "\u201d", "\u201e", "\u00ab", "\u00bb" };

  for (size_t i = 0; i < G_N_ELEMENTS (quotes); i++)
    if (g_str_has_prefix (at, quotes[i]))
      return strlen (quotes[i]);
  return 0;
}

static void
scan_wrong_quotes (Scan *scan)
{
  size_t n = wrong_quote (scan->at);
  const char *from = scan->at + n, *end = from;
  g_autofree char *text = NULL, *quote = g_strndup (scan->at, n);

  while (*end && !strchr ("\r\n\"", *end) && !wrong_quote (end))
    end++;
  /* one alone is no pair: what follows it is not text */
  if (!wrong_quote (end) && *end != '"')
    end = from + strcspn (from, "\r\n;}");
  text = g_strndup (from, (gsize) (end - from));
  mistake (scan, "%s is not the quote of a text; expected \"%s\"", quote, text);
  emit (scan, LODE_TOKEN_TEXT, text);
  skip_to (scan, end + wrong_quote (end) + (*end == '"'));
}

static bool
is_bool (const char *word)
{
  return !g_ascii_strcasecmp (word, "true") || !g_ascii_strcasecmp (word, "false");
}

bool
lode_config_is_name (const char *word)
{
  return *word && !is_bool (word) && strchr (LETTERS "*", *word)
         && strspn (word, LETTERS DIGITS "-_*") == strlen (word);
}

int64_t
lode_config_integer (const char *word)
{
  bool hex = word[0] == '0' && (word[1] == 'x' || word[1] == 'X');

  return g_ascii_strtoll (word, NULL, hex ? 16 : 10);
}

static bool
is_integer (const char *word)
{
  const char *at = word + (*word == '+' || *word == '-');
  bool hex = at == word && at[0] == '0' && (at[1] == 'x' || at[1] == 'X');
  size_t n = strspn (at + 2 * hex, hex ? HEX_DIGITS : DIGITS);

  at += 2 * hex + n;
  return n && (!*at || !strcmp (at, "L") || !strcmp (at, "LL"));
}

static bool
is_real (const char *word)
{
  const char *at = word + (*word == '+' || *word == '-');
  size_t whole = strspn (at, DIGITS), part = 0;
  bool point = at[whole] == '.';

  at += whole;
  if (point) {
    part = strspn (at + 1, DIGITS);
    at += 1 + part;
  }
  if (whole + part == 0)
    return false;
  if (*at != 'e' && *at != 'E')
    return point && !*at;
  at++;
  at += *at == '+' || *at == '-';
  return *at && strspn (at, DIGITS) == strlen (at);
}

static void
scan_integer (Scan *scan, const char *word)
{
  errno = 0;
  lode_config_integer (word);
  if (errno == ERANGE)
    mistake (scan,
             "%s does not fit into 64 bits; expected %" PRId64 " … %" PRId64
             ", or a real number (1e20)",
             word, INT64_MIN, INT64_MAX);
  emit (scan, LODE_TOKEN_INT, word);
}

static void
scan_real (Scan *scan, const char *word)
{
  double value = g_ascii_strtod (word, NULL);
  size_t digits = strcspn (word, "eE");
  bool zero = strcspn (word, "123456789") >= digits;

  if (isinf (value))
    mistake (scan, "%s is larger than a number can be; expected at most 1.7976931348623157e308",
             word);
  if (value == 0 && !zero)
    mistake (scan,
             "%s is smaller than a number can be; expected 4.9406564584124654e-324 or more, "
             "or 0.0",
             word);
  emit (scan, LODE_TOKEN_REAL, isinf (value) ? "0.0" : word);
}

static void
scan_word (Scan *scan)
{
  const char *end = scan->at;
  g_autofree char *word = NULL;

  while (*end && !strchr (" \t\r\n\f=:,;{}[]()\"#@", *end) && !starts_comment (end)
         && !wrong_quote (end))
    end++;
  word = g_strndup (scan->at, (gsize) (end - scan->at));
  if (is_bool (word))
    emit (scan, LODE_TOKEN_BOOL, g_ascii_tolower (*word) == 't' ? "true" : "false");
  else if (is_integer (word))
    scan_integer (scan, word);
  else if (is_real (word))
    scan_real (scan, word);
  else
    emit (scan, lode_config_is_name (word) ? LODE_TOKEN_NAME : LODE_TOKEN_WORD, word);
  skip_to (scan, end);
}

static void
scan_directive (Scan *scan)
{
  const char *at = scan->at + 1 + strspn (scan->at + 1, LETTERS);

  if (g_str_has_prefix (scan->at, "@include") && at == scan->at + 8
      && at[strspn (at, " \t")] == '"')
    scan_text (scan, LODE_TOKEN_INCLUDE);
  else {
    mistake (scan, "@ begins only @include \"file\"");
    skip_to (scan, at + strcspn (at, "\r\n"));
  }
}

static void
scan_one (Scan *scan)
{
  char c = *scan->at, kind[] = { c == ':' ? '=' : c, 0 };

  if (strchr (" \t\r\n\f", c))
    skip_to (scan, scan->at + 1);
  else if (starts_comment (scan->at))
    scan_comment (scan);
  else if (c == '"')
    scan_text (scan, LODE_TOKEN_TEXT);
  else if (c == '@')
    scan_directive (scan);
  else if (strchr ("=:,;{}[]()", c)) {
    emit (scan, kind[0], kind);
    skip_to (scan, scan->at + 1);
  } else if (wrong_quote (scan->at))
    scan_wrong_quotes (scan);
  else
    scan_word (scan);
}

void
lode_config_scan (GArray *tokens, GStringChunk *strings, const char *file, uint32_t line,
                  const char *text)
{
  Scan scan = { .tokens = tokens,
                .strings = strings,
                .file = g_string_chunk_insert_const (strings, file),
                .at = text,
                .line_start = text,
                .line = line,
                .fresh = true };

  if (g_str_has_prefix (text, "\ufeff"))
    scan.at = scan.line_start = text + strlen ("\ufeff");
  while (*scan.at)
    scan_one (&scan);
}
