/* SPDX-License-Identifier: Apache-2.0 */
#include "site.h"

#include "error.h"
#include "plugin/option.h"

#include <libconfig.h>
#include <string.h>

#define SITE_FILE "/etc/lode/site.cfg"

static const char *const keys[] = { "threads", "data", "runs", "cache", "trusted_groups", NULL };

void
lode_site_free (LodeSite *site)
{
  if (!site)
    return;
  g_free (site->path);
  g_free (site->data);
  g_free (site->runs);
  g_free (site->cache);
  g_strfreev (site->groups);
  g_free (site);
}

static bool
wrong (const LodeSite *site, unsigned line, const char *what, GError **error)
{
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
               "%s:%u: %s; ask whoever keeps this machine, or set LODE_NO_SITE=1", site->path, line,
               what);
  return false;
}

static bool
take_text (const LodeSite *site, config_setting_t *setting, char **text, GError **error)
{
  const char *found = config_setting_get_string (setting);
  g_autofree char *what = g_strdup_printf ("%s must be a text in quotes", setting->name);

  if (!found)
    return wrong (site, config_setting_source_line (setting), what, error);
  *text = g_strdup (found);
  return true;
}

static bool
take_groups (LodeSite *site, config_setting_t *setting, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);

  for (int i = 0; config_setting_is_aggregate (setting) && i < config_setting_length (setting); i++)
    if (config_setting_get_string_elem (setting, i))
      g_ptr_array_add (names, g_strdup (config_setting_get_string_elem (setting, i)));
  if (!config_setting_is_aggregate (setting) || (int) names->len != config_setting_length (setting))
    return wrong (site, config_setting_source_line (setting),
                  "trusted_groups must be a list of texts: [\"staff\", \"lab\"]", error);
  g_ptr_array_add (names, NULL);
  site->groups = (char **) g_ptr_array_free (g_steal_pointer (&names), FALSE);
  return true;
}

static bool
take (LodeSite *site, config_setting_t *setting, GError **error)
{
  const char *name = setting->name, *near;
  g_autofree char *what = NULL;

  if (!strcmp (name, "data"))
    return take_text (site, setting, &site->data, error);
  if (!strcmp (name, "runs"))
    return take_text (site, setting, &site->runs, error);
  if (!strcmp (name, "cache"))
    return take_text (site, setting, &site->cache, error);
  if (!strcmp (name, "trusted_groups"))
    return take_groups (site, setting, error);
  if (!strcmp (name, "threads")) {
    site->threads = config_setting_get_int (setting);
    return (config_setting_type (setting) == CONFIG_TYPE_INT && site->threads >= 0)
           || wrong (site, config_setting_source_line (setting),
                     "threads must be an integer, 0 for no limit", error);
  }
  near = lode_nearest (name, keys);
  what = g_strdup_printf ("there is no setting \"%s\"%s%s%s", name, near ? "; did you mean \"" : "",
                          near ? near : "", near ? "\"?" : "");
  return wrong (site, config_setting_source_line (setting), what, error);
}

static bool
read_file (LodeSite *site, GError **error)
{
  config_t config;
  bool ok;

  config_init (&config);
  ok = config_read_file (&config, site->path)
       || wrong (site, (unsigned) config_error_line (&config), config_error_text (&config), error);
  for (int i = 0; ok && i < config_setting_length (config_root_setting (&config)); i++)
    ok = take (site, config_setting_get_elem (config_root_setting (&config), (unsigned) i), error);
  config_destroy (&config);
  return ok;
}

LodeSite *
lode_site_read (GError **error)
{
  g_autoptr (LodeSite) site = g_new0 (LodeSite, 1);
  const char *file = g_getenv ("LODE_SITE"), *none = g_getenv ("LODE_NO_SITE");

  if (!file || !*file)
    file = SITE_FILE;
  if ((none && *none) || !g_file_test (file, G_FILE_TEST_EXISTS))
    return g_steal_pointer (&site);
  site->path = g_strdup (file);
  return read_file (site, error) ? g_steal_pointer (&site) : NULL;
}
