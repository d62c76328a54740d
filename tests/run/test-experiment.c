/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Experiments from configurations: what is taken over, what is written out, and every slip told at
 * once, with where it stands and what to do.
 */
#include "run/experiment.h"
#include "tree.h"

static LodeRegistry *registry;

static const char base[] = "experiment = \"e\";\n"
                           "data = { type = \"idx\"; idx = { folder = \"x\"; }; valid = 10; };\n"
                           "backbone = { type = \"mlp\"; };\n"
                           "fit = { epochs = 3; };\n"
                           "stages = {\n"
                           "  train = { type = \"train\"; };\n"
                           "  test = { type = \"evaluate\"; net = \"train\"; };\n"
                           "};\n";
static const char searching[] = "experiment = \"e\";\n"
                                "data = { type = \"idx\"; arch = 0.5; };\n"
                                "backbone = { type = \"darts\"; };\n"
                                "search = { type = \"darts\"; };\n"
                                "stages = {\n"
                                "  search = { type = \"search\"; };\n"
                                "  train = { type = \"train\"; arch = \"search\"; };\n"
                                "  test = { type = \"evaluate\"; net = \"train\"; };\n"
                                "};\n";

static const char scoring[] = "experiment = \"e\";\n"
                              "data = { type = \"idx\"; valid = 0.5; };\n"
                              "backbone = { type = \"darts\"; };\n"
                              "search = { type = \"random\"; };\n"
                              "evaluator = { type = \"train\"; };\n"
                              "stages = {\n"
                              "  search = { type = \"search\"; };\n"
                              "  train = { type = \"train\"; arch = \"search\"; };\n"
                              "  test = { type = \"evaluate\"; net = \"train\"; };\n"
                              "};\n";

/* The experiment of a text and of overrides (NULL-ended, may be NULL). */
static LodeExperiment *
experiment_of (const char *text, const char *const *overrides, GPtrArray *errors)
{
  g_autoptr (LodeNode) root = lode_config_parse_text ("x.cfg", text, errors);

  no_errors (errors);
  for (; overrides && *overrides; overrides++)
    lode_config_override (root, *overrides, errors);
  no_errors (errors);
  return lode_experiment_new (registry, root, errors);
}

static LodeExperiment *
accept (const char *text, const char *const *overrides)
{
  g_autoptr (GPtrArray) errors = errors_new ();
  LodeExperiment *experiment = experiment_of (text, overrides, errors);

  no_errors (errors);
  g_assert_nonnull (experiment);
  return experiment;
}

static bool
one_holds (const GPtrArray *errors, const char *word)
{
  for (guint i = 0; i < errors->len; i++)
    if (strstr (errors->pdata[i], word))
      return true;
  return false;
}

/* n mistakes, each of the words (NULL-ended) in one of them; a message is one line. */
static void
refuse (const char *text, const char *const *overrides, guint n, const char *const *words)
{
  g_autoptr (GPtrArray) errors = errors_new ();
  LodeExperiment *experiment = experiment_of (text, overrides, errors);

  for (guint i = 0; i < errors->len; i++) {
    g_test_message ("%s", (const char *) errors->pdata[i]);
    g_assert_null (strchr (errors->pdata[i], '\n'));
  }
  g_assert_null (experiment);
  g_assert_cmpuint (errors->len, ==, n);
  for (; *words; words++)
    if (!one_holds (errors, *words))
      g_error ("nothing says: %s", *words);
}

#define LIST(...)                                                                                  \
  (const char *const[])                                                                            \
  {                                                                                                \
    __VA_ARGS__, NULL                                                                              \
  }

/* One slip as an override of a text: the message has its origin and all of the words. */
typedef struct Slip {
  const char *name, *text, *override, *say[4];
} Slip;

