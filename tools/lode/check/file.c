/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group `file`: the shared object itself, before anything of it runs. That it loads at all, with
 * the right name and ABI, is the loader's business and has been seen when these tests run.
 */
#include "check.h"

#include "memory.h"
#include "plugin/elf.h"
#include "plugin/load.h"
#include "symbols.h"

#include <string.h>

/* A plugin that links one of these brings a second copy of what is the core's: threads that nobody
 * counts, or bits that depend on them. */
static const char *const refused[] = { "libopenblas", "libblas",  "libcblas", "liblapack",
                                       "libmkl",      "libatlas", "libblis",  "libflexiblas",
                                       "libgomp",     "libomp",   "libiomp",  "liblode",
                                       "libtbb" };

static void
test_libraries (Check *check)
{
  const char *why = NULL;
  g_auto (GStrv) needed = lode_elf_needed (check->loaded->path, &why);

  if (!needed) {
    check_fail (check, "%s", why);
    return;
  }
  for (char **library = needed; *library; library++) {
    g_autofree char *kind = NULL, *name = NULL;

    if (lode_plugin_split (*library, &kind, &name))
      check_fail (check, "it links %s: expected no other plugin among its libraries", *library);
    for (size_t i = 0; i < G_N_ELEMENTS (refused); i++)
      if (g_str_has_prefix (*library, refused[i]))
        check_fail (check,
                    "it links %s: expected libc, libm, GLib and what the method cannot do without, "
                    "never BLAS, OpenMP or liblode; ask the host instead",
                    *library);
  }
}

static void
test_exports (Check *check)
{
  Symbols symbols;
  g_autofree char *others = NULL;
  guint found = 0;

  if (!symbols_read (check->loaded->path, &symbols)) {
    check_fail (check, "its table of symbols cannot be read");
    return;
  }
  for (guint i = 0; i < symbols.exported->len; i++) {
    const char *name = g_ptr_array_index (symbols.exported, i);

    if (!strcmp (name, "lode_plugin"))
      found++;
    else if (!g_str_has_prefix (name, "_") && !others) /* a toolchain's own begin so */
      others = g_strdup (name);
  }
  if (found != 1 || others)
    check_fail (check,
                "expected it to export lode_plugin alone, found %s too; build it with "
                "-fvisibility=hidden",
                others ? others : "something else");
  symbols_clear (&symbols);
}

/* The host never closes a plugin; GLib's types and quarks inside it would outlive it. */
static void
test_stays (Check *check)
{
  Symbols symbols;

  if (!symbols_read (check->loaded->path, &symbols)) {
    check_fail (check, "its dynamic section cannot be read");
    return;
  }
  if (!symbols.stays)
    check_fail (check, "expected the flag NODELETE, found none; link it with -Wl,-z,nodelete");
  if (symbols.relocates_text)
    check_fail (check, "it has relocations in its code; compile it with -fPIC");
  symbols_clear (&symbols);
}

/* This test runs right behind loading: whatever is there beside the one thread came with it. */
static void
test_quiet (Check *check)
{
  Held held = memory_held ();

  if (!memory_is_watched () && held.threads > 1)
    check_fail (check, "expected 1 thread after loading it, found %u; a plugin starts none",
                held.threads);
}

const CheckTest check_file_tests[] = {
  { "file/libraries", NULL, "links no BLAS, OpenMP, liblode or other plugin", test_libraries },
  { "file/exports", NULL, "exports lode_plugin and nothing else", test_exports },
  { "file/stays", NULL, "is linked never to be unloaded", test_stays },
  { "file/quiet", NULL, "starts no thread and prints nothing when it is loaded", test_quiet },
  { NULL },
};
