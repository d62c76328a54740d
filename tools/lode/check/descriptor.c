/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group `descriptor`: what the plugin says of itself.
 */
#include "check.h"

#include <lode/lode.h>
#include <string.h>

/* A text that is read in lists and citations: present, one line, UTF-8. */
static bool
is_line (Check *check, const char *what, const char *text)
{
  if (!text || !*text)
    return check_fail (check, "expected a %s, found none", what);
  if (!g_utf8_validate (text, -1, NULL))
    return check_fail (check, "expected its %s in UTF-8, found other bytes", what);
  if (strpbrk (text, "\n\r\t") || g_ascii_isspace (*text))
    return check_fail (check, "expected its %s on one line, found: %s", what, text);
  return true;
}

/* "1.0", "2.3.1", "0.1-rc2": numbers first. */
static bool
is_version (const char *text)
{
  size_t n = strspn (text, "0123456789.");

  return g_ascii_isdigit (*text) && strchr (text, '.') && g_ascii_isdigit (text[n - 1])
         && !strstr (text, "..") && (!text[n] || strchr ("-+", text[n]));
}

static void
test_texts (Check *check)
{
  const LodePlugin *plugin = check->loaded->plugin;

  if (!is_line (check, "summary", plugin->summary) || !is_line (check, "license", plugin->license)
      || !is_line (check, "version", plugin->version))
    return;
  if (g_utf8_strlen (plugin->summary, -1) > 100)
    check_fail (check, "expected a summary of at most 100 letters, found %ld",
                g_utf8_strlen (plugin->summary, -1));
  if (!is_version (plugin->version))
    check_fail (check, "expected a version like 1.0 or 1.2.3-rc1, found \"%s\"", plugin->version);
}

/* Braces in pairs, and a key behind the first. */
static bool
is_bibtex (const char *text)
{
  int depth = 0;

  for (const char *c = text; *c; c++) {
    depth += (*c == '{') - (*c == '}');
    if (depth < 0)
      return false;
  }
  return *text == '@' && strchr (text, '{') && strchr (text, ',') && depth == 0;
}

static void
test_source (Check *check)
{
  const LodePlugin *plugin = check->loaded->plugin;

  if (!plugin->reference && !plugin->bibtex)
    return;
  if (!plugin->reference || !plugin->bibtex) {
    check_fail (check, "expected its source both as .reference and .bibtex, found %s alone",
                plugin->reference ? ".reference" : ".bibtex");
    return;
  }
  if (is_line (check, "reference", plugin->reference) && !is_bibtex (plugin->bibtex))
    check_fail (check, "expected .bibtex as @kind{key, …} with braces in pairs, found: %.60s",
                plugin->bibtex);
}

/* The set of words a kind uses, and those that mean something there. */
static bool
words_of (const Check *check, const char **member, uint32_t *found, uint32_t *known)
{
  const void *ops = check->loaded->ops;

  *known = LODE_TEACHER * 2 - 1;
  *member = "needs";
  if (!strcmp (check->kind, "backbone")) {
    *member = "can";
    *found = ((const LodeBackboneOps *) ops)->can;
    *known = LODE_SHARE | LODE_MIX | LODE_SCALE;
  } else if (!strcmp (check->kind, "loss"))
    *found = ((const LodeLossOps *) ops)->needs;
  else if (!strcmp (check->kind, "sampler"))
    *found = ((const LodeSamplerOps *) ops)->needs;
  else if (!strcmp (check->kind, "search"))
    *found = ((const LodeSearchOps *) ops)->needs;
  else if (!strcmp (check->kind, "evaluator"))
    *found = ((const LodeEvaluatorOps *) ops)->needs;
  else if (!strcmp (check->kind, "stage")) {
    *member = "gives";
    *found = ((const LodeStageOps *) ops)->gives;
    *known &= ~(uint32_t) (LODE_SHARE | LODE_MIX | LODE_SCALE);
  } else
    return false;
  return true;
}

static void
test_ports (Check *check, const LodePort *port, const char *side)
{
  for (; port && port->name; port++) {
    if (!*port->name
        || strspn (port->name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen (port->name))
      check_fail (check, "expected ports of lower case, digits and '_', found %s \"%s\"", side,
                  port->name);
    if (port->art < LODE_ART_ARCH || port->art > LODE_ART_FEATURES)
      check_fail (check, "expected a LODE_ART_ at %s port %s, found %u", side, port->name,
                  port->art);
  }
}

static void
test_table (Check *check)
{
  const LodePlugin *plugin = check->loaded->plugin;
  const LodeStageOps *stage = check->loaded->ops;
  const char *member;
  uint32_t found, known;
  size_t size;

  memcpy (&size, plugin->ops, sizeof size);
  if (size > 4096 || size % sizeof (void *))
    check_fail (check, "expected .size = sizeof the vtable, found %zu", size);
  if (words_of (check, &member, &found, &known) && found & ~known)
    check_fail (check, "expected .%s among the words of its kind, found %#x beside them", member,
                found & ~known);
  if (plugin->query && plugin->query ("lode.check.nothing/1"))
    check_fail (check, "expected query to answer NULL to an id that nobody knows, found a table");
  if (!strcmp (check->kind, "stage")) {
    test_ports (check, stage->in, "input");
    test_ports (check, stage->out, "output");
  }
}

const CheckTest check_descriptor_tests[] = {
  { "descriptor/texts", NULL, "has a summary of one line, a license and a version", test_texts },
  { "descriptor/source", NULL, "names its source in one line and as BibTeX, or not at all",
    test_source },
  { "descriptor/table", NULL, "has a vtable of sound size, words and ports", test_table },
  { NULL },
};
