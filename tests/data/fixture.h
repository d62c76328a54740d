/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the data tests share: a data set in memory, a store in memory, a host that finds data, and
 * opening a built dataset plugin with options as text.
 */
#ifndef TEST_DATA_FIXTURE_H
#define TEST_DATA_FIXTURE_H

#include "compute/seed.h"
#include "compute/threads.h"
#include "data/data.h"
#include "data/find.h"
#include "data/pictures.h"
#include "data/records.h"
#include "error.h"
#include "plugin/registry.h"
#include <lode/lode.h>
#include <string.h>

/* Arrays of a part; NULL: derived from the index. */
typedef struct FakePart {
  uint32_t n;
  const uint8_t *bytes;
  const float *reals;
  const int32_t *label, *group, *split;
  const float *weight, *target;
} FakePart;

typedef struct Fake {
  LodeShape shape;
  uint32_t pixel, classes, targets, has;
  FakePart part[LODE_PARTS];
  uint32_t closed;
  int fail_at; /* > 0: the read of that number fails */
  int reads;   /* of pixels; atomic */
} Fake;

/* A pixel that tells its example and place. */
static inline uint8_t
fake_byte (uint32_t example, size_t j)
{
  return (uint8_t) (example * 31 + j * 7 + (example >> 8));
}

static inline void
fake_close (LodeDataset *set)
{
  ((Fake *) (void *) set)->closed++;
}

static inline void
fake_info (const LodeDataset *set, LodeDataInfo *info)
{
  const Fake *fake = (const Fake *) (const void *) set;

  info->shape = fake->shape;
  info->pixel = fake->pixel;
  info->classes = fake->classes;
  info->targets = fake->targets;
  info->has = fake->has;
  for (int i = 0; i < LODE_PARTS; i++)
    info->count[i] = fake->part[i].n;
}

static inline void
fake_pixels (const Fake *fake, const FakePart *part, uint32_t example, uint32_t row, void *out)
{
  size_t size = (size_t) fake->shape.h * fake->shape.w * fake->shape.c;

  for (size_t j = 0; j < size; j++) {
    uint8_t byte = part->bytes ? part->bytes[example * size + j] : fake_byte (example, j);

    if (fake->pixel == LODE_PIXEL_U8)
      ((uint8_t *) out)[row * size + j] = byte;
    else
      ((float *) out)[row * size + j] = part->reals ? part->reals[example * size + j] : byte;
  }
}

static inline bool
fake_read (const LodeDataset *set, uint32_t which, const LodeExamples *want, GError **error)
{
  Fake *fake = (Fake *) (uintptr_t) set;
  const FakePart *part = &fake->part[which];

  if (want->pixel && g_atomic_int_add (&fake->reads, 1) + 1 == fake->fail_at) {
    g_set_error_literal (error, g_quark_from_static_string ("lode-data-error"), 0,
                         "the disk is gone");
    return false;
  }
  for (uint32_t i = 0; i < want->n; i++) {
    uint32_t at = want->index[i];

    g_assert_cmpuint (at, <, part->n);
    if (want->pixel)
      fake_pixels (fake, part, at, i, want->pixel);
    if (want->label)
      want->label[i] = part->label ? part->label[at] : (int32_t) (at % fake->classes);
    for (uint32_t t = 0; want->target && t < fake->targets; t++)
      want->target[i * fake->targets + t] =
          part->target ? part->target[at * fake->targets + t] : (float) at + (float) t / 8;
    if (want->weight)
      want->weight[i] = part->weight ? part->weight[at] : 1;
    if (want->group)
      want->group[i] = part->group ? part->group[at] : -1;
    if (want->split)
      want->split[i] = part->split ? part->split[at] : LODE_SPLIT_TRAIN;
  }
  return true;
}

static const LodeDatasetOps fake_ops = {
  .size = sizeof (LodeDatasetOps), .close = fake_close, .info = fake_info, .read = fake_read
};

static inline Fake
fake_bytes (uint32_t n, uint32_t tests, uint32_t classes)
{
  return (Fake){ .shape = { 6, 5, 2 }, .classes = classes, .part = { { .n = n }, { .n = tests } } };
}

static inline LodeDataConf
plain_conf (void)
{
  return (LodeDataConf){ .normalise = true, .preload = true, .duplicates = LODE_COPIES_KEEP };
}

