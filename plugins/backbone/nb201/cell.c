/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells of NAS-Bench-201 as text, as an expression that isomorphic cells share, and as a picture.
 * Text is written in one way; it is read with any spaces, and a node's inputs in any order; six
 * digits are read too, as they are or behind "ops=".
 */
#include "cell.h"

#include <string.h>

enum { MOST_TERMS = 4 }; /* of the output: one, node 1's one, node 2's two */

/* What a node computes: a sum of terms, in alphabetical order. */
typedef struct Sum {
  char *term[MOST_TERMS];
  uint32_t n;
} Sum;

/* A place in the text being read. */
typedef struct Reader {
  const char *text, *at;
  GError **error;
} Reader;

const char *const nb201_op_names[OPS] = { "none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3",
                                          "avg_pool_3x3" };
const uint8_t nb201_path[PATHS] = { 1 << 3, 1 << 0 | 1 << 4, 1 << 1 | 1 << 5,
                                    1 << 0 | 1 << 2 | 1 << 5 };

uint32_t
nb201_path_gaps (const uint8_t *arch, uint32_t path)
{
  uint32_t gaps = 0;

  for (uint32_t edge = 0; edge < EDGES; edge++)
    gaps += (nb201_path[path] >> edge & 1) && arch[edge] == OP_NONE;
  return gaps;
}

bool
nb201_joined (const uint8_t *arch)
{
  for (uint32_t path = 0; path < PATHS; path++)
    if (!nb201_path_gaps (arch, path))
      return true;
  return false;
}

char *
nb201_text (const uint8_t *arch)
{
  GString *text = g_string_new (NULL);

  for (uint32_t node = 1; node < NODES; node++) {
    g_string_append (text, node > 1 ? "+|" : "|");
    for (uint32_t from = 0; from < node; from++)
      g_string_append_printf (text, "%s~%u|", nb201_op_names[arch[first_edge (node) + from]], from);
  }
  return g_string_free (text, FALSE);
}

char *
nb201_digits (const uint8_t *arch)
{
  char *text = g_malloc (EDGES + 1);

  for (uint32_t edge = 0; edge < EDGES; edge++)
    text[edge] = (char) ('0' + arch[edge]);
  text[EDGES] = 0;
  return text;
}

static void
skip_space (Reader *reader)
{
  while (g_ascii_isspace (*reader->at))
    reader->at++;
}

static bool
fail (const Reader *reader, const char *expected)
{
  g_autofree char *rest = g_strndup (reader->at, 24), *found = g_strescape (rest, NULL);

  g_set_error (reader->error, g_quark_from_static_string ("lode-nb201"), 1,
               "cell, character %zu: expected %s, found \"%s\"",
               (size_t) (reader->at - reader->text) + 1, expected, *found ? found : "(the end)");
  return false;
}

static bool
expect (Reader *reader, char mark)
{
  char expected[] = { '"', mark, '"', 0 };

  skip_space (reader);
  if (*reader->at != mark)
    return fail (reader, expected);
  reader->at++;
  return true;
}

static bool
read_op (Reader *reader, uint8_t *op)
{
  skip_space (reader);
  for (uint32_t i = 0; i < OPS; i++) {
    size_t length = strlen (nb201_op_names[i]);
    char behind = strncmp (reader->at, nb201_op_names[i], length) ? 'x' : reader->at[length];

    if (behind == '_' || g_ascii_isalnum (behind))
      continue;
    reader->at += length;
    *op = (uint8_t) i;
    return true;
  }
  return fail (reader, "none, skip_connect, nor_conv_1x1, nor_conv_3x3 or avg_pool_3x3");
}

static bool
read_input (Reader *reader, uint32_t node, uint32_t *from)
{
  char expected[48];

  skip_space (reader);
  *from = (uint32_t) (*reader->at - '0');
  if (g_ascii_isdigit (*reader->at) && *from < node && !g_ascii_isdigit (reader->at[1])) {
    reader->at++;
    return true;
  }
  g_snprintf (expected, sizeof expected, node > 1 ? "an earlier node, 0 … %u" : "node %u",
              node - 1);
  return fail (reader, expected);
}

/* |op~0|op~1|…: every earlier node once. arch: the edges into this one */
static bool
read_node (Reader *reader, uint32_t node, uint8_t *arch)
{
  uint32_t seen = 0;

  if (!expect (reader, '|'))
    return false;
  for (uint32_t i = 0; i < node; i++) {
    const char *start = reader->at;
    uint32_t from;
    uint8_t op;

    if (!read_op (reader, &op) || !expect (reader, '~') || !read_input (reader, node, &from))
      return false;
    if (seen >> from & 1) {
      reader->at = start;
      return fail (reader, "an input that this node does not have yet");
    }
    seen |= 1u << from;
    arch[from] = op;
    if (!expect (reader, '|'))
      return false;
  }
  return true;
}

