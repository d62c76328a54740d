/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor.h"

#include "compute/kernels/kernels.h"
#include "compute/threads.h"

#include <cblas.h>
#include <locale.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

static char **
levels (void)
{
  GPtrArray *names = g_ptr_array_new ();

  for (uint32_t i = 0; lode_kernels_at (i); i++)
    g_ptr_array_add (names, g_strdup (lode_kernels_at (i)->isa));
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (names, FALSE);
}

static void
look_processor (Doctor *doctor)
{
  const char *isa = g_getenv ("LODE_ISA"), *why = NULL;
  const LodeKernels *kernels = lode_kernels_choose (isa, &why);
  g_auto (GStrv) can = levels ();
  g_autofree char *all = g_strjoinv (", ", can);
  bool pinned = isa && *isa;

  lode_json_text (doctor->json, "isa", kernels ? kernels->isa : NULL);
  lode_json_text (doctor->json, "lode_isa", pinned ? isa : NULL);
  doctor_texts (doctor, "isa_levels", can);
  if (kernels)
    doctor_line (doctor, "processor", "kernels for %s%s; can run %s", kernels->isa,
                 pinned ? " (LODE_ISA)" : "", all);
  else {
    doctor_line (doctor, "processor", "no kernels: LODE_ISA=%s; can run %s", isa, all);
    doctor_advise (doctor, LODE_EXIT_USAGE, "LODE_ISA=%s: %s", isa, why);
  }
}

static void
look_blas (Doctor *doctor)
{
  g_auto (GStrv) part = g_strsplit (openblas_get_config (), " ", 3);
  const char *version = part[0] && part[1] ? part[1] : "?";

  lode_json_text (doctor->json, "blas", "OpenBLAS");
  lode_json_text (doctor->json, "blas_version", version);
  lode_json_text (doctor->json, "blas_core", openblas_get_corename ());
  doctor_line (doctor, "BLAS", "OpenBLAS %s, core %s", version, openblas_get_corename ());
}

typedef struct Limit {
  const char *name;
  gint64 processors; /* 0: no limit */
} Limit;

static void
look_threads (Doctor *doctor)
{
  g_autofree char *groups = NULL;
  cpu_set_t set;
  bool affine = sched_getaffinity (0, sizeof set, &set) == 0;
  bool grouped = g_file_get_contents ("/proc/self/cgroup", &groups, NULL, NULL);
  uint32_t quota = grouped ? lode_threads_quota ("/sys/fs/cgroup", groups) : UINT32_MAX;
  gint64 site = doctor->site ? doctor->site->threads : 0, use = lode_threads_available ();
  Limit limits[] = { { "processors online", sysconf (_SC_NPROCESSORS_ONLN) },
                     { "affinity", affine ? CPU_COUNT (&set) : 0 },
                     { "cgroup quota", quota == UINT32_MAX ? 0 : quota },
                     { "site", site } };
  static const char *const members[] = { "online", "affinity", "quota", "site_limit" };
  g_autoptr (GString) why = g_string_new (NULL);

  if (site > 0)
    use = MIN (use, site);
  doctor_number (doctor, "threads", use);
  json_builder_set_member_name (doctor->json, "threads_why");
  json_builder_begin_object (doctor->json);
  for (size_t i = 0; i < G_N_ELEMENTS (limits); i++) {
    json_builder_set_member_name (doctor->json, members[i]);
    if (limits[i].processors > 0)
      json_builder_add_int_value (doctor->json, limits[i].processors);
    else
      json_builder_add_null_value (doctor->json);
    g_string_append_printf (why, "%s%s ", i ? ", " : "", limits[i].name);
    if (limits[i].processors > 0)
      g_string_append_printf (why, "%" G_GINT64_FORMAT, limits[i].processors);
    else
      g_string_append (why, "none");
  }
  json_builder_end_object (doctor->json);
  doctor_line (doctor, "threads", "%" G_GINT64_FORMAT ", the least of: %s", use, why->str);
}

static void
look_locale (Doctor *doctor)
{
  const char *name = setlocale (LC_CTYPE, NULL), *charset = NULL;
  bool utf8 = g_get_charset (&charset);

  lode_json_text (doctor->json, "locale", name);
  doctor_flag (doctor, "utf8", utf8);
  doctor_line (doctor, "locale", "%s, %s; numbers have a point in every locale", name, charset);
  if (!utf8)
    doctor_advise (doctor, LODE_EXIT_DONE,
                   "the locale's letters are not UTF-8, so some may look wrong: set LANG=C.UTF-8");
}

static void
look_dot (Doctor *doctor)
{
  g_autofree char *dot = g_find_program_in_path ("dot");

  lode_json_text (doctor->json, "dot", dot);
  doctor_line (doctor, "graphviz", "%s", dot ? dot : "no dot");
  if (!dot)
    doctor_advise (doctor, LODE_EXIT_DONE,
                   "there is no dot, so no pictures of architectures: apt-get install graphviz");
}

void
doctor_look_machine (Doctor *doctor)
{
  look_processor (doctor);
  look_blas (doctor);
  look_threads (doctor);
  look_locale (doctor);
  look_dot (doctor);
}
