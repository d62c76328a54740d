/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a run came from: its configuration, plugins, machine, and the papers it rests on.
 */
#include "format.h"
#include "page.h"

#include <string.h>

/* "path = value    origin"; a value may hold blanks, an origin has no four of them. */
static void
put_origin (Page *page, const char *line)
{
  const char *is = strstr (line, " = "), *origin = is ? g_strrstr (is, "    ") : NULL;
  g_autofree char *path = NULL, *value = NULL;

  if (!origin)
    return;
  path = g_strndup (line, (gsize) (is - line));
  value = g_strndup (is + 3, (gsize) MAX (origin - is - 3, 0));
  report_html (page->out,
               "<tr><th scope=\"row\"><code>$</code></th><td class=\"text\"><code>$</code></td>"
               "<td class=\"text\">$</td></tr>\n",
               path, value, origin + 4);
}

/* What somebody has set: everything but defaults. */
static void
put_origins (Page *page)
{
  g_auto (GStrv) line = g_strsplit (page->report->origins ? page->report->origins : "", "\n", -1);

  if (!page->report->origins)
    return;
  g_string_append (page->out, "<details>\n<summary>What was set, and where</summary>\n");
  page_table (page, NULL, "Setting|Value|From");
  for (char **at = line; *at; at++)
    if (!g_str_has_suffix (*at, "    default"))
      put_origin (page, *at);
  page_table_end (page);
  g_string_append (page->out, "</details>\n");
}

static void
put_file (Page *page, const char *summary, const char *text)
{
  if (text)
    report_html (page->out,
                 "<details>\n<summary>$</summary>\n<pre tabindex=\"0\">$</pre>\n</details>\n",
                 summary, text);
}

/* Members that are a text or a number, whatever they are. */
static void
put_facts (Page *page, JsonObject *env)
{
  g_autoptr (GList) names = json_object_get_members (env);

  page_table (page, NULL, "Property|Value");
  for (GList *name = names; name; name = name->next) {
    JsonNode *node = json_object_get_member (env, name->data);
    g_autofree char *text = NULL;

    if (!JSON_NODE_HOLDS_VALUE (node))
      continue;
    text = json_node_get_value_type (node) == G_TYPE_STRING ? g_strdup (json_node_get_string (node))
                                                            : json_to_string (node, FALSE);
    report_html (page->out, "<tr><th scope=\"row\">$</th><td class=\"text\">$</td></tr>\n",
                 (const char *) name->data, text);
  }
  page_table_end (page);
}

static JsonObject *
element_object (JsonArray *array, guint i)
{
  JsonNode *node = json_array_get_element (array, i);

  return JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static void
put_plugins (Page *page, JsonArray *plugins)
{
  page_table (page, "Plugins", "Kind|Name|Version|sha256|File");
  for (guint i = 0; i < json_array_get_length (plugins); i++) {
    JsonObject *plugin = element_object (plugins, i);
    const char *digest = report_member_text (plugin, "sha256");
    g_autofree char *start = digest ? g_strndup (digest, 12) : NULL;

    report_html (page->out,
                 "<tr><th scope=\"row\">$</th><td class=\"text\">$</td><td class=\"text\">$</td>",
                 report_member_text (plugin, "kind"), report_member_text (plugin, "name"),
                 report_member_text (plugin, "version"));
    report_html (page->out,
                 "<td class=\"text\"><code title=\"$\">$</code></td>"
                 "<td class=\"text\"><code>$</code></td></tr>\n",
                 digest, start, report_member_text (plugin, "path"));
  }
  page_table_end (page);
}

static void
put_references (Page *page, JsonArray *references)
{
  g_string_append (page->out, "<h2>References</h2>\n<ul>\n");
  for (guint i = 0; i < json_array_get_length (references); i++) {
    JsonNode *node = json_array_get_element (references, i);

    if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
      report_html (page->out, "<li>$</li>\n", json_node_get_string (node));
  }
  g_string_append (page->out, "</ul>\n");
}

void
page_environment (Page *page)
{
  const Report *report = page->report;
  JsonArray *plugins = report_member_array (report->env, "plugins");
  JsonArray *references = report_member_array (report->env, "references");

  if (report->config || report->origins)
    g_string_append (page->out, "<h2>Configuration</h2>\n");
  put_origins (page);
  put_file (page, "The resolved configuration (config.cfg)", report->config);
  put_file (page, "Every value, and where it came from (overrides.txt)", report->origins);
  if (report->env) {
    g_string_append (page->out, "<h2>Environment</h2>\n");
    put_facts (page, report->env);
  }
  if (plugins)
    put_plugins (page, plugins);
  if (references && json_array_get_length (references))
    put_references (page, references);
}
