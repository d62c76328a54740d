/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kind `backbone`: its space, its texts, and nets of it.
 */
#include "backbone.h"

enum { ARCHS = 40 };

static void *
backbone_create (World *world, const void *conf, GError **error)
{
  LodeData *data = lode_host_data (world->host, error);
  LodeShape shape;

  if (!data)
    return NULL;
  shape = lode_data_shape (data);
  return ((const LodeBackboneOps *) world->ops)->create (&world->host->base, conf, &shape, error);
}

static void
backbone_destroy (const void *ops, void *instance)
{
  ((const LodeBackboneOps *) ops)->destroy (instance);
}

LodeArchFamily
small_family (const World *world)
{
  return (LodeArchFamily){ world->ops, world->instance };
}

uint8_t *
small_arch (World *world, uint64_t which)
{
  LodeArchFamily family = small_family (world);
  uint8_t *arch = g_new0 (uint8_t, lode_arch_space (&family)->n + 1);
  LodeRng rng = check_rng (world->check, "arch", which);

  lode_arch_sample (&family, arch, &rng);
  return arch;
}

bool
small_open (Small *small, World *world, bool shared, const LodeChoice *choice, GError **error)
{
  bool scales = ((const LodeBackboneOps *) world->ops)->can & LODE_SCALE;
  const LodeNetIn in = { .size = sizeof in,
                         .shared = shared,
                         .choice = choice,
                         .depth = scales ? 2 : 0,
                         .width = scales ? 4 : 0 };

  memset (small, 0, sizeof *small);
  if (!lode_host_net_spec (world->host, &small->spec, error))
    return false;
  small->spec.backbone = world->instance;
  small->net = lode_net_make (&small->spec, &in, error);
  small->stream = small->net ? lode_host_stream (world->host, LODE_ROLE_VALID, error) : NULL;
  small->batch = small->stream ? lode_stream_next (small->stream, error) : NULL;
  return small->batch != NULL;
}

void
small_close (Small *small)
{
  if (small->batch)
    lode_stream_release (small->stream, small->batch);
  lode_stream_close (small->stream);
  lode_net_free (small->net);
  if (small->spec.loss)
    lode_host_net_losses_free (&small->spec);
}

/* Logits and the whole gradient of one architecture's net. */
static bool
trace_net (World *world, const LodeChoice *choice, uint64_t unit, GError **error)
{
  Small small;
  bool ok = small_open (&small, world, false, choice, error);
  LodePass pass = { .size = sizeof pass, .want = LODE_WEIGHTS };
  g_autofree float *logit = NULL;
  g_autoptr (GBytes) bytes = NULL;

  if (ok) {
    logit = g_new0 (float, (size_t) small.batch->n *lode_net_outputs (small.net));
    pass.logit = logit;
    pass.grad = lode_params_dup (lode_net_params (small.net), small.net, NULL);
    ok = lode_net_pass (small.net, small.batch, NULL, &pass, error);
  }
  if (ok) {
    bytes = lode_params_pack (pass.grad);
    trace_add (world->trace, LODE_TYPE_F32, (size_t) small.batch->n * lode_net_outputs (small.net),
               logit, "logits of net %" G_GUINT64_FORMAT, unit);
    trace_add (world->trace, LODE_TYPE_U8, g_bytes_get_size (bytes), g_bytes_get_data (bytes, NULL),
               "gradient of net %" G_GUINT64_FORMAT, unit);
  }
  lode_params_free (pass.grad);
  small_close (&small);
  return ok;
}

static bool
backbone_work (World *world, uint64_t unit, GError **error)
{
  LodeArchFamily family = small_family (world);
  const LodeSpace *space = lode_arch_space (&family);
  g_autofree char *wrong = lode_space_check (space), *text = NULL, *key = NULL;
  g_autofree uint64_t *mask = g_new0 (uint64_t, space->n + 1);
  g_autofree uint8_t *arch = NULL;
  LodeChoice choice = { .size = sizeof choice, .mask = mask };

  if (wrong)
    return world_wrong (error, "its space: %s", wrong);
  arch = small_arch (world, unit);
  if (!lode_arch_check (space, arch, error))
    return false;
  text = lode_arch_text (&family, arch);
  key = lode_arch_canonical (&family, arch);
  trace_text (world->trace, text, "text of an architecture");
  trace_text (world->trace, key, "key of an architecture");
  lode_space_one (space, arch, mask);
  return trace_net (world, space->n ? &choice : NULL, unit, error);
}

const Driver check_backbone_driver = { "backbone",       LODE_USE_BACKBONE, backbone_create,
                                       backbone_destroy, backbone_work,     3 };

static void
test_nets (Check *check)
{
  g_autoptr (World) world = world_ready (check, 1);
  GError *error = NULL;
  Small small;
  bool ok;

  if (!world)
    return;
  if (!world_work (world, 6, NULL, &error)) {
    check_fail_error (check, "the net of an architecture", error);
    return;
  }
  if (!(((const LodeBackboneOps *) world->ops)->can & LODE_SHARE))
    return;
  ok = small_open (&small, world, true, NULL, &error);
  if (!ok)
    check_fail_error (check, "the super-network", error);
  small_close (&small);
}

