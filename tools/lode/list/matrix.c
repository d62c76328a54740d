/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which plugins go together, from lode_combination_check alone. A pair is legal where some backbone
 * makes it so; the reason against it is that of the backbone which comes closest (the first that
 * the search itself goes with).
 */
#include "list.h"

#include <lode/lode.h>
#include <string.h>

static const char *const partners[] = { "backbone", "loss", "sampler", "evaluator" };

typedef struct Matrix {
  GPtrArray *searches, *backbones; /* const LodeLoaded * */
  GPtrArray *partner[G_N_ELEMENTS (partners)];
  const LodeLoaded *stage; /* or NULL: everything is given */
} Matrix;

/* Loads again here what the child has found to load. */
static GPtrArray *
load_kind (LodeRegistry *registry, GPtrArray *probed, const char *kind)
{
  GPtrArray *all = g_ptr_array_new ();

  for (guint i = 0; i < probed->len; i++) {
    const LodeProbed *one = probed->pdata[i];
    const LodeLoaded *loaded = one->error || strcmp (one->kind, kind)
                                   ? NULL
                                   : lode_registry_load (registry, kind, one->name, NULL);

    if (loaded)
      g_ptr_array_add (all, (gpointer) loaded);
  }
  return all;
}

static char *
check_with (const Matrix *matrix, const LodeLoaded *search, guint kind, const LodeLoaded *other,
            const LodeLoaded *backbone)
{
  return lode_combination_check (search, kind == 2 ? other : NULL, kind == 1 ? other : NULL,
                                 backbone, kind == 3 ? other : NULL, matrix->stage);
}

/* NULL: legal; else why not (transfer full). */
static char *
check_pair (const Matrix *matrix, const LodeLoaded *search, guint kind, const LodeLoaded *other)
{
  g_autofree char *first = NULL, *closest = NULL;

  if (kind == 0)
    return check_with (matrix, search, kind, NULL, other);
  for (guint i = 0; i < matrix->backbones->len; i++) {
    const LodeLoaded *backbone = matrix->backbones->pdata[i];
    g_autofree char *wrong = check_with (matrix, search, kind, other, backbone);
    g_autofree char *alone = wrong ? check_with (matrix, search, 0, NULL, backbone) : NULL;

    if (!wrong)
      return NULL;
    if (!alone && !closest)
      closest = g_steal_pointer (&wrong);
    else if (!first)
      first = g_steal_pointer (&wrong);
  }
  if (closest)
    return g_steal_pointer (&closest);
  return first ? g_steal_pointer (&first) : g_strdup ("no backbone loads");
}

static void
add_header (GPtrArray *cells, const char *kind, GPtrArray *others)
{
  g_autofree char *title = g_strdup_printf ("search × %s", kind);

  g_ptr_array_add (cells, lode_paint (stdout, 1, title));
  for (guint i = 0; i < others->len; i++)
    g_ptr_array_add (cells, g_strdup (((const LodeLoaded *) others->pdata[i])->plugin->name));
}

static void
add_row (const Matrix *matrix, const LodeLoaded *search, guint kind, GPtrArray *cells,
         GPtrArray *reasons)
{
  GPtrArray *others = matrix->partner[kind];

  g_ptr_array_add (cells, g_strdup (search->plugin->name));
  for (guint i = 0; i < others->len; i++) {
    g_autofree char *wrong = check_pair (matrix, search, kind, others->pdata[i]);

    g_ptr_array_add (cells, wrong ? lode_paint (stdout, 31, "no") : lode_paint (stdout, 32, "yes"));
    if (wrong && !g_ptr_array_find_with_equal_func (reasons, wrong, g_str_equal, NULL))
      g_ptr_array_add (reasons, g_steal_pointer (&wrong));
  }
}

static void
print_tables (const Matrix *matrix)
{
  g_autoptr (GPtrArray) reasons = g_ptr_array_new_with_free_func (g_free);

  for (guint kind = 0; kind < G_N_ELEMENTS (partners); kind++) {
    g_autoptr (GPtrArray) cells = g_ptr_array_new_with_free_func (g_free);

    add_header (cells, partners[kind], matrix->partner[kind]);
    for (guint i = 0; i < matrix->searches->len; i++)
      add_row (matrix, matrix->searches->pdata[i], kind, cells, reasons);
    if (kind)
      putchar ('\n');
    lode_columns_print (matrix->partner[kind]->len + 1, cells);
  }
  if (reasons->len)
    puts ("\nwhy not:");
  for (guint i = 0; i < reasons->len; i++)
    printf ("  %s\n", (const char *) reasons->pdata[i]);
}

static void
add_pair (const Matrix *matrix, JsonBuilder *json, const LodeLoaded *search, guint kind,
          const LodeLoaded *other)
{
  g_autofree char *wrong = check_pair (matrix, search, kind, other);

  json_builder_begin_object (json);
  lode_json_text (json, "search", search->plugin->name);
  lode_json_text (json, "kind", partners[kind]);
  lode_json_text (json, "name", other->plugin->name);
  json_builder_set_member_name (json, "legal");
  json_builder_add_boolean_value (json, !wrong);
  lode_json_text (json, "why", wrong);
  json_builder_end_object (json);
}

static void
print_json (const Matrix *matrix)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();

  json_builder_begin_array (json);
  for (guint i = 0; i < matrix->searches->len; i++)
    for (guint kind = 0; kind < G_N_ELEMENTS (partners); kind++)
      for (guint j = 0; j < matrix->partner[kind]->len; j++)
        add_pair (matrix, json, matrix->searches->pdata[i], kind, matrix->partner[kind]->pdata[j]);
  json_builder_end_array (json);
  lode_json_print (json_builder_get_root (json));
}

int
lode_list_matrix (LodeRegistry *registry, GPtrArray *probed, const char *stage, bool as_json)
{
  g_autoptr (GPtrArray) searches = load_kind (registry, probed, "search");
  Matrix matrix = { .searches = searches };
  GError *error = NULL;

  matrix.stage = lode_registry_load (registry, "stage", stage, &error);
  if (!matrix.stage)
    return lode_fail (error);
  for (guint kind = 0; kind < G_N_ELEMENTS (partners); kind++)
    matrix.partner[kind] = load_kind (registry, probed, partners[kind]);
  matrix.backbones = matrix.partner[0];
  if (as_json)
    print_json (&matrix);
  else
    print_tables (&matrix);
  for (guint kind = 0; kind < G_N_ELEMENTS (partners); kind++)
    g_ptr_array_unref (matrix.partner[kind]);
  return LODE_EXIT_DONE;
}
