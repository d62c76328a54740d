/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains as text, one word a slot: "conv3@32 sep5@16+pass skip@48", the width where there are
 * several, "+pass" where the input is added. And as a picture.
 */
#include "slot.h"

#include <string.h>

static void
append_slot (GString *text, const LodeBackbone *chain, const Slot *slot, const uint8_t *arch)
{
  g_string_append (text, chain->kind[slot_option (slot, arch, ABOUT_KIND)].name);
  if (slot->decision[ABOUT_WIDTH] >= 0)
    g_string_append_printf (text, "@%u", slot->width[slot_option (slot, arch, ABOUT_WIDTH)]);
  if (slot_option (slot, arch, ABOUT_PASS))
    g_string_append (text, "+pass");
}

char *
chain_write (const LodeBackbone *chain, const uint8_t *arch)
{
  GString *text = g_string_new (NULL);

  for (uint32_t i = 0; i < chain->slots; i++) {
    if (i)
      g_string_append_c (text, ' ');
    append_slot (text, chain, &chain->slot[i], arch);
  }
  return g_string_free (text, FALSE);
}

static bool
fail (GError **error, uint32_t slot, const char *what, const char *word)
{
  g_autofree char *shown = g_strescape (word, NULL);

  g_set_error (error, g_quark_from_static_string ("lode-chain"), 1,
               "chain, slot %u: expected %s, found \"%.40s\"", slot, what,
               *shown ? shown : "(the end)");
  return false;
}

/* The one of n names that a word (of a length) is, or n. */
static uint32_t
find (uint32_t n, const char *const *name, const char *word, size_t length)
{
  uint32_t i = 0;

  while (i < n && (strlen (name[i]) != length || strncmp (name[i], word, length)))
    i++;
  return i;
}

static char *
list (uint32_t n, const char *const *name)
{
  GString *text = g_string_new ("one of ");

  for (uint32_t i = 0; i < n; i++)
    g_string_append_printf (text, "%s%s", i ? ", " : "", name[i]);
  return g_string_free (text, FALSE);
}

/* Gives an option to a decision that there may be. */
static void
set (const Slot *slot, uint32_t about, uint32_t option, uint8_t *arch)
{
  if (slot->decision[about] >= 0)
    arch[slot->decision[about]] = (uint8_t) option;
}

/* word: "sep5@16+pass" */
static bool
read_slot (const LodeBackbone *chain, uint32_t i, const char *word, uint8_t *arch, GError **error)
{
  const Slot *slot = &chain->slot[i];
  size_t length = strcspn (word, "@+");
  uint32_t kind = find (chain->kinds, chain->kind_name, word, length);
  const char *at = word + length;
  g_autofree char *all = NULL;

  if (kind == chain->kinds) {
    all = list (chain->kinds, chain->kind_name);
    return fail (error, i, all, word);
  }
  set (slot, ABOUT_KIND, kind, arch);
  if (slot->decision[ABOUT_WIDTH] >= 0) {
    uint32_t width;

    if (*at != '@')
      return fail (error, i, "\"@\" and a width behind the kind", word);
    length = strcspn (++at, "+");
    width = find (slot->n, slot->option, at, length);
    if (width == slot->n) {
      all = list (slot->n, slot->option);
      return fail (error, i, all, at);
    }
    set (slot, ABOUT_WIDTH, width, arch);
    at += length;
  }
  if (slot->decision[ABOUT_PASS] >= 0 && chain->kind[kind].type != KIND_SKIP
      && !strcmp (at, "+pass")) {
    set (slot, ABOUT_PASS, 1, arch);
    return true;
  }
  return !*at || fail (error, i, "the end of the slot's word", at);
}

bool
chain_read (const LodeBackbone *chain, const char *text, uint8_t *arch, GError **error)
{
  g_auto (GStrv) word = g_strsplit_set (text, " \t\r\n", -1);
  uint8_t found[MOST_SLOTS * ABOUTS] = { 0 };
  uint32_t slot = 0;

  for (char **at = word; *at; at++) {
    if (!**at)
      continue;
    if (slot == chain->slots)
      return fail (error, slot, "the end of the text", *at);
    if (!read_slot (chain, slot++, *at, found, error))
      return false;
  }
  if (slot < chain->slots)
    return fail (error, slot, "a word for each slot", "");
  memcpy (arch, found, chain->space.n);
  return true;
}

static const char *
colour_of (uint32_t type)
{
  static const char *const colour[] = { [KIND_CONV] = "#d5e1f2",
                                        [KIND_SEP] = "#dcefd8",
                                        [KIND_DIL] = "#e9e0f3",
                                        [KIND_MB] = "#fbe3cf",
                                        [KIND_SKIP] = "#f7f7f7" };

  return colour[type];
}

static const char *
halving_of (const LodeBackbone *chain, const Slot *slot)
{
  if (!slot->halves)
    return "";
  return chain->conf.halve == HALVE_POOL ? "\\n2×2 maximum" : "\\nstride 2";
}

static void
draw_end (GString *dot, const char *name, const char *what, const char *colour)
{
  g_string_append_printf (dot, "  %s [label=\"%s\", fillcolor=\"%s\"];\n", name, what, colour);
}

char *
chain_draw (const LodeBackbone *chain, const uint8_t *arch)
{
  const Conf *conf = &chain->conf;
  GString *dot = g_string_new (
      "digraph chain {\n  rankdir=LR;\n"
      "  node [shape=box, style=\"rounded,filled\", fontname=\"Helvetica\", height=0.6];\n"
      "  edge [fontname=\"Helvetica\", fontsize=11];\n");
  g_autofree char *last = NULL;
  g_autofree char *stem = conf->stem
                              ? g_strdup_printf ("3×3 stem\\n%u channels", (uint32_t) conf->stem)
                              : g_strdup ("image");

  draw_end (dot, "slot_0", stem, "#cfe3cf");
  for (uint32_t i = 0; i < chain->slots; i++) {
    const Slot *slot = &chain->slot[i];
    const Kind *kind = &chain->kind[slot_option (slot, arch, ABOUT_KIND)];

    g_string_append_printf (dot,
                            "  slot_%u [label=\"%s\\n%u channels%s\", fillcolor=\"%s\"];\n"
                            "  slot_%u -> slot_%u;\n",
                            i + 1, kind->name, slot->width[slot_option (slot, arch, ABOUT_WIDTH)],
                            halving_of (chain, slot), colour_of (kind->type), i, i + 1);
    if (slot_option (slot, arch, ABOUT_PASS))
      g_string_append_printf (dot, "  slot_%u:s -> slot_%u:s [label=\"+\", constraint=false];\n", i,
                              i + 1);
  }
  last =
      conf->last ? g_strdup_printf ("1×1\\n%u channels\\n", (uint32_t) conf->last) : g_strdup ("");
  g_string_append_printf (dot, "  features [label=\"%s%s\", fillcolor=\"#f4e6c3\"];\n", last,
                          conf->features == FEATURES_MEAN ? "mean over the image" : "all values");
  g_string_append_printf (dot, "  slot_%u -> features;\n}\n", chain->slots);
  return g_string_free (dot, FALSE);
}