/* arch: legal. Its text reads back, also behind `repair`; its key is its text's. */
static bool
check_text (World *world, const uint8_t *arch)
{
  LodeArchFamily family = small_family (world);
  const LodeSpace *space = lode_arch_space (&family);
  g_autofree uint8_t *back = g_new0 (uint8_t, space->n + 1), *same = g_memdup2 (arch, space->n + 1);
  g_autofree char *text = lode_arch_text (&family, arch), *key = NULL, *again = NULL;
  LodeRng rng = check_rng (world->check, "repair", 0);
  GError *error = NULL;

  if (!lode_arch_parse (&family, text, back, &error))
    return check_fail_error (world->check, "read of a text that it wrote", error);
  again = lode_arch_text (&family, back);
  if (strcmp (text, again))
    return check_fail (world->check, "expected %s to read back, found %s", text, again);
  lode_arch_repair (&family, same, &rng);
  if (memcmp (same, arch, space->n))
    return check_fail (world->check,
                       "expected repair to leave a legal architecture alone, found %s changed",
                       text);
  key = lode_arch_canonical (&family, arch);
  g_free (again);
  again = lode_arch_canonical (&family, back);
  return !strcmp (key, again)
         || check_fail (world->check, "expected one key for %s, found %s and %s", text, key, again);
}

static void
test_text (Check *check)
{
  g_autoptr (World) world = world_ready (check, 1);

  for (uint64_t i = 0; world && i < ARCHS; i++) {
    g_autofree uint8_t *arch = small_arch (world, i);

    if (!check_text (world, arch))
      return;
  }
}

/* Texts that mean nothing: refused with a reason, the architecture left as it was. */
static void
test_nonsense (Check *check)
{
  static const char *const texts[] = { "",  " ",         "x", "=",       "a=b", "0=0 1=1 2=2",
                                       "|", "Genotype(", "ä", "%s%s%s%n" };
  g_autoptr (World) world = world_ready (check, 1);
  LodeArchFamily family = world ? small_family (world) : (LodeArchFamily){ 0 };

  if (world && lode_arch_space (&family)->n == 0) {
    check_skip (check, "its space has no decisions");
    return;
  }
  for (size_t i = 0; world && i < G_N_ELEMENTS (texts); i++) {
    g_autofree char *what = g_strdup_printf ("read of \"%s\"", texts[i]);
    g_autofree uint8_t *arch = small_arch (world, 1);
    g_autofree uint8_t *before = g_memdup2 (arch, lode_arch_space (&family)->n + 1);
    GError *error = NULL;

    if (lode_arch_parse (&family, texts[i], arch, &error))
      check_fail (check, "%s: expected a refusal, found it understood", what);
    else if (check_refusal (check, what, error)
             && memcmp (arch, before, lode_arch_space (&family)->n))
      check_fail (check, "%s: expected it to change nothing, found another architecture", what);
  }
}

/* Any mixture and mask gives an architecture within the mask. mix: [options] */
static bool
check_derive (World *world, uint64_t round)
{
  LodeArchFamily family = small_family (world);
  const LodeSpace *space = lode_arch_space (&family);
  g_autofree float *mix = g_new0 (float, space->options + 1);
  g_autofree uint64_t *mask = g_new0 (uint64_t, space->n + 1);
  g_autofree uint8_t *arch = g_new0 (uint8_t, space->n + 1);
  LodeRng rng = check_rng (world->check, "mix", round);
  GError *error = NULL;

  lode_space_all (space, mask);
  for (uint32_t o = 0; o < space->options; o++)
    mix[o] = round == 0 ? 0.5f : round == 1 ? NAN : (float) lode_rng_uniform (&rng);
  lode_arch_derive (&family, mix, mask, arch);
  return lode_arch_check (space, arch, &error)
         || check_fail_error (world->check, "derive from a mixture", error);
}

static void
test_derive (Check *check)
{
  g_autoptr (World) world = world_ready (check, 1);

  for (uint64_t round = 0; world && round < ARCHS; round++)
    if (!check_derive (world, round))
      return;
}

static void
test_draw (Check *check)
{
  g_autoptr (World) world = world_ready (check, 1);
  LodeArchFamily family = world ? small_family (world) : (LodeArchFamily){ 0 };
  g_autofree uint8_t *arch = world ? small_arch (world, 0) : NULL;
  g_autofree char *dot = world ? lode_arch_picture (&family, arch) : NULL;

  if (world && (!dot || !strstr (dot, "graph") || !strchr (dot, '{') || !strrchr (dot, '}')))
    check_fail (check, "expected a graph in DOT, found %.60s", dot ? dot : "NULL");
}

const CheckTest check_backbone_tests[] = {
  { "backbone/nets", "backbone", "records nets of its architectures, and the super-network",
    test_nets },
  { "backbone/text", "backbone", "its texts read back, repair leaves a legal architecture alone",
    test_text },
  { "backbone/nonsense", "backbone", "refuses a text that means nothing, with a reason",
    test_nonsense },
  { "backbone/derive", "backbone", "derives an architecture from any mixture", test_derive },
  { "backbone/draw", "backbone", "draws an architecture as DOT", test_draw },
  { NULL },
};
