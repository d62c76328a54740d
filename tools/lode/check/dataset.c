/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kind `dataset`: what it says there is, and that it reads so, in any order, as often as asked.
 */
#include "options.h"
#include "world.h"

enum { MOST = 64 };

static void *
dataset_create (World *world, const void *conf, GError **error)
{
  return ((const LodeDatasetOps *) world->ops)->open (&world->host->base, conf, error);
}

static void
dataset_destroy (const void *ops, void *instance)
{
  ((const LodeDatasetOps *) ops)->close (instance);
}

static LodeDataInfo
info_of (const World *world)
{
  LodeDataInfo info = { .size = sizeof info };

  ((const LodeDatasetOps *) world->ops)->info (world->instance, &info);
  return info;
}

/* Room for n examples, every array wanted, with a guard behind it. */
typedef struct Room {
  LodeExamples want;
  GPtrArray *memory; /* of the arrays */
  size_t pixel;      /* bytes of an example */
} Room;

enum { GUARD = 64, SOIL = 0xa5 };

static void *
room_add (Room *room, size_t bytes)
{
  uint8_t *at = g_malloc (bytes + GUARD);

  memset (at, SOIL, bytes + GUARD);
  g_ptr_array_add (room->memory, at);
  return at;
}

static Room
room_new (const LodeDataInfo *info, uint32_t n, const uint32_t *index)
{
  Room room = { .memory = g_ptr_array_new_with_free_func (g_free) };

  room.pixel = (size_t) info->shape.h * info->shape.w * info->shape.c
               * (info->pixel == LODE_PIXEL_F32 ? 4 : 1);
  room.want = (LodeExamples){ .size = sizeof (LodeExamples), .n = n, .index = index };
  room.want.pixel = room_add (&room, n * room.pixel);
  room.want.label = info->classes ? room_add (&room, n * sizeof (int32_t)) : NULL;
  room.want.target =
      info->targets ? room_add (&room, (size_t) n * info->targets * sizeof (float)) : NULL;
  room.want.weight = info->has & LODE_HAS_WEIGHT ? room_add (&room, n * sizeof (float)) : NULL;
  room.want.group = info->has & LODE_HAS_GROUP ? room_add (&room, n * sizeof (int32_t)) : NULL;
  room.want.split = info->has & LODE_HAS_SPLIT ? room_add (&room, n * sizeof (int32_t)) : NULL;
  return room;
}

static void
room_clear (Room *room)
{
  g_ptr_array_unref (room->memory);
}

static bool
guard_is_whole (const void *array, size_t bytes, const char *what, GError **error)
{
  const uint8_t *guard = array ? (const uint8_t *) array + bytes : NULL;

  for (size_t i = 0; guard && i < GUARD; i++)
    if (guard[i] != SOIL)
      return world_wrong (
          error, "expected read to stay within its %s, found byte %zu behind it written", what, i);
  return true;
}

static bool
read_into (World *world, uint32_t part, const LodeDataInfo *info, Room *room, GError **error)
{
  const LodeExamples *want = &room->want;
  GError *failure = NULL;
  size_t n = want->n;

  if (!((const LodeDatasetOps *) world->ops)->read (world->instance, part, want, &failure)) {
    if (!failure)
      return world_wrong (error, "read failed: expected an error that says why, found none set");
    g_propagate_error (error, failure);
    return false;
  }
  return guard_is_whole (want->pixel, n * room->pixel, "pixels", error)
         && guard_is_whole (want->label, 4 * n, "labels", error)
         && guard_is_whole (want->target, 4 * n * info->targets, "targets", error)
         && guard_is_whole (want->weight, 4 * n, "weights", error)
         && guard_is_whole (want->group, 4 * n, "groups", error)
         && guard_is_whole (want->split, 4 * n, "splits", error);
}

