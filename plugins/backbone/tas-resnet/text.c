/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks as text, "blocks=3,3,3 channels=16,8,12,…": the blocks of each stage, and the channels
 * of every convolution from the stem on, those of the blocks that are cut off too. Read are the
 * two lists in either order, "full", and "fraction=0.7": every width at that fraction of the full
 * one. And networks as a picture.
 */
#include "shape.h"

#include <string.h>

static void
append_list (GString *text, const char *name, uint32_t n, const uint32_t *at)
{
  g_string_append (text, name);
  for (uint32_t i = 0; i < n; i++)
    g_string_append_printf (text, "%s%u", i ? "," : "", at[i]);
}

/* whole: with the widths of blocks that are cut off */
static char *
write_lists (const LodeBackbone *tas, const uint8_t *arch, bool whole)
{
  GString *text = g_string_new (NULL);
  g_autofree uint32_t *width = g_new (uint32_t, tas->layers);
  uint32_t blocks[STAGES], n = 1;

  width[0] = tas_width (tas, arch, 0);
  for (uint32_t stage = 0; stage < STAGES; stage++) {
    blocks[stage] = tas_blocks (tas, arch, stage);
    for (uint32_t i = 0; i < (whole ? tas->blocks : blocks[stage]) * tas->parts; i++)
      width[n++] = tas_width (tas, arch, layer_of (tas, stage, 0, i));
  }
  append_list (text, "blocks=", STAGES, blocks);
  append_list (text, " channels=", n, width);
  return g_string_free (text, FALSE);
}

char *
tas_resnet_write (const LodeBackbone *tas, const uint8_t *arch)
{
  return write_lists (tas, arch, true);
}

/* What is cut off makes no difference to the network. */
char *
tas_resnet_key (const LodeBackbone *tas, const uint8_t *arch)
{
  return write_lists (tas, arch, false);
}

static bool
fail (GError **error, const char *what, const char *found)
{
  g_autofree char *rest = g_strndup (found, 24), *shown = g_strescape (rest, NULL);

  g_set_error (error, g_quark_from_static_string ("lode-tas-resnet"), 1,
               "network: expected %s, found \"%s\"", what, *shown ? shown : "(the end)");
  return false;
}

static char *
list_text (const Candidates *candidates)
{
  GString *text = g_string_new (NULL);

  for (uint32_t i = 0; i < candidates->n; i++)
    g_string_append_printf (text, "%s%s", i ? ", " : "", candidates->name[i]);
  return g_string_free (text, FALSE);
}

/* One number, a candidate. option: where it goes, NULL: it must be the largest; last: no comma
 * follows */
static bool
read_number (const char **at, const Candidates *candidates, bool searched, bool last,
             uint8_t *option, GError **error)
{
  g_autofree char *all = NULL, *what = NULL;
  uint32_t i = searched ? 0 : candidates->n - 1;
  size_t length = strspn (*at, "0123456789");

  for (; i < candidates->n; i++)
    if (strlen (candidates->name[i]) == length && !strncmp (*at, candidates->name[i], length))
      break;
  if (i == candidates->n) {
    all = list_text (candidates);
    what = g_strdup_printf ("%s", searched ? all : candidates->name[candidates->n - 1]);
    return fail (error, what, *at);
  }
  *option = (uint8_t) i;
  *at += length;
  if (last ? *at[0] && !g_ascii_isspace (*at[0]) : *at[0] != ',')
    return fail (error, last ? "a blank or the end behind the list" : "a comma and more numbers",
                 *at);
  *at += !last;
  return true;
}

static bool
read_blocks (const LodeBackbone *tas, const char **at, uint8_t *arch, GError **error)
{
  for (uint32_t stage = 0; stage < STAGES; stage++) {
    int32_t decision = depth_decision (tas, stage);
    uint8_t option;

    if (!read_number (at, &tas->depth, decision >= 0, stage == STAGES - 1, &option, error)) {
      g_prefix_error (error, "blocks of stage %u: ", stage);
      return false;
    }
    if (decision >= 0)
      arch[decision] = option;
  }
  return true;
}

static bool
read_channels (const LodeBackbone *tas, const char **at, uint8_t *arch, GError **error)
{
  for (uint32_t layer = 0; layer < tas->layers; layer++) {
    int32_t decision = width_decision (tas, layer);
    uint8_t option;

    if (!read_number (at, widths_of (tas, layer), decision >= 0, layer == tas->layers - 1, &option,
                      error)) {
      g_prefix_error (error, "channels of convolution %u of %u: ", layer + 1, tas->layers);
      return false;
    }
    if (decision >= 0)
      arch[decision] = option;
  }
  return true;
}

/* Every width at a fraction that the option `fractions` has; all blocks. */
static bool
read_fraction (const LodeBackbone *tas, const char **at, uint8_t *arch, GError **error)
{
  const LodeReals *fractions = &tas->conf.fractions;
  char *end;
  double fraction = g_ascii_strtod (*at, &end);
  bool known = false;

  for (size_t i = 0; i < fractions->n && end > *at; i++)
    known = known || (fractions->at[i] > fraction - 1e-9 && fractions->at[i] < fraction + 1e-9);
  if (!known || (*end && !g_ascii_isspace (*end)))
    return fail (error, "one of the option `fractions`", *at);
  for (uint32_t layer = 0; layer < tas->layers && searches_widths (tas); layer++) {
    const Candidates *widths = widths_of (tas, layer);
    uint32_t i = widths->n - 1, stage = layer ? (layer - 1) / tas->parts / tas->blocks : 0;
    bool last = layer && (layer - 1) % tas->parts == 2;
    double width = fraction * (double) ((tas->conf.width << stage) * (last ? 4 : 1)) + 1e-9;

    while (i > 0 && widths->at[i] > width)
      i--;
    arch[layer] = (uint8_t) i;
  }
  *at = end;
  return true;
}

