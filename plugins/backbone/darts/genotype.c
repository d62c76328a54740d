/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Genotypes: the text in which the authors of DARTS publish cells, and a picture of it. Text is
 * written in one way, edges in order; it is read with any spaces, and a node's two inputs in either
 * order. The name of a published one is read too, as it is or behind "cells=".
 */
#include "cell.h"

#include <string.h>

/* A place in the text being read. */
typedef struct Reader {
  const char *text, *at;
  GError **error;
} Reader;

static void
write_list (GString *text, const char *name, uint32_t nodes)
{
  g_string_append_printf (text, "%s_concat=[", name);
  for (uint32_t node = 2; node < nodes + 2; node++)
    g_string_append_printf (text, "%s%u", node > 2 ? ", " : "", node);
  g_string_append_c (text, ']');
}

char *
darts_text (uint32_t nodes, const uint8_t *arch)
{
  GString *text = g_string_new ("Genotype(");

  for (uint32_t cell = 0; cell < CELLS; cell++, arch += edges_of (nodes)) {
    const char *comma = "";

    g_string_append_printf (text, "%s%s=[", cell ? ", " : "", darts_cell_names[cell]);
    for (uint32_t node = 2; node < nodes + 2; node++)
      for (uint32_t from = 0; from < node; from++) {
        uint8_t op = arch[first_edge (node) + from];

        if (op == OP_NONE)
          continue;
        g_string_append_printf (text, "%s('%s', %u)", comma, darts_op_names[op], from);
        comma = ", ";
      }
    g_string_append (text, "], ");
    write_list (text, darts_cell_names[cell], nodes);
  }
  g_string_append_c (text, ')');
  return g_string_free (text, FALSE);
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
  g_set_error (reader->error, g_quark_from_static_string ("lode-darts"), 1,
               "genotype, character %zu: expected %s, found \"%.24s\"",
               (size_t) (reader->at - reader->text) + 1, expected,
               *reader->at ? reader->at : "(the end)");
  return false;
}

/* Whether the text goes on with this word, which is then passed over. */
static bool
accept (Reader *reader, const char *word)
{
  skip_space (reader);
  if (!g_str_has_prefix (reader->at, word))
    return false;
  reader->at += strlen (word);
  return true;
}

static bool
expect (Reader *reader, const char *word)
{
  g_autofree char *quoted = NULL;

  if (accept (reader, word))
    return true;
  quoted = g_strdup_printf ("\"%s\"", word);
  return fail (reader, quoted);
}

static bool
read_number (Reader *reader, uint32_t below, uint32_t *number)
{
  g_autofree char *expected = NULL;
  uint64_t value = 0;

  skip_space (reader);
  if (g_ascii_isdigit (*reader->at)) {
    char *end;

    value = g_ascii_strtoull (reader->at, &end, 10);
    if (value < below) {
      reader->at = end;
      *number = (uint32_t) value;
      return true;
    }
  }
  expected = g_strdup_printf ("a node, 0 … %u", below - 1);
  return fail (reader, expected);
}

static bool
read_op (Reader *reader, uint8_t *op)
{
  char quote;

  skip_space (reader);
  quote = *reader->at;
  if (quote != '\'' && quote != '"')
    return fail (reader, "the name of an operation in quotes");
  for (uint32_t i = OP_NONE + 1; i < OPS; i++) {
    size_t length = strlen (darts_op_names[i]);

    if (!strncmp (reader->at + 1, darts_op_names[i], length) && reader->at[length + 1] == quote) {
      reader->at += length + 2;
      *op = (uint8_t) i;
      return true;
    }
  }
  return fail (
      reader,
      "one of 'max_pool_3x3', 'avg_pool_3x3', 'skip_connect', 'sep_conv_3x3', 'sep_conv_5x5', "
      "'dil_conv_3x3', 'dil_conv_5x5'");
}

/* ('operation', input) of a node. arch: the edges into it */
static bool
read_pair (Reader *reader, uint32_t node, uint8_t *arch)
{
  const char *start;
  uint32_t from;
  uint8_t op;

  skip_space (reader);
  start = reader->at;
  if (!expect (reader, "(") || !read_op (reader, &op) || !expect (reader, ",")
      || !read_number (reader, node, &from) || !expect (reader, ")"))
    return false;
  if (arch[from] != OP_NONE) {
    reader->at = start;
    return fail (reader, "an input that this node does not have yet");
  }
  arch[from] = op;
  return true;
}

/* [('sep_conv_3x3', 0), …]: two pairs a node. arch: [edges] of a cell */
static bool
read_cell (Reader *reader, uint32_t nodes, uint8_t *arch)
{
  if (!expect (reader, "["))
    return false;
  for (uint32_t i = 0; i < KEPT * nodes; i++) {
    uint32_t node = 2 + i / KEPT;

    if ((i && !expect (reader, ",")) || !read_pair (reader, node, arch + first_edge (node)))
      return false;
  }
  accept (reader, ",");
  if (accept (reader, "]"))
    return true;
  return fail (reader,
               "\"]\": this space has two inputs a node; does option `nodes` fit the genotype?");
}