static bool
check_values (const LodeDataInfo *info, const LodeExamples *got, GError **error)
{
  for (uint32_t i = 0; i < got->n; i++) {
    uint32_t index = got->index[i];

    if (got->label && (got->label[i] < -1 || got->label[i] >= (int32_t) info->classes))
      return world_wrong (error, "expected labels −1 … %u, found %d of example %u",
                          info->classes - 1, got->label[i], index);
    if (got->weight && !(isfinite (got->weight[i]) && got->weight[i] >= 0))
      return world_wrong (error, "expected finite weights of at least 0, found %g of example %u",
                          (double) got->weight[i], index);
    if (got->split && (got->split[i] < 0 || got->split[i] > LODE_SPLIT_TEST))
      return world_wrong (error, "expected a LODE_SPLIT_, found %d of example %u", got->split[i],
                          index);
    for (uint32_t t = 0; got->target && t < info->targets; t++)
      if (!isfinite (got->target[(size_t) i * info->targets + t]))
        return world_wrong (error, "expected finite targets, found another of example %u", index);
  }
  return true;
}

static bool
check_pixels (const LodeDataInfo *info, const LodeExamples *got, GError **error)
{
  size_t n = (size_t) got->n * info->shape.h * info->shape.w * info->shape.c;

  for (size_t i = 0; info->pixel == LODE_PIXEL_F32 && i < n; i++)
    if (!isfinite (((const float *) got->pixel)[i])
        && !(info->has & LODE_HAS_MISSING && isnan (((const float *) got->pixel)[i])))
      return world_wrong (error, "expected finite pixels, found %g",
                          (double) ((const float *) got->pixel)[i]);
  return true;
}

static void
trace_room (Trace *trace, const LodeDataInfo *info, const Room *room, uint64_t unit)
{
  const LodeExamples *got = &room->want;

  trace_add (trace, LODE_TYPE_U8, got->n * room->pixel, got->pixel,
             "pixels of read %" G_GUINT64_FORMAT, unit);
  if (got->label)
    trace_add (trace, LODE_TYPE_I32, got->n, got->label, "labels of read %" G_GUINT64_FORMAT, unit);
  if (got->target)
    trace_add (trace, LODE_TYPE_F32, (size_t) got->n * info->targets, got->target,
               "targets of read %" G_GUINT64_FORMAT, unit);
  if (got->weight)
    trace_add (trace, LODE_TYPE_F32, got->n, got->weight, "weights of read %" G_GUINT64_FORMAT,
               unit);
  if (got->group)
    trace_add (trace, LODE_TYPE_I32, got->n, got->group, "groups of read %" G_GUINT64_FORMAT, unit);
  if (got->split)
    trace_add (trace, LODE_TYPE_I32, got->n, got->split, "splits of read %" G_GUINT64_FORMAT, unit);
}

/* Random examples of the training part and of the test part in turn. */
static bool
dataset_work (World *world, uint64_t unit, GError **error)
{
  LodeDataInfo info = info_of (world);
  uint32_t part = (uint32_t) (unit % LODE_PARTS), count = info.count[part];
  uint32_t index[MOST], n = MIN (count, MOST);
  LodeRng rng = check_rng (world->check, "read", unit);
  Room room;
  bool ok;

  if (n == 0)
    return true;
  for (uint32_t i = 0; i < n; i++)
    index[i] = i == 0 ? count - 1 : lode_rng_below (&rng, count);
  room = room_new (&info, n, index);
  ok = read_into (world, part, &info, &room, error) && check_values (&info, &room.want, error)
       && check_pixels (&info, &room.want, error);
  if (ok)
    trace_room (world->trace, &info, &room, unit);
  room_clear (&room);
  return ok;
}

const Driver check_dataset_driver = { "dataset",       LODE_USE_DATASET, dataset_create,
                                      dataset_destroy, dataset_work,     6 };

static void
test_info (Check *check)
{
  g_autoptr (World) world = world_ready (check, 1);
  const LodeDatasetOps *ops = check->loaded->ops;
  LodeDataInfo info;

  if (!world)
    return;
  info = info_of (world);
  if (info.shape.h == 0 || info.shape.w == 0 || info.shape.c == 0)
    check_fail (check, "expected a shape without zeros, found %u × %u × %u", info.shape.h,
                info.shape.w, info.shape.c);
  if (info.pixel != LODE_PIXEL_U8 && info.pixel != LODE_PIXEL_F32)
    check_fail (check, "expected a LODE_PIXEL_, found %u", info.pixel);
  if (info.classes && info.targets)
    check_fail (check, "expected classes, targets or neither, found %u and %u", info.classes,
                info.targets);
  if (info.has & ~(uint32_t) (LODE_HAS_WEIGHT | LODE_HAS_GROUP | LODE_HAS_SPLIT | LODE_HAS_MISSING))
    check_fail (check, "expected a set of LODE_HAS_, found %#x", info.has);
  if (info.count[LODE_PART_TRAIN] == 0)
    check_fail (check, "expected examples in the training part, found none");
  for (uint32_t c = 0; ops->class_name && c < MIN (info.classes, 1000); c++)
    if (!ops->class_name (world->instance, c))
      check_fail (check, "expected a name of class %u, found NULL", c);
}