static void
take_all (const LodeBackbone *tas, uint8_t *arch)
{
  for (uint32_t d = 0; d < tas->space.n; d++)
    arch[d] = (uint8_t) (tas->decision[d].n - 1);
}

/* Passes over a word; true if it is there. */
static bool
accept (const char **at, const char *word)
{
  if (!g_str_has_prefix (*at, word))
    return false;
  *at += strlen (word);
  return true;
}

static bool
read_all (const LodeBackbone *tas, const char *at, uint8_t *arch, GError **error)
{
  bool blocks = false, channels = false, whole = false;

  take_all (tas, arch);
  for (;;) {
    while (g_ascii_isspace (*at))
      at++;
    if (!*at && (whole || (blocks && channels)))
      return true;
    if (!whole && !blocks && accept (&at, "blocks=")) {
      blocks = true;
      if (!read_blocks (tas, &at, arch, error))
        return false;
    } else if (!whole && !channels && accept (&at, "channels=")) {
      channels = true;
      if (!read_channels (tas, &at, arch, error))
        return false;
    } else if (!whole && !blocks && !channels && accept (&at, "fraction=")) {
      whole = true;
      if (!read_fraction (tas, &at, arch, error))
        return false;
    } else if (!whole && !blocks && !channels && accept (&at, "full")) {
      whole = true;
    } else {
      return fail (error, "\"blocks=…\" and \"channels=…\", \"full\", or \"fraction=…\"", at);
    }
  }
}

bool
tas_resnet_read (const LodeBackbone *tas, const char *text, uint8_t *arch, GError **error)
{
  g_autofree uint8_t *found = g_new0 (uint8_t, tas->space.n + 1);

  if (!read_all (tas, text, found, error))
    return false;
  memcpy (arch, found, tas->space.n);
  return true;
}

/* From pale to full blue with the share of the full width. */
static void
draw_width (GString *dot, uint32_t width, uint32_t full, bool cut)
{
  double share = (double) width / full;
  uint32_t red = (uint32_t) (247 - 155 * share), green = (uint32_t) (251 - 95 * share);

  if (cut)
    g_string_append (dot,
                     "<td width=\"34\" bgcolor=\"#f2f2f2\"><font color=\"#a0a0a0\">–</font></td>");
  else
    g_string_append_printf (dot, "<td width=\"34\" bgcolor=\"#%02x%02xf0\">%u</td>", red, green,
                            width);
}

/* A row for each convolution of a block, a column for each block. */
static void
draw_stage (GString *dot, const LodeBackbone *tas, const uint8_t *arch, uint32_t stage)
{
  static const char *const kernel[2][MOST_PARTS] = { { "3×3", "3×3" }, { "1×1", "3×3", "1×1" } };
  uint32_t blocks = tas_blocks (tas, arch, stage);

  g_string_append_printf (dot,
                          "  stage_%u [label=<<table border=\"0\" cellborder=\"1\" "
                          "cellspacing=\"0\" cellpadding=\"5\">\n"
                          "    <tr><td colspan=\"%u\" border=\"0\" align=\"left\">stage %u: %u of "
                          "%u blocks, at most %u channels</td></tr>\n",
                          stage, tas->blocks + 1, stage, blocks, tas->blocks,
                          full_width (tas, last_layer (tas, stage, 0)));
  for (uint32_t part = 0; part < tas->parts; part++) {
    g_string_append_printf (dot, "    <tr><td border=\"0\">%s</td>", kernel[tas->parts - 2][part]);
    for (uint32_t block = 0; block < tas->blocks; block++) {
      uint32_t layer = layer_of (tas, stage, block, part);

      draw_width (dot, tas_width (tas, arch, layer), full_width (tas, layer), block >= blocks);
    }
    g_string_append (dot, "</tr>\n");
  }
  g_string_append (dot, "  </table>>];\n");
}

char *
tas_resnet_draw (const LodeBackbone *tas, const uint8_t *arch)
{
  GString *dot = g_string_new ("digraph network {\n"
                               "  node [shape=plain, fontname=\"Helvetica\", fontsize=12];\n"
                               "  edge [color=\"#808080\"];\n");

  g_string_append_printf (dot,
                          "  stem [shape=box, style=\"rounded,filled\", fillcolor=\"#cfe3cf\", "
                          "label=\"3×3, %u of %u channels\"];\n",
                          tas_width (tas, arch, 0), full_width (tas, 0));
  for (uint32_t stage = 0; stage < STAGES; stage++)
    draw_stage (dot, tas, arch, stage);
  g_string_append (dot, "  features [shape=box, style=\"rounded,filled\", fillcolor=\"#f4e6c3\", "
                        "label=\"mean over the image\"];\n"
                        "  stem -> stage_0 -> stage_1 -> stage_2 -> features;\n}\n");
  return g_string_free (dot, FALSE);
}