/* [2, 3, …] or range(2, 6): all nodes are in the output. */
static bool
read_concat (Reader *reader, uint32_t nodes)
{
  uint32_t number, end;

  if (accept (reader, "range(")) {
    const char *start = reader->at;

    if (!read_number (reader, nodes + 3, &number) || !expect (reader, ",")
        || !read_number (reader, nodes + 3, &end) || !expect (reader, ")"))
      return false;
    if (number == 2 && end == nodes + 2)
      return true;
    reader->at = start;
    return fail (reader, "all nodes of the cell");
  }
  if (!expect (reader, "["))
    return false;
  for (uint32_t node = 2; node < nodes + 2; node++) {
    const char *start;

    if (node > 2 && !expect (reader, ","))
      return false;
    skip_space (reader);
    start = reader->at;
    if (!read_number (reader, nodes + 2, &number))
      return false;
    if (number != node) {
      reader->at = start;
      return fail (reader, "all nodes of the cell, in order");
    }
  }
  accept (reader, ",");
  return expect (reader, "]");
}

bool
darts_parse (uint32_t nodes, const char *text, uint8_t *arch, GError **error)
{
  Reader reader = { .text = text, .at = text, .error = error };
  g_autofree uint8_t *found = g_new0 (uint8_t, CELLS * (size_t) edges_of (nodes));
  g_autofree char *name = g_strstrip (g_strdup (text));

  if (darts_published (nodes, name + (g_str_has_prefix (name, "cells=") ? 6 : 0), arch))
    return true;
  if (!expect (&reader, "Genotype") || !expect (&reader, "("))
    return false;
  for (uint32_t cell = 0; cell < CELLS; cell++) {
    g_autofree char *concat = g_strconcat (darts_cell_names[cell], "_concat", NULL);

    if ((cell && !expect (&reader, ",")) || !expect (&reader, darts_cell_names[cell])
        || !expect (&reader, "=") || !read_cell (&reader, nodes, found + cell * edges_of (nodes))
        || !expect (&reader, ",") || !expect (&reader, concat) || !expect (&reader, "=")
        || !read_concat (&reader, nodes))
      return false;
  }
  accept (&reader, ",");
  if (!expect (&reader, ")"))
    return false;
  skip_space (&reader);
  if (*reader.at)
    return fail (&reader, "the end of the text");
  memcpy (arch, found, CELLS * (size_t) edges_of (nodes));
  return true;
}

static void
draw_node (GString *dot, uint32_t cell, const char *suffix, const char *label, const char *colour)
{
  g_string_append_printf (dot, "    %s_%s [label=\"%s\", fillcolor=\"%s\"];\n",
                          darts_cell_names[cell], suffix, label, colour);
}

static void
draw_cell (GString *dot, uint32_t cell, uint32_t nodes, const uint8_t *arch)
{
  const char *name = darts_cell_names[cell];

  g_string_append_printf (dot, "  subgraph cluster_%s {\n    label=\"%s cell\";\n", name,
                          cell == CELL_NORMAL ? "normal" : "reduction");
  draw_node (dot, cell, "0", "c_{k-2}", "#cfe3cf");
  draw_node (dot, cell, "1", "c_{k-1}", "#cfe3cf");
  for (uint32_t node = 2; node < nodes + 2; node++) {
    g_autofree char *suffix = g_strdup_printf ("%u", node),
                    *label = g_strdup_printf ("%u", node - 2);

    draw_node (dot, cell, suffix, label, "#d5e1f2");
  }
  draw_node (dot, cell, "out", "c_k", "#f4e6c3");
  for (uint32_t node = 2; node < nodes + 2; node++) {
    for (uint32_t from = 0; from < node; from++) {
      uint8_t op = arch[first_edge (node) + from];

      if (op != OP_NONE)
        g_string_append_printf (dot, "    %s_%u -> %s_%u [label=\"%s\"];\n", name, from, name, node,
                                darts_op_names[op]);
    }
    g_string_append_printf (dot, "    %s_%u -> %s_out [color=\"#909090\"];\n", name, node, name);
  }
  g_string_append (dot, "  }\n");
}

char *
darts_dot (uint32_t nodes, const uint8_t *arch)
{
  GString *dot = g_string_new (
      "digraph cells {\n  rankdir=LR;\n  ranksep=0.9;\n  color=\"#b0b0b0\";\n"
      "  fontname=\"Helvetica\";\n"
      "  node [shape=box, style=\"rounded,filled\", fontname=\"Helvetica\", height=0.4];\n"
      "  edge [fontname=\"Helvetica\", fontsize=11];\n");

  /* Graphviz stacks from the bottom */
  draw_cell (dot, CELL_REDUCE, nodes, arch + CELL_REDUCE * edges_of (nodes));
  draw_cell (dot, CELL_NORMAL, nodes, arch + CELL_NORMAL * edges_of (nodes));
  g_string_append (dot, "}\n");
  return g_string_free (dot, FALSE);
}