static inline LodeData *
fake_open (Fake *fake, const LodeDataConf *conf, uint64_t seed)
{
  GError *error = NULL;
  LodeData *data = lode_data_new (&fake_ops, (LodeDataset *) (void *) fake, conf, seed, &error);

  g_assert_no_error (error);
  return data;
}

/* It is refused, in words that contain `text`, and the data set is closed. */
static inline void
fake_refused (Fake *fake, const LodeDataConf *conf, int code, const char *text)
{
  g_autoptr (GError) error = NULL;
  uint32_t closed = fake->closed;

  g_assert_null (lode_data_new (&fake_ops, (LodeDataset *) (void *) fake, conf, 1, &error));
  g_assert_error (error, LODE_RUN_ERROR, code);
  if (!strstr (error->message, text))
    g_error ("\"%s\" does not mention \"%s\"", error->message, text);
  g_assert_cmpuint (fake->closed, ==, closed + 1);
}

static inline LodeStream *
stream_of (LodeData *data, LodeStreamSpec spec)
{
  GError *error = NULL;
  LodeStream *stream = lode_stream_new (data, &spec, &error);

  g_assert_no_error (error);
  return stream;
}

static inline const LodeBatch *
next_of (LodeStream *stream)
{
  GError *error = NULL;
  const LodeBatch *batch = lode_stream_next (stream, &error);

  g_assert_no_error (error);
  g_assert_nonnull (batch);
  return batch;
}

/* Everything a batch says, in one number. */
static inline uint64_t
batch_hash (const LodeBatch *batch, uint32_t targets)
{
  size_t values = (size_t) batch->n * batch->shape.h * batch->shape.w * batch->shape.c;
  const void *at[] = { batch->pixel,  batch->index,  batch->label,
                       batch->target, batch->weight, &batch->key };
  size_t size[] = { 4 * values,
                    4 * (size_t) batch->n,
                    4 * (size_t) batch->n,
                    4 * (size_t) batch->n * targets,
                    4 * (size_t) batch->n,
                    8 };
  uint64_t hash = batch->n;

  for (int k = 0; k < 6; k++)
    for (size_t i = 0; at[k] && i < size[k]; i++)
      hash = (hash ^ ((const uint8_t *) at[k])[i]) * UINT64_C (0x100000001b3);
  return hash;
}

static inline uint64_t
next_hash (LodeStream *stream)
{
  const LodeBatch *batch = next_of (stream);
  uint64_t hash = batch_hash (batch, 0);

  lode_stream_release (stream, batch);
  return hash;
}

/* A store in memory: name → type and bytes. */
typedef struct Memory {
  LodeStore base; /* first */
  GHashTable *at;
} Memory;

typedef struct Array {
  uint32_t type;
  size_t n;
  GBytes *bytes;
} Array;

static inline void
array_free (void *data)
{
  g_bytes_unref (((Array *) data)->bytes);
  g_free (data);
}

static inline size_t
type_size (uint32_t type)
{
  return type == LODE_TYPE_U8                                                      ? 1
         : type == LODE_TYPE_U64 || type == LODE_TYPE_F64 || type == LODE_TYPE_I64 ? 8
                                                                                   : 4;
}

static inline void
memory_put (LodeStore *store, const char *name, uint32_t type, size_t n, const void *data)
{
  Array *array = g_new (Array, 1);

  *array = (Array){ type, n, g_bytes_new (data, n * type_size (type)) };
  g_hash_table_replace (((Memory *) store)->at, g_strdup (name), array);
}

static inline bool
memory_count (const LodeStore *store, const char *name, uint32_t *type, size_t *n)
{
  Array *array = g_hash_table_lookup (((const Memory *) store)->at, name);

  if (!array)
    return false;
  *type = array->type;
  *n = array->n;
  return true;
}

static inline bool
memory_get (const LodeStore *store, const char *name, uint32_t type, size_t n, void *data,
            GError **error)
{
  Array *array = g_hash_table_lookup (((const Memory *) store)->at, name);

  if (array && array->type == type && array->n == n) {
    if (n)
      memcpy (data, g_bytes_get_data (array->bytes, NULL), n * type_size (type));
    return true;
  }
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED, "array \"%s\" is missing or differs",
               name);
  return false;
}

