/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.json: what a run says of itself to whoever looks at it from outside.
 */
#include "error.h"
#include "run/folder-private.h"
#include "run/json.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define BYTES_MAX 65536

static const char *const names[] = { "queued", "running", "checkpointed", "done", "failed" };

const char *
lode_status_name (LodeStatus status)
{
  return names[status];
}

static void
put (GString *text, const char *name, const char *value)
{
  g_autofree char *valid = g_utf8_make_valid (value ? value : "", -1);

  g_string_append_printf (text, "\"%s\": ", name);
  lode_json_put_text (text, valid);
  g_string_append (text, ",\n  ");
}

bool
lode_folder_status (LodeFolder *folder, LodeStatus status, const char *stage, double done,
                    const char *message, GError **error)
{
  g_autoptr (GString) text = g_string_new ("{ ");
  LodeHolder self;

  lode_holder_self (&self);
  if (!folder->begun) {
    folder->begun = self.since / G_USEC_PER_SEC;
    folder->first = done;
  }
  put (text, "status", names[status]);
  put (text, "stage", stage);
  g_string_append (text, "\"done\": ");
  lode_json_put_number (text, done);
  g_string_append_printf (text,
                          ",\n  \"begun\": %" G_GINT64_FORMAT ",\n  \"first\": ", folder->begun);
  lode_json_put_number (text, folder->first);
  g_string_append (text, ",\n  ");
  put (text, "message", message);
  put (text, "host", self.host);
  g_string_append_printf (text,
                          "\"pid\": %" G_GINT64_FORMAT ",\n  \"updated\": %" G_GINT64_FORMAT " }\n",
                          self.pid, self.since / G_USEC_PER_SEC);
  return lode_folder_write (folder, LODE_STATUS_FILE, text->str, text->len, error);
}

static void
read_status (LodeScan *scan, LodeStatus *status)
{
  g_autofree char *text = lode_scan_text (scan);

  for (size_t i = 0; text && i < G_N_ELEMENTS (names); i++)
    if (!strcmp (text, names[i])) {
      *status = (LodeStatus) i;
      return;
    }
  lode_scan_wrong (scan, "an unknown status");
}

static void
read_member (LodeScan *scan, const char *name, LodeStatusInfo *info)
{
  if (!strcmp (name, "status"))
    read_status (scan, &info->status);
  else if (!strcmp (name, "stage"))
    lode_scan_copy (scan, info->stage, sizeof info->stage);
  else if (!strcmp (name, "message"))
    lode_scan_copy (scan, info->message, sizeof info->message);
  else if (!strcmp (name, "host"))
    lode_scan_copy (scan, info->host, sizeof info->host);
  else if (!strcmp (name, "pid"))
    lode_scan_int64 (scan, &info->pid);
  else if (!strcmp (name, "updated"))
    lode_scan_int64 (scan, &info->updated);
  else if (!strcmp (name, "begun"))
    lode_scan_int64 (scan, &info->begun);
  else if (!strcmp (name, "done"))
    lode_scan_number (scan, &info->done);
  else if (!strcmp (name, "first"))
    lode_scan_number (scan, &info->first);
  else
    lode_scan_skip (scan);
}

static bool
parse (const char *path, const char *text, size_t n, LodeStatusInfo *info, GError **error)
{
  LodeScan scan = lode_scan_begin (text, n);
  bool known = false;
  char *name;

  lode_scan_enter (&scan, '{');
  while (lode_scan_member (&scan, &name)) {
    known |= !strcmp (name, "status");
    read_member (&scan, name, info);
    g_free (name);
  }
  if (lode_scan_end (&scan) && !known)
    lode_scan_wrong (&scan, "no status");
  if (scan.wrong)
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "%s cannot be read: %s at byte %td; the run itself may be fine", path, scan.wrong,
                 scan.at - scan.begin);
  info->done = isnan (info->done) ? 0 : CLAMP (info->done, 0, 1);
  info->first = isnan (info->first) ? 0 : CLAMP (info->first, 0, 1);
  return !scan.wrong;
}

bool
lode_folder_read_status (const char *folder, LodeStatusInfo *info, GError **error)
{
  g_autofree char *path = g_build_filename (folder, LODE_STATUS_FILE, NULL), *text = NULL;
  LodeHolder holder;
  size_t n;

  *info = (LodeStatusInfo){ .status = LODE_STATUS_QUEUED };
  if (access (path, F_OK) && (errno == ENOENT || errno == ENOTDIR))
    return false;
  text = lode_file_read (path, BYTES_MAX, &n, error);
  if (!text || !parse (path, text, n, info, error))
    return false;
  info->held = lode_hold_look (folder, &holder);
  if (info->held)
    info->updated = MAX (info->updated, holder.beat);
  return true;
}