static void
test_read (Check *check)
{
  g_autoptr (World) world = world_ready (check, 1);
  GError *error = NULL;

  if (world && !world_work (world, 10, NULL, &error))
    check_fail_error (check, "a read", error);
}

/* Example by example, backwards, gives what was read at once; arrays that are NULL are let be. */
static bool
compare_single (World *world, const LodeDataInfo *info, const Room *all, uint32_t i, GError **error)
{
  uint32_t index = all->want.index[i];
  Room one = room_new (info, 1, &index);
  const uint8_t *expected = (const uint8_t *) all->want.pixel + i * all->pixel;
  bool ok;

  if (i % 2) /* labels alone */
    one.want.pixel = NULL;
  ok = read_into (world, LODE_PART_TRAIN, info, &one, error);
  if (ok && one.want.pixel && memcmp (one.want.pixel, expected, all->pixel))
    ok = world_wrong (
        error, "expected example %u to read alike alone and among others, found other pixels",
        index);
  if (ok && one.want.label && *one.want.label != all->want.label[i])
    ok = world_wrong (
        error, "expected example %u to read alike alone and among others, found label %d, then %d",
        index, all->want.label[i], *one.want.label);
  room_clear (&one);
  return ok;
}

static void
test_order (Check *check)
{
  g_autoptr (World) world = world_ready (check, 1);
  GError *error = NULL;
  LodeDataInfo info;
  uint32_t index[MOST], n;
  Room all;
  bool ok;

  if (!world)
    return;
  info = info_of (world);
  n = MIN (info.count[LODE_PART_TRAIN], MOST);
  for (uint32_t i = 0; i < n; i++)
    index[i] = i;
  all = room_new (&info, n, index);
  ok = read_into (world, LODE_PART_TRAIN, &info, &all, &error);
  for (uint32_t i = n; ok && i-- > 0;)
    ok = compare_single (world, &info, &all, i, &error);
  if (!ok)
    check_fail_error (check, "a read", error);
  room_clear (&all);
}

/* Every option that names a folder or a file, pointed at nothing. */
static void
test_missing (Check *check)
{
  const LodeTable *table = &check->loaded->table;
  g_autoptr (World) world = world_new (check, 1);
  bool any = false;

  for (uint32_t i = 0; world && i < table->n; i++) {
    const LodeOption *option = lode_table_at (table, i);
    g_autoptr (GPtrArray) owner = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (LodeNode) group = lode_node_new (LODE_VALUE_GROUP, NULL, "check");
    LodeNode *value = lode_node_new (LODE_VALUE_TEXT, option->name, "check");
    g_autofree void *conf = NULL;
    GError *error = NULL;

    value->text = g_build_filename (check->scratch, "missing", NULL);
    lode_node_set (group, value);
    if (!world_names_files (option))
      continue;
    any = true;
    conf = options_fill (check, group, owner, errors);
    if (!conf)
      check_fail (check, "%s", (const char *) errors->pdata[0]);
    else if (world_create (world, conf, &error))
      check_fail (check, "expected open to refuse %s = \"missing\", found it opened", option->name);
    else
      check_refusal (check, "open of what is missing", error);
  }
  if (world && !any)
    check_skip (check, "it reads no files");
}

const CheckTest check_dataset_tests[] = {
  { "dataset/info", "dataset", "says what there is in sound numbers", test_info },
  { "dataset/read", "dataset", "reads labels and pixels in range, within the arrays", test_read },
  { "dataset/order", "dataset", "reads an example alike alone and among others", test_order },
  { "dataset/missing", "dataset", "refuses a missing folder with a reason", test_missing },
  { NULL },
};