static void
check_slip (const void *data)
{
  const Slip *slip = data;
  const char *overrides[] = { slip->override, NULL };
  g_autofree char *origin = g_strconcat ("command line: ", slip->override, ": ", NULL);
  g_autoptr (GPtrArray) errors = errors_new ();
  LodeExperiment *experiment = experiment_of (slip->text, overrides, errors);

  g_assert_null (experiment);
  for (guint i = 0; i < errors->len; i++)
    g_test_message ("%s", (const char *) errors->pdata[i]);
  g_assert_cmpuint (errors->len, ==, 1);
  if (!g_str_has_prefix (errors->pdata[0], origin))
    g_error ("does not begin with \"%s\": %s", origin, (const char *) errors->pdata[0]);
  for (size_t i = 0; i < G_N_ELEMENTS (slip->say) && slip->say[i]; i++)
    if (!strstr (errors->pdata[0], slip->say[i]))
      g_error ("does not say \"%s\": %s", slip->say[i], (const char *) errors->pdata[0]);
}

static const Slip slips[] = {
  /* unknown keys, at every level */
  { "key/top", base, "sed=3", { "\"sed\"", "did you mean \"seed\"?" } },
  { "key/group", base, "backbon.type=mlp", { "did you mean \"backbone\"?" } },
  { "key/data", base, "data.trainn=3", { "did you mean \"train\"?" } },
  { "key/plugin-group", base, "data.idy.folder=y", { "did you mean \"idx\"?" } },
  { "key/plugin", base, "data.idx.foldr=y", { "dataset/idx", "did you mean \"folder\"?" } },
  { "key/misplaced", base, "backbone.hidden=[3]", { "backbone has no \"hidden\"", "<name> = {" } },
  { "key/fit", base, "fit.epoch=3", { "did you mean \"epochs\"?" } },
  { "key/stage", base, "stages.train.axu=true", { "did you mean \"aux\"?" } },
  { "key/stage-group", base, "stages.train.fits.epochs=3", { "did you mean \"fit\"?" } },
  { "key/stage-fit", base, "stages.train.fit.batchs=3", { "did you mean \"batch\"?" } },
  { "key/port", base, "stages.test.nett=train", { "did you mean \"net\"?" } },
  { "key/search", searching, "search.darts.ordr=1", { "did you mean \"order\"?" } },
  { "key/far",
    base,
    "stages.train.fit.zzzzzzz=1",
    { "no option \"zzzzzzz\"", "expected one of epochs, batch" } },
  /* wrong types */
  { "type/text", base, "experiment=3", { "experiment must be a text in quotes" } },
  { "type/integer", base, "seed=abc", { "seed must be an integer" } },
  { "type/fraction", base, "fit.epochs=2.5", { "2.5 must be an integer" } },
  { "type/number", base, "fit.rate=fast", { "rate must be a number" } },
  { "type/bool", base, "data.flip=1", { "flip must be true or false" } },
  { "type/list", base, "backbone.mlp.hidden=3", { "hidden must be a list of numbers" } },
  { "type/in-list", base, "backbone.mlp.hidden=[\"a\"]", { "hidden must be a list of numbers" } },
  { "type/choice", base, "fit.schedule=cosinus", { "not among", "did you mean \"cosine\"?" } },
  { "type/group", base, "loss=ce", { "loss must be a group", "type = \"<name>\"" } },
  { "type/fit", base, "stages.train.fit=3", { "must be a group" } },
  { "type/type", base, "loss.type=3", { "loss.type must be the name of a plugin" } },
  { "type/stage", base, "stages.more=3", { "stages.more must be a group" } },
  { "type/link", base, "stages.test.net=3", { "net must be the name of an earlier stage" } },
  { "type/links",
    base,
    "stages.test.net=[\"train\"]",
    { "net must be the name of an earlier stage" } },
  /* ranges */
  { "range/below", base, "fit.epochs=0", { "epochs = 0 is out of range", "1 …" } },
  { "range/above", base, "fit.rate=1e30", { "1e+30 is out of range", "… 100" } },
  { "range/negative", base, "seed=-1", { "seed = -1 is out of range", "0 …" } },
  { "range/huge", base, "threads=99999", { "out of range", "1024" } },
  { "range/in-list", base, "backbone.mlp.hidden=[0]", { "hidden = 0 is out of range", "units" } },
  /* plugins */
  { "plugin/loss", base, "loss.type=cee", { "no loss called \"cee\"", "did you mean \"ce\"?" } },
  { "plugin/data", base, "data.type=idz", { "no dataset called \"idz\"", "\"idx\"" } },
  { "plugin/sampler", base, "sampler.type=ful", { "no sampler called \"ful\"", "\"full\"" } },
  { "plugin/search", searching, "search.type=dart", { "no search called \"dart\"", "\"darts\"" } },
  { "plugin/in-stage", base, "stages.train.backbone.type=rsnet", { "stage train", "\"resnet\"" } },
  { "plugin/stage", base, "stages.test.type=evaluat", { "stage test", "\"evaluate\"" } },
  { "plugin/no-name", base, "loss.type=../ce", { "../ce" } },
  { "plugin/empty", base, "loss.type=\"\"", { "loss" } },
  /* ports */
  { "port/unknown",
    base,
    "stages.test.net=tain",
    { "stage test: net = \"tain\"", "no stage before" } },
  { "port/itself", base, "stages.test.net=test", { "no stage before it" } },
  { "port/later", searching, "stages.search.net=train", { "no stage before it" } },
  { "port/kind", scoring, "stages.test.net=search", { "\"search\"", "does not give a net" } },
  { "port/port", base, "stages.test.net=train.nett", { "\"train.nett\"", "does not give a net" } },
  { "port/file",
    base,
    "stages.test.net=./none.safetensors",
    { "none.safetensors", "no such file" } },
  { "port/arch", searching, "stages.train.arch=none.txt", { "none.txt", "no such file" } },
  { "port/empty", base, "stages.test.net=\"\"", { "net = \"\"", "no stage before it" } },
  /* names of folders */
  { "name/slash", base, "experiment=a/b", { "experiment = \"a/b\" names a folder", "expected" } },
  { "name/dots", base, "label=..", { "label = \"..\" names a folder" } },
  { "name/hidden", base, "label=.x", { "no '.' at the start" } },
  { "name/blank", base, "label=\"a b\"", { "label = \"a b\"" } },
  { "name/empty", base, "label=\"\"", { "label = \"\"" } },
  { "name/letter", base, "label=é", { "label = \"é\"" } },
};