static const LodeStoreCalls memory_calls = {
  .size = sizeof (LodeStoreCalls), .put = memory_put, .get = memory_get, .count = memory_count
};

static inline Memory
memory_new (void)
{
  return (Memory){ { &memory_calls },
                   g_hash_table_new_full (g_str_hash, g_str_equal, g_free, array_free) };
}

static inline void
memory_clear (Memory *memory)
{
  g_hash_table_unref (memory->at);
}

/* A host that finds data, and a plugin opened with options as "name=text" (integers as digits). */
static inline char *
host_find (const LodeHost *host, const char *name, GError **error)
{
  (void) host;
  return lode_data_find (name, error);
}

/* What a plugin logged, a line each; counted and kept. */
static GString *host_said;

static inline void
host_hear (void *data, uint32_t level, const char *text)
{
  (void) data;
  (void) level;
  host_said = host_said ? host_said : g_string_new (NULL);
  g_string_append_printf (host_said, "%s\n", text);
}

static inline void
host_log (const LodeHost *host, uint32_t level, const char *text)
{
  host_hear ((void *) (uintptr_t) host, level, text);
}

static inline LodePictures *
host_pictures (const LodeHost *host, const LodePicturesIn *in, GError **error)
{
  LodeThreads *threads = lode_threads_new (2);
  LodeListener listener = { host_hear, (void *) (uintptr_t) host };
  LodePictures *pictures = lode_pictures_decode (in, threads, &listener, error);

  lode_threads_free (threads);
  return pictures;
}

static inline LodeRecords *
host_records (const LodeHost *host, const LodeRecordsIn *in, GError **error)
{
  (void) host;
  return lode_records_read (in, error);
}

static const LodeHostCalls host_calls = { .size = sizeof (LodeHostCalls),
                                          .log = host_log,
                                          .find_data = host_find,
                                          .pictures_new = host_pictures,
                                          .records_new = host_records };
static const LodeHost data_host = { .size = sizeof (LodeHost), .calls = &host_calls };

/* The instance (transfer full) and its vtable; NULL with an error. Option memory stays until the
 * process ends. */
static inline LodeDataset *
plugin_open (const char *name, const char *const *set, const LodeDatasetOps **ops, GError **error)
{
  static LodeRegistry *registry;
  static GPtrArray *owner;
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (LodeNode) group = lode_node_new (LODE_VALUE_GROUP, name, "test");
  const LodeLoaded *loaded;
  g_autofree void *conf = NULL;

  if (!registry) {
    registry = lode_registry_default (NULL);
    owner = g_ptr_array_new_with_free_func (g_free);
  }
  loaded = lode_registry_load (registry, "dataset", name, error);
  g_assert_nonnull (loaded);
  for (; set && *set; set++) {
    g_auto (GStrv) pair = g_strsplit (*set, "=", 2);
    bool digits = *pair[1] && strspn (pair[1], "0123456789") == strlen (pair[1]);
    bool truth = !strcmp (pair[1], "true"), list = *pair[1] == '[';
    LodeNode *node = lode_node_new (list     ? LODE_VALUE_LIST
                                    : truth  ? LODE_VALUE_BOOL
                                    : digits ? LODE_VALUE_INT
                                             : LODE_VALUE_TEXT,
                                    pair[0], "test");

    node->integer = digits ? g_ascii_strtoll (pair[1], NULL, 10) : 0;
    node->flag = truth;
    node->text = digits || truth || list ? NULL : g_strdup (pair[1]);
    if (list) { /* [a,b] of texts */
      g_autofree char *inner = g_strndup (pair[1] + 1, strlen (pair[1]) - 2);
      g_auto (GStrv) word = g_strsplit (inner, ",", -1);

      for (char **at = word; *at; at++) {
        LodeNode *child = lode_node_new (LODE_VALUE_TEXT, NULL, "test");

        child->text = g_strdup (*at);
        g_ptr_array_add (node->children, child);
      }
    }
    lode_node_set (group, node);
  }
  conf = g_malloc0 (loaded->table.conf_size);
  if (!lode_table_fill (&loaded->table, group, name, NULL, conf, owner, errors))
    g_error ("%s", (const char *) errors->pdata[0]);
  *ops = loaded->ops;
  return (*ops)->open (&data_host, conf, error);
}

#endif
