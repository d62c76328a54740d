/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing metrics.jsonl.
 */
#include "run/journal.h"

#include "error.h"
#include "run/json.h"
#include "run/lines.h"

#include <inttypes.h>
#include <string.h>

struct LodeJournal {
  LodeLines lines;
  GPtrArray *names; /* char *, of the values */
  GArray *values;   /* double */
};

static bool
cut (LodeLines *lines, uint64_t position, GError **error)
{
  char last = '\n';

  if (lines->size < position) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "%s has %" PRIu64 " bytes, the checkpoint was written at %" PRIu64
                 ": it was cut or replaced; put the file back or start in another folder",
                 lines->path, lines->size, position);
    return false;
  }
  if (position && !lode_lines_byte (lines, position - 1, &last, error))
    return false;
  if (last != '\n') {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "byte %" PRIu64 " of %s, where the checkpoint was written, does not end a line: it"
                 " is another file; put the right one back or start in another folder",
                 position, lines->path);
    return false;
  }
  return lode_lines_cut (lines, position, error);
}

LodeJournal *
lode_journal_open (const char *path, uint64_t position, GError **error)
{
  LodeJournal *journal;
  LodeLines lines;

  if (!lode_lines_open (&lines, path, error))
    return NULL;
  if (!cut (&lines, position, error)) {
    lode_lines_close (&lines);
    return NULL;
  }
  journal = g_new0 (LodeJournal, 1);
  journal->lines = lines;
  journal->names = g_ptr_array_new_with_free_func (g_free);
  journal->values = g_array_new (FALSE, FALSE, sizeof (double));
  return journal;
}

void
lode_journal_close (LodeJournal *journal)
{
  if (!journal)
    return;
  lode_lines_close (&journal->lines);
  g_ptr_array_unref (journal->names);
  g_array_unref (journal->values);
  g_free (journal);
}

void
lode_journal_value (LodeJournal *journal, const char *name, double value)
{
  g_autofree char *valid = g_utf8_make_valid (name, -1);
  guint at;

  if (g_ptr_array_find_with_equal_func (journal->names, valid, g_str_equal, &at)) {
    g_array_index (journal->values, double, at) = value;
    return;
  }
  g_ptr_array_add (journal->names, g_steal_pointer (&valid));
  g_array_append_val (journal->values, value);
}

static void
put_text (GString *line, const char *name, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text ? text : "", -1);

  g_string_append_printf (line, "\"%s\":", name);
  lode_json_put_text (line, valid);
  g_string_append_c (line, ',');
}

static void
put_number (GString *line, const char *name, double value)
{
  g_string_append_printf (line, "\"%s\":", name);
  lode_json_put_number (line, value);
  g_string_append_c (line, ',');
}

static void
put_count (GString *line, const char *name, uint64_t value)
{
  g_string_append_printf (line, "\"%s\":%" PRIu64 ",", name, value);
}

/* Measured times take the same room whatever they are, so that equal runs have equal lengths here
 * and equal positions in their checkpoints. */
static void
put_seconds (GString *line, const char *name, double value)
{
  char digits[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_formatd (digits, sizeof digits, "%.3f", value);
  g_string_append_printf (line, "\"%s\":%12s,", name, digits);
}

static void
put_ledger (GString *line, const LodeLedger *ledger)
{
  put_count (line, "samples", ledger->samples);
  put_count (line, "distinct", ledger->distinct);
  put_count (line, "labels", ledger->labels);
  put_count (line, "macs", ledger->macs);
  put_count (line, "scores", ledger->scores);
  put_seconds (line, "cpu_s", ledger->cpu);
  put_seconds (line, "wall_s", ledger->wall);
  if (ledger->simulated > 0)
    put_number (line, "simulated_s", ledger->simulated);
}

static void
put_values (GString *line, LodeJournal *journal)
{
  g_string_append (line, "\"values\":{");
  for (guint i = 0; i < journal->names->len; i++) {
    g_string_append (line, i ? "," : "");
    lode_json_put_text (line, journal->names->pdata[i]);
    g_string_append_c (line, ':');
    lode_json_put_number (line, g_array_index (journal->values, double, i));
  }
  g_string_append (line, "}}\n");
  g_ptr_array_set_size (journal->names, 0);
  g_array_set_size (journal->values, 0);
}

bool
lode_journal_line (LodeJournal *journal, const char *stage, uint64_t step, double epoch,
                   const char *phase, const LodeLedger *ledger, GError **error)
{
  g_autoptr (GString) line = g_string_new ("{");

  if (!journal->names->len)
    return true;
  put_text (line, "stage", stage);
  put_count (line, "step", step);
  put_number (line, "epoch", epoch);
  put_text (line, "phase", phase);
  put_ledger (line, ledger);
  put_values (line, journal);
  return lode_lines_add (&journal->lines, line->str, line->len, error);
}

bool
lode_journal_sync (LodeJournal *journal, uint64_t *position, GError **error)
{
  *position = journal->lines.size;
  return lode_lines_sync (&journal->lines, error);
}