/* What an override cannot say: a text, how many mistakes, and what they say. */
static void
test_no_stages (void)
{
  refuse ("experiment = \"e\";", NULL, 1,
          LIST ("stages: there is nothing to do", "type = \"train\""));
  refuse ("experiment = \"e\"; stages = { };", NULL, 1, LIST ("nothing to do"));
  refuse ("experiment = \"e\"; stages = 3;", NULL, 1, LIST ("nothing to do"));
  refuse ("", NULL, 2, LIST ("experiment is required", "nothing to do"));
}

static void
test_missing (void)
{
  refuse ("experiment = \"e\";\nstages = { train = { }; };", NULL, 1,
          LIST ("x.cfg:2: stage train: type is missing", "lode list stage"));
  refuse ("experiment = \"e\";\nstages = { train = { type = 3; }; };", NULL, 1,
          LIST ("x.cfg:2: stage train: type is missing"));
  refuse ("experiment = \"e\";\nstages = { train = { type = \"train\"; }; };", NULL, 2,
          LIST ("stage train: no dataset is chosen; expected data = { type = ", "no backbone is",
                "lode list backbone"));
  refuse ("experiment = \"e\"; data = { type = \"idx\"; }; backbone = { type = \"mlp\"; };\n"
          "stages = { test = { type = \"evaluate\"; }; };",
          NULL, 1, LIST ("x.cfg:2: stage test: net is required: net = \"<", "a net, or a file"));
}

/* A stage that is wrong in itself is not complained of where others are connected to it. */
static void
test_no_echo (void)
{
  refuse (base, LIST ("stages.train.type=trainn"), 1,
          LIST ("stage train", "did you mean \"train\"?"));
}

