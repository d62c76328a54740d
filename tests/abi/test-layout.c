/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of the plugin interface is as layout.def has it: what moves a member breaks every
 * plugin that was built before. A change that is meant raises LODE_ABI_MINOR and is written down by
 * write-layout.py.
 */
#include <lode/lode.h>

typedef struct Pin {
  const char *what, *member; /* member: NULL for a structure or a constant */
  long long offset, size;    /* of a constant: its value, 0 */
  long long expected_offset, expected_size;
} Pin;

#define ABI(major, minor)                                                                          \
  { "LODE_ABI_MAJOR, LODE_ABI_MINOR", NULL, LODE_ABI_MAJOR, LODE_ABI_MINOR, major, minor },
#define STRUCT(Name, bytes) { #Name, NULL, 0, sizeof (struct Name), 0, bytes },
#define MEMBER(Name, member, at, bytes)                                                             \
  {                                                                                                 \
    #Name, #member, offsetof (struct Name, member), sizeof (((struct Name *) 0)->member), at, bytes \
  },
#define CONSTANT(name, value) { #name, NULL, name, 0, value, 0 },

static const Pin pins[] = {
#include "layout.def"
};

static void
test_layout (void)
{
  guint moved = 0;

  if (sizeof (void *) != 8) {
    g_test_skip ("layout.def is of 64-bit machines");
    return;
  }
  for (gsize i = 0; i < G_N_ELEMENTS (pins); i++) {
    const Pin *pin = &pins[i];

    if (pin->offset == pin->expected_offset && pin->size == pin->expected_size)
      continue;
    g_printerr ("%s%s%s: expected %lld (%lld), found %lld (%lld)\n", pin->what,
                pin->member ? "." : "", pin->member ? pin->member : "", pin->expected_offset,
                pin->expected_size, pin->offset, pin->size);
    moved++;
  }
  g_assert_cmpuint (G_N_ELEMENTS (pins), >, 300);
  g_assert_cmpuint (moved, ==, 0);
}

/* The 16 bytes that no version of the interface may ever move. */
static void
test_head (void)
{
  static const LodePlugin plugin = { LODE_PLUGIN_HEAD };
  static const unsigned char magic[] = { 'L', 'O', 'D', 'E' };

  g_assert_cmpmem (&plugin.magic, 4, magic, 4);
  g_assert_cmpuint (offsetof (LodePlugin, abi_major), ==, 4);
  g_assert_cmpuint (offsetof (LodePlugin, abi_minor), ==, 6);
  g_assert_cmpuint (offsetof (LodePlugin, size), ==, 8);
  g_assert_cmpuint (offsetof (LodePlugin, build), ==, 12);
  g_assert_cmpuint (offsetof (LodePlugin, kind), ==, 16);
}

/* What the host copies by size has its size in front. */
static void
test_sizes_first (void)
{
  guint sized = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (pins); i++)
    if (pins[i].member && g_str_equal (pins[i].member, "size")
        && !g_str_equal (pins[i].what, "LodePlugin")) {
      g_assert_cmpint (pins[i].offset, ==, 0);
      sized++;
    }
  g_assert_cmpuint (sized, >=, 30);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/abi/layout", test_layout);
  g_test_add_func ("/abi/head", test_head);
  g_test_add_func ("/abi/sizes-first", test_sizes_first);
  return g_test_run ();
}
