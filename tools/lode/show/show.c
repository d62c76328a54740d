/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `lode show`: one plugin in full. It is tried in a child process first, so that one that crashes
 * is reported rather than suffered.
 */
#include "show.h"

#include "plugin/probe.h"
#include "verbs.h"

#include <string.h>

static gboolean as_json;

static const GOptionEntry options[] = { { "json", 'j', 0, G_OPTION_ARG_NONE, &as_json,
                                          "Print JSON instead of text", NULL },
                                        G_OPTION_ENTRY_NULL };

static const LodeUsage usage = {
  "KIND/NAME | FILE.so",
  "Describes a plugin: what it is and needs, its options with type, default, range and unit,\n"
  "the source of its method, its file and the file's sha256. An option is set in the group of\n"
  "the plugin's name: search = { type = \"NAME\"; NAME = { OPTION = VALUE; }; };",
  "Exit codes: 0; 2 for a name that is no KIND/NAME; 4 where there is no such plugin or it does\n"
  "not load.\n\n"
  "Examples:\n"
  "  lode show loss/ce\n"
  "  lode show search/random --json\n"
  "  lode show build/plugins/sampler_uniform.so",
  options, true
};

/* "kind/name" (transfer full) of what was asked for; a file is added to the registry's. */
static char *
id_of (LodeRegistry *registry, const char *word, int *code)
{
  const char *slash = strchr (word, '/');
  GError *error = NULL;

  if (g_str_has_suffix (word, ".so")) {
    char *id = lode_registry_name_file (registry, word, &error);

    if (!id)
      *code = lode_fail (error);
    return id;
  }
  if (slash && slash != word && slash[1] && !strchr (slash + 1, '/'))
    return g_strdup (word);
  *code = lode_usage_error ("\"%s\" is not KIND/NAME, like loss/ce; `lode list` names them", word);
  return NULL;
}

static const LodeLoaded *
load (LodeRegistry *registry, const char *id, GError **error)
{
  g_auto (GStrv) part = g_strsplit (id, "/", 2);
  g_autoptr (GPtrArray) probed =
      lode_registry_probe (registry, (const char *[]){ id, NULL }, error);
  LodeProbed *one = probed ? probed->pdata[0] : NULL;

  if (!one)
    return NULL;
  if (one->error) {
    g_propagate_error (error, g_steal_pointer (&one->error));
    return NULL;
  }
  return lode_registry_load (registry, part[0], part[1], error);
}

static int
show (LodeRegistry *registry, const char *id)
{
  GError *error = NULL;
  const LodeLoaded *loaded = load (registry, id, &error);
  g_autofree char *sha256 = loaded ? lode_file_sha256 (loaded->path, &error) : NULL;

  if (!sha256)
    return lode_fail (error);
  if (as_json)
    lode_show_json (loaded, sha256);
  else
    lode_show_text (loaded, sha256);
  return LODE_EXIT_DONE;
}

int
lode_verb_show (int argc, char **argv)
{
  g_autoptr (LodeRegistry) registry = NULL;
  g_autofree char *id = NULL;
  int code;

  if (!lode_usage_parse (&usage, &argc, &argv, &code))
    return code;
  if (argc != 2)
    return lode_usage_error ("show wants one KIND/NAME, found %d; `lode list` names them",
                             argc - 1);
  registry = lode_command_registry ();
  id = id_of (registry, argv[1], &code);
  return id ? show (registry, id) : code;
}