static void
test_all_at_once (void)
{
  static const char text[] = "experiment = \"e\";\n"
                             "sed = 1;\n"
                             "data = { type = \"idx\"; side = -1; };\n"
                             "backbone = { type = \"mlp\"; mlp = { hiddn = [3]; }; };\n"
                             "loss = { type = \"cee\"; };\n"
                             "fit = { epochs = 0; batch = \"x\"; };\n"
                             "stages = {\n"
                             "  train = { type = \"train\"; arch = \"none\"; };\n"
                             "  test = { type = \"evaluate\"; };\n"
                             "};\n";

  refuse (text, NULL, 8,
          LIST ("x.cfg:2: ", "x.cfg:3: data: side = -1", "x.cfg:4: backbone/mlp: ", "\"hidden\"?",
                "x.cfg:5: stage train: there is no loss", "x.cfg:6: fit: epochs = 0",
                "x.cfg:6: fit: batch must be", "x.cfg:8: stage train: arch = \"none\"",
                "x.cfg:9: stage test: net is required"));
}

/* A mistake in what all stages share is told once; in what each has of its own, once each. */
static void
test_told_once (void)
{
  refuse (base, LIST ("data.idy.folder=y", "fit.batch=0", "loss.typ=ce"), 3, LIST ("\"type\"?"));
  refuse (base, LIST ("stages.train.fit.batch=0", "stages.test.fit.batch=-1"), 2,
          LIST ("batch = 0", "batch = -1"));
}

/* Options that do not go together are told at their group. */
static void
test_fit (void)
{
  refuse (base, LIST ("fit.warmup=9"), 1, LIST ("x.cfg:4: stage train: warmup = 9", "epochs = 3"));
}

static void
test_names (void)
{
  g_autofree char *longest = g_strnfill (63, 'a'), *label = g_strconcat ("label=", longest, NULL),
                  *longer = g_strconcat (label, "a", NULL);

  lode_experiment_free (accept (base, LIST (label)));
  refuse (base, LIST (longer), 1, LIST ("command line: label=aaa", "at most 63"));
  refuse (base, LIST ("stages.ckpt.type=train"), 1, LIST ("\"ckpt\"", "choose another"));
  refuse (base, LIST ("stages.hold.type=train"), 1, LIST ("\"hold\""));
  refuse ("experiment = \"e\";\nstages = { a* = { type = \"train\"; }; };", NULL, 1,
          LIST ("x.cfg:2: the stage = \"a*\" names a folder"));
}

static void
test_combinations (void)
{
  lode_experiment_free (accept (searching, LIST ("stages.test.net=search")));
  lode_experiment_free (
      accept (searching, LIST ("stages.train.teacher=search", "stages.train.loss.type=kd")));
  refuse (searching, LIST ("stages.train.loss.type=kd"), 1, LIST ("loss kd needs a teacher"));
  refuse (searching, LIST ("loss.type=kd"), 2,
          LIST ("stage search: loss kd needs a teacher's logits",
                "stage train: loss kd needs a teacher"));
  refuse (searching, LIST ("backbone.type=resnet"), 1,
          LIST ("stage search: search darts needs several options at once",
                "backbone resnet does not", "choose another search or another backbone"));
  refuse (searching, LIST ("backbone.type=mlp"), 1, LIST ("search darts", "backbone mlp"));
  refuse (searching, LIST ("search.type=random"), 1,
          LIST ("stage search: no evaluator is chosen; expected evaluator = { type = "));
  refuse (searching, LIST ("search.type=random", "evaluator.type=shared"), 1,
          LIST ("evaluator shared needs shared weights", "search random", "connect a net"));
  refuse ("experiment = \"e\"; data = { type = \"idx\"; }; backbone = { type = \"darts\"; };\n"
          "stages = { search = { type = \"search\"; }; };",
          NULL, 1, LIST ("no search is chosen", "lode list search"));
}

/* Groups of plugins that are not chosen may stay; those of plugins that do not exist may not. */
static void
test_swap (void)
{
  LodeExperiment *experiment =
      accept (searching,
              LIST ("search.type=random", "evaluator.type=train", "search.darts.order=2",
                    "search.random.trials=3", "backbone.nb201.cells=2", "backbone.resnet.depth=8",
                    "data.cifar.classes=100", "loss.mse={}", "sampler.uniform.size=0.5"));
  const LodeNode *search = lode_node_find (experiment->resolved, "stages.search.search");

  g_assert_cmpstr (text_at (search, "type"), ==, "random");
  g_assert_cmpint (integer_at (search, "random.trials"), ==, 3);
  g_assert_null (lode_node_child (search, "darts"));
  lode_experiment_free (experiment);
}

