/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where this program is installed.
 */
#include "installed.h"

char *
lode_installed (const char *folder)
{
  g_autofree char *program = NULL, *bin = NULL, *above = NULL;

  if (g_path_is_absolute (folder))
    return g_strdup (folder);
  program = g_file_read_link ("/proc/self/exe", NULL);
  if (!program)
    return NULL;
  bin = g_path_get_dirname (program);
  above = g_path_get_dirname (bin);
  return g_build_filename (above, folder, NULL);
}

char *
lode_installed_or_built (const char *folder, const char *built)
{
  g_autofree char *ninja = lode_installed ("build.ninja");

  return lode_installed (ninja && g_file_test (ninja, G_FILE_TEST_EXISTS) ? built : folder);
}
