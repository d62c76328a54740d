/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/pin.h"

#include "plugin/load.h"

struct LodePin {
  char *version, *sha256;
};

LodePin *
lode_pin_new (const char *version, const char *sha256)
{
  LodePin *pin = g_new0 (LodePin, 1);

  pin->version = g_strdup (version);
  pin->sha256 = g_strdup (sha256);
  return pin;
}

void
lode_pin_free (LodePin *pin)
{
  if (!pin)
    return;
  g_free (pin->version);
  g_free (pin->sha256);
  g_free (pin);
}

bool
lode_pin_check_file (const LodePin *pin, const char *path, GError **error)
{
  g_autofree char *found = NULL;
  g_autoptr (GError) unread = NULL;

  if (!pin || !pin->sha256)
    return true;
  found = lode_file_sha256 (path, &unread);
  if (found && !g_ascii_strcasecmp (found, pin->sha256))
    return true;
  lode_plugin_refuse (error, LODE_PLUGIN_ERROR_PINNED, path,
                      "the configuration pins its sha256 to %s, found %s; take the file that was "
                      "pinned, or change the pin",
                      pin->sha256, found ? found : unread->message);
  return false;
}

bool
lode_pin_check_version (const LodePin *pin, const LodeLoaded *loaded, GError **error)
{
  if (!pin || !pin->version || !g_strcmp0 (pin->version, loaded->plugin->version))
    return true;
  lode_plugin_refuse (error, LODE_PLUGIN_ERROR_PINNED, loaded->path,
                      "the configuration pins its version to %s, found %s; take the version that "
                      "was pinned, or change the pin",
                      pin->version, loaded->plugin->version);
  return false;
}