/* A stage that is given a net works with what that net was made with, and its own on top. */
static void
test_inheritance (void)
{
  LodeExperiment *experiment =
      accept (base, LIST ("backbone.mlp.hidden=[7]", "stages.train.backbone.mlp.hidden=[5]",
                          "stages.train.data.side=14", "stages.train.loss.type=mse",
                          "stages.train.fit.batch=9", "stages.test.data.test=50",
                          "stages.train.sampler.type=uniform"));
  const LodeNode *train = lode_node_find (experiment->resolved, "stages.train"),
                 *test = lode_node_find (experiment->resolved, "stages.test");
  const LodeStageSpec *spec = lode_experiment_stage (experiment, 1);

  g_assert_cmpint (integer_at (train, "data.side"), ==, 14);
  g_assert_cmpint (integer_at (test, "data.side"), ==, 14);
  g_assert_cmpfloat (real_at (train, "data.test"), ==, 0);
  g_assert_cmpfloat (real_at (test, "data.test"), ==, 50);
  g_assert_cmpfloat (real_at (test, "data.valid"), ==, 10);
  g_assert_cmpstr (text_at (test, "loss.type"), ==, "mse");
  g_assert_cmpint (integer_at (test, "fit.batch"), ==, 9);
  g_assert_cmpint (integer_at (test, "fit.epochs"), ==, 3);
  g_assert_cmpfloat (
      ((const LodeNode *) lode_node_find (test, "backbone.mlp.hidden")->children->pdata[0])->real,
      ==, 5);
  g_assert_cmpstr (text_at (test, "sampler.type"), ==, "full");
  g_assert_cmpint (spec->data.side, ==, 14);
  g_assert_cmpint (spec->fit.batch, ==, 9);
  g_assert_cmpint (
      lode_link_source (experiment, lode_stage_link (spec, "net"), 0, &(const LodePort *){ NULL }),
      ==, 0);
  lode_experiment_free (experiment);
}

/* A file at a port is kept with its full path, so that a run resumes from another folder. */
static void
test_file (void)
{
  LodeExperiment *experiment;
  g_autofree char *cwd = g_get_current_dir (), *full = g_build_filename (cwd, "a.txt", NULL);

  write_text ("a.txt", "x");
  experiment = accept (searching, LIST ("stages.train.arch=./a.txt"));
  g_assert_cmpstr (text_at (experiment->resolved, "stages.train.arch"), ==, full);
  lode_experiment_free (experiment);
  write_text ("b.safetensors", "x");
  refuse (base, LIST ("stages.test.net=./b.safetensors"), 1, LIST ("b.safetensors"));
}

/* Where each resolved value came from. */
static void
test_origins (void)
{
  LodeExperiment *experiment = accept (base, LIST ("fit.batch=9", "stages.train.aux=true"));
  g_autofree char *text = lode_config_origins (experiment->resolved);

  for (const char *const *line =
           LIST ("experiment = \"e\"    x.cfg:1\n", "seed = 1    default\n",
                 "stages.train.fit.batch = 9    command line: fit.batch=9\n",
                 "stages.test.fit.batch = 9    command line: fit.batch=9\n",
                 "stages.train.fit.epochs = 3    x.cfg:4\n", "stages.train.fit.rate = 0.025",
                 "stages.train.aux = true    command line: stages.train.aux=true\n",
                 "stages.train.loss.type = \"ce\"    default\n",
                 "stages.test.data.idx.folder = \"x\"    x.cfg:2\n",
                 "stages.test.net = \"train\"    x.cfg:7\n");
       *line; line++)
    if (!strstr (text, *line))
      g_error ("not there: %s in\n%s", *line, text);
  lode_experiment_free (experiment);
}