/* A digit for each edge. */
static bool
read_digits (Reader *reader, uint8_t *arch)
{
  for (uint32_t edge = 0; edge < EDGES; edge++, reader->at++) {
    if (*reader->at < '0' || *reader->at >= '0' + OPS)
      return fail (reader, "a digit, 0 to 4, for each of six edges");
    arch[edge] = (uint8_t) (*reader->at - '0');
  }
  return true;
}

bool
nb201_parse (const char *text, uint8_t *arch, GError **error)
{
  Reader reader = { .text = text, .at = text, .error = error };
  uint8_t found[EDGES];
  bool digits;

  skip_space (&reader);
  digits = g_str_has_prefix (reader.at, "ops=");
  reader.at += digits ? 4 : 0;
  if (digits || g_ascii_isdigit (*reader.at)) {
    if (!read_digits (&reader, found))
      return false;
  } else {
    for (uint32_t node = 1; node < NODES; node++)
      if ((node > 1 && !expect (&reader, '+'))
          || !read_node (&reader, node, found + first_edge (node)))
        return false;
  }
  skip_space (&reader);
  if (*reader.at)
    return fail (&reader, "the end of the text");
  memcpy (arch, found, sizeof found);
  return true;
}

/* Takes the term over. */
static void
sum_add (Sum *sum, char *term)
{
  uint32_t i = sum->n++;

  for (; i > 0 && strcmp (sum->term[i - 1], term) > 0; i--)
    sum->term[i] = sum->term[i - 1];
  sum->term[i] = term;
}

static char *
sum_text (const Sum *sum)
{
  GString *text = g_string_new (sum->n ? NULL : "0");

  for (uint32_t i = 0; i < sum->n; i++)
    g_string_append_printf (text, "%s%s", i ? " + " : "", sum->term[i]);
  return g_string_free (text, FALSE);
}

static void
sum_clear (Sum *sum)
{
  for (uint32_t i = 0; i < sum->n; i++)
    g_free (sum->term[i]);
}

/* Adds an operation on what an earlier node computes; a skip adds its terms. */
static void
sum_edge (Sum *sum, uint8_t op, const Sum *from)
{
  g_autofree char *inner = NULL;

  if (op == OP_NONE || !from->n)
    return;
  if (op == OP_SKIP) {
    for (uint32_t i = 0; i < from->n; i++)
      sum_add (sum, g_strdup (from->term[i]));
    return;
  }
  inner = sum_text (from);
  sum_add (sum, g_strdup_printf ("%s (%s)", nb201_op_names[op], inner));
}

char *
nb201_expression (const uint8_t *arch)
{
  Sum node[NODES] = { [0] = { .term = { g_strdup ("x") }, .n = 1 } };
  char *text;

  for (uint32_t to = 1; to < NODES; to++)
    for (uint32_t from = 0; from < to; from++)
      sum_edge (&node[to], arch[first_edge (to) + from], &node[from]);
  text = sum_text (&node[NODES - 1]);
  for (uint32_t i = 0; i < NODES; i++)
    sum_clear (&node[i]);
  return text;
}

char *
nb201_dot (const uint8_t *arch)
{
  static const char *const label[NODES] = { "input", "1", "2", "output" };
  static const char *const colour[NODES] = { "#cfe3cf", "#d5e1f2", "#d5e1f2", "#f4e6c3" };
  GString *dot = g_string_new (
      "digraph cell {\n  rankdir=LR;\n  ranksep=0.9;\n"
      "  node [shape=box, style=\"rounded,filled\", fontname=\"Helvetica\", height=0.4];\n"
      "  edge [fontname=\"Helvetica\", fontsize=11];\n");

  for (uint32_t node = 0; node < NODES; node++)
    g_string_append_printf (dot, "  node_%u [label=\"%s\", fillcolor=\"%s\"];\n", node, label[node],
                            colour[node]);
  for (uint32_t node = 1; node < NODES; node++)
    for (uint32_t from = 0; from < node; from++) {
      uint8_t op = arch[first_edge (node) + from];

      if (op != OP_NONE)
        g_string_append_printf (dot, "  node_%u -> node_%u [label=\"%s\"];\n", from, node,
                                nb201_op_names[op]);
    }
  g_string_append (dot, "}\n");
  return g_string_free (dot, FALSE);
}