/* The resolved configuration is complete: it resolves to itself, with the same plugins. */
static void
check_round_trip (LodeExperiment *experiment)
{
  g_autofree char *text = lode_config_write (experiment->resolved), *again = NULL;
  LodeExperiment *other = accept (text, NULL);

  again = lode_config_write (other->resolved);
  g_assert_cmpstr (text, ==, again);
  g_assert_cmpuint (experiment->stages->len, ==, other->stages->len);
  for (guint i = 0; i < experiment->stages->len; i++) {
    const LodeStageSpec *a = lode_experiment_stage (experiment, i),
                        *b = lode_experiment_stage (other, i);

    g_assert_cmpstr (a->name, ==, b->name);
    for (uint32_t kind = 0; kind < LODE_USES; kind++)
      g_assert_true (a->use[kind].loaded == b->use[kind].loaded);
  }
  lode_experiment_free (other);
}

/* A loss of architecture steps stands beside the loss, where a search is. */
static void
test_arch_loss (void)
{
  LodeExperiment *experiment =
      accept (searching, LIST ("loss.type=vs", "arch_loss.type=la", "arch_loss.la.tau=0.5"));
  const LodeStageSpec *spec = lode_experiment_stage (experiment, 0);

  g_assert_cmpstr (spec->use[LODE_USE_LOSS].loaded->plugin->name, ==, "vs");
  g_assert_cmpstr (spec->use[LODE_USE_ARCH_LOSS].loaded->plugin->name, ==, "la");
  check_round_trip (experiment);
  lode_experiment_free (experiment);
  experiment = accept (searching, NULL);
  g_assert_null (lode_experiment_stage (experiment, 0)->use[LODE_USE_ARCH_LOSS].loaded);
  lode_experiment_free (experiment);
  refuse (searching, LIST ("arch_loss.type=laa"), 1, LIST ("did you mean \"la\""));
  refuse (searching, LIST ("arch_loss.la.tau=2"), 1, LIST ("no loss is chosen", "arch_loss"));
}

/* Every file of conf/ resolves, and what it resolves to is the same experiment. */
static void
test_conf (void)
{
  const char *folder = g_getenv ("LODE_CONF_PATH");
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  uint32_t n = 0;

  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, name, NULL), *text = NULL;
    LodeExperiment *experiment;

    if (!g_str_has_suffix (name, ".cfg"))
      continue;
    g_test_message ("%s", name);
    g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
    experiment = accept (text, NULL);
    check_round_trip (experiment);
    lode_experiment_free (experiment);
    n++;
  }
  g_assert_cmpuint (n, >, 5);
}

/* Values that writers get wrong: long integers, small reals, texts with quotes, inherited groups.
 */
static void
test_round_trip (void)
{
  LodeExperiment *experiment = accept (
      base, LIST ("seed=9007199254740992", "fit.rate=0.1", "fit.decay=1e-7", "checkpoint=0.3",
                  "data.idx.folder=\"a \\\"b\\\" c\\\\d é\"", "stages.train.data.side=7",
                  "backbone.mlp.hidden=[1, 2.0, 3e2]", "fit.milestones=[]", "data.valid=0.1"));

  g_assert_cmpint (experiment->conf.seed, ==, INT64_C (9007199254740992));
  check_round_trip (experiment);
  lode_experiment_free (experiment);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  registry = lode_registry_default (NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (slips); i++) {
    g_autofree char *path = g_strconcat ("/experiment/slip/", slips[i].name, NULL);

    g_test_add_data_func (path, &slips[i], check_slip);
  }
  g_test_add_func ("/experiment/no-stages", test_no_stages);
  g_test_add_func ("/experiment/missing", test_missing);
  g_test_add_func ("/experiment/no-echo", test_no_echo);
  g_test_add_func ("/experiment/all-at-once", test_all_at_once);
  g_test_add_func ("/experiment/told-once", test_told_once);
  g_test_add_func ("/experiment/fit", test_fit);
  g_test_add_func ("/experiment/names", test_names);
  g_test_add_func ("/experiment/combinations", test_combinations);
  g_test_add_func ("/experiment/swap", test_swap);
  g_test_add_func ("/experiment/inheritance", test_inheritance);
  g_test_add_func ("/experiment/file", test_file);
  g_test_add_func ("/experiment/origins", test_origins);
  g_test_add_func ("/experiment/arch-loss", test_arch_loss);
  g_test_add_func ("/experiment/conf", test_conf);
  g_test_add_func ("/experiment/round-trip", test_round_trip);
  return run_in_folder ();
}
