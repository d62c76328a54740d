/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Benchmark files, mapped. Everything is checked when a file is opened, so that a question is two
 * steps: the architecture's number in the space, and the place of that number among those that are
 * known, which is the number itself where all are.
 */
#include "run/benchmark.h"

#include "error.h"
#include "run/file.h"

#include <errno.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST_TEXT = 1 << 24, ORDER = 0x01020304 };

const char *const lode_benchmark_uses[] = { "other",  "valid", "test", "seconds", "seconds_epoch",
                                            "params", "macs",  "flag", NULL };

typedef struct Decision {
  const char *name;
  const char *const *option; /* [n] */
  uint32_t n;
  uint64_t stride;   /* of this decision in an architecture's number */
  uint8_t *to_file;  /* option of the bound space → of the file; NULL: not bound */
  int16_t *to_space; /* and back; −1: the space lacks it. [n] */
} Decision;

typedef struct Reader {
  LodeBenchmark base; /* first */
  const uint8_t *map;
  size_t mapped;
  LodeBenchmarkHead head;
  const uint64_t *code; /* [archs], ascending */
  const uint32_t *row;  /* [archs] */
  const double *value;  /* [columns][rows] */
  Decision *decision;   /* [decisions] */
  LodeBenchmarkColumn *column;
  uint64_t space; /* architectures of the space */
  JsonNode *json; /* owns the texts */
  JsonObject *texts;
  GPtrArray *owner; /* of arrays */
} Reader;

static const Reader *
reader_of (const LodeBenchmark *base)
{
  return (const Reader *) base;
}

static uint64_t
turn (uint64_t x, int by)
{
  return x << by | x >> (64 - by);
}

/* Four lanes of multiplications, mixed in the end; not against malice, but any few wrong bits. */
uint64_t
lode_benchmark_sum (const void *data, size_t n)
{
  const uint64_t odd = UINT64_C (0x9e3779b97f4a7c15);
  const uint8_t *at = data;
  uint64_t lane[4] = { n, n ^ odd, ~(uint64_t) n, odd }, sum = 0, word;
  size_t words = n / 8;

  for (size_t i = 0; i < words; i++) {
    memcpy (&word, at + 8 * i, 8);
    lane[i % 4] = turn ((lane[i % 4] ^ word) * odd, 29);
  }
  for (int i = 0; i < 4; i++)
    sum = turn ((sum ^ lane[i]) * UINT64_C (0xbf58476d1ce4e5b9), 31);
  return sum ^ sum >> 32;
}

static uint64_t
align (uint64_t n)
{
  return (n + LODE_BENCHMARK_ALIGN - 1) / LODE_BENCHMARK_ALIGN * LODE_BENCHMARK_ALIGN;
}

/* No product can exceed 64 bits: 32 bits by 32 bits by 8 may, and is refused before. */
bool
lode_benchmark_parts (const LodeBenchmarkHead *head, LodeBenchmarkParts *parts)
{
  uint64_t cells = (uint64_t) head->rows * head->columns;

  if (cells > UINT64_C (1) << 48)
    return false;
  parts->code = sizeof *head + align (head->text);
  parts->row = parts->code + align (8 * (uint64_t) head->archs);
  parts->value = parts->row + align (4 * (uint64_t) head->archs);
  parts->size = parts->value + align (8 * cells);
  return true;
}

static bool G_GNUC_PRINTF (3, 4) wrong (GError **error, const char *path, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
               "%s: %s; make the file anew (`lode data "
               "import` or `lode data build-table`)",
               path, text);
  return false;
}

/* What the head says of itself. */
static bool
check_head (const Reader *reader, const char *path, LodeBenchmarkParts *parts, GError **error)
{
  const LodeBenchmarkHead *head = &reader->head;

  if (memcmp (head->magic, LODE_BENCHMARK_MAGIC, sizeof head->magic))
    return wrong (error, path,
                  "is no benchmark file of Lode: it does not begin with " LODE_BENCHMARK_MAGIC);
  if (head->order != ORDER || G_BYTE_ORDER != G_LITTLE_ENDIAN)
    return wrong (error, path, "its numbers are little-endian, which this machine does not read");
  if (head->version != LODE_BENCHMARK_VERSION)
    return wrong (error, path, "has version %u, expected %d", head->version,
                  LODE_BENCHMARK_VERSION);
  if (head->head_sum != lode_benchmark_sum (head, offsetof (LodeBenchmarkHead, head_sum)))
    return wrong (error, path, "the checksum of its head is wrong: it is damaged");
  if (!lode_benchmark_parts (head, parts) || parts->size != head->size || head->text > MOST_TEXT)
    return wrong (error, path, "its head contradicts itself");
  if (head->size != reader->mapped)
    return wrong (error, path, "has %zu bytes, expected %" G_GUINT64_FORMAT ": it was cut",
                  reader->mapped, head->size);
  if (head->sum != lode_benchmark_sum (reader->map + sizeof *head, reader->mapped - sizeof *head))
    return wrong (error, path, "its checksum is wrong: it is damaged");
  return true;
}

/* A member that is a text, or NULL. */
static const char *
text_of (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node)
                                                                  : NULL;
}

static double
number_of (JsonObject *object, const char *name, double otherwise)
{
  JsonNode *node = json_object_get_member (object, name);

  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) != G_TYPE_STRING
             ? json_node_get_double (node)
             : otherwise;
}

/* A member that is an array of n objects, or of any number of something where n < 0. */
static JsonArray *
array_of (JsonObject *object, const char *name, int64_t n)
{
  JsonNode *node = json_object_get_member (object, name);
  JsonArray *array = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  return array && (n < 0 || json_array_get_length (array) == n) ? array : NULL;
}

static JsonObject *
element (JsonArray *array, uint32_t i)
{
  JsonNode *node = json_array_get_element (array, i);

  return JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static bool
read_decision (Reader *reader, JsonObject *object, Decision *decision)
{
  JsonArray *options = object ? array_of (object, "options", -1) : NULL;
  const char **names;

  decision->name = object ? text_of (object, "name") : NULL;
  decision->n = options ? json_array_get_length (options) : 0;
  if (!decision->name || decision->n < 1 || decision->n > 64)
    return false;
  names = g_new0 (const char *, decision->n);
  g_ptr_array_add (reader->owner, (gpointer) names);
  decision->option = names;
  for (uint32_t i = 0; i < decision->n; i++) {
    JsonNode *node = json_array_get_element (options, i);

    if (json_node_get_value_type (node) != G_TYPE_STRING)
      return false;
    names[i] = json_node_get_string (node);
  }
  return true;
}

/* The last decision varies fastest. */
static bool
read_decisions (Reader *reader, JsonObject *root)
{
  JsonArray *array = array_of (root, "decisions", reader->head.decisions);

  if (!array)
    return false;
  reader->decision = g_new0 (Decision, (gsize) reader->head.decisions + 1);
  reader->space = 1;
  for (uint32_t i = reader->head.decisions; i-- > 0;) {
    Decision *decision = &reader->decision[i];

    if (!read_decision (reader, element (array, i), decision))
      return false;
    decision->stride = reader->space;
    if (__builtin_mul_overflow (reader->space, decision->n, &reader->space))
      return false;
  }
  return true;
}

static bool
read_column (JsonObject *object, LodeBenchmarkColumn *column)
{
  const char *const names[] = { "name", "doc", "unit", "set", "of", "guard", "use" };
  const char *text[G_N_ELEMENTS (names)];
  double epochs = object ? number_of (object, "epochs", 0) : 0,
         seed = object ? number_of (object, "seed", -1) : -1;

  if (!object || !(epochs >= 0 && epochs <= UINT32_MAX) || !(fabs (seed) <= 0x1p53))
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (!(text[i] = text_of (object, names[i])))
      return false;
  *column = (LodeBenchmarkColumn){ .size = sizeof *column,
                                   .name = text[0],
                                   .doc = text[1],
                                   .unit = text[2],
                                   .set = text[3],
                                   .of = text[4],
                                   .guard = text[5],
                                   .epochs = (uint32_t) epochs,
                                   .seed = (int64_t) seed };
  while (lode_benchmark_uses[column->use] && strcmp (lode_benchmark_uses[column->use], text[6]))
    column->use++;
  if (!lode_benchmark_uses[column->use])
    column->use = LODE_BENCHMARK_OTHER;
  return *column->name != 0;
}

static bool
read_columns (Reader *reader, JsonObject *root)
{
  JsonArray *array = array_of (root, "columns", reader->head.columns);

  if (!array)
    return false;
  reader->column = g_new0 (LodeBenchmarkColumn, (gsize) reader->head.columns + 1);
  for (uint32_t i = 0; i < reader->head.columns; i++)
    if (!read_column (element (array, i), &reader->column[i]))
      return false;
  return true;
}

/* The description: texts, decisions, columns. */
static bool
read_text (Reader *reader, const char *path, GError **error)
{
  g_autofree char *text =
      g_strndup ((const char *) reader->map + sizeof reader->head, reader->head.text);
  g_autoptr (GError) failure = NULL;
  JsonObject *root;
  JsonNode *texts;

  reader->json = json_from_string (text, &failure);
  root = reader->json && JSON_NODE_HOLDS_OBJECT (reader->json) ? json_node_get_object (reader->json)
                                                               : NULL;
  texts = root ? json_object_get_member (root, "texts") : NULL;
  if (!texts || !JSON_NODE_HOLDS_OBJECT (texts))
    return wrong (error, path, "its description cannot be read");
  reader->texts = json_node_get_object (texts);
  if (!read_decisions (reader, root))
    return wrong (error, path, "its description does not tell of %u decisions",
                  reader->head.decisions);
  if (!read_columns (reader, root))
    return wrong (error, path, "its description does not tell of %u columns", reader->head.columns);
  return true;
}

static bool
check_archs (const Reader *reader, const char *path, GError **error)
{
  for (uint32_t i = 0; i < reader->head.archs; i++)
    if (reader->code[i] >= reader->space || reader->row[i] >= reader->head.rows
        || (i && reader->code[i] <= reader->code[i - 1]))
      return wrong (error, path, "architecture %u of %u is out of order or out of range", i,
                    reader->head.archs);
  return true;
}

static bool
open_map (Reader *reader, const char *path, GError **error)
{
  uint64_t size;
  int fd = lode_file_open (path, INT64_MAX, &size, error);

  if (fd < 0)
    return false;
  if (size >= sizeof reader->head)
    reader->map = mmap (NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
  close (fd);
  if (reader->map == MAP_FAILED) {
    reader->map = NULL;
    lode_file_fail ("map", path, errno, error);
    return false;
  }
  if (!reader->map)
    return wrong (error, path, "is no benchmark file of Lode: it has %" G_GUINT64_FORMAT " bytes",
                  size);
  reader->mapped = size;
  memcpy (&reader->head, reader->map, sizeof reader->head);
  return true;
}

static void
read_free (LodeBenchmark *base)
{
  Reader *reader = (Reader *) base;

  if (reader->map)
    munmap ((void *) (uintptr_t) reader->map, reader->mapped);
  g_clear_pointer (&reader->json, json_node_unref);
  g_ptr_array_unref (reader->owner);
  g_free (reader->decision);
  g_free (reader->column);
  g_free (reader);
}

static uint32_t
read_archs (const LodeBenchmark *base)
{
  return reader_of (base)->head.archs;
}

static uint32_t
read_rows (const LodeBenchmark *base)
{
  return reader_of (base)->head.rows;
}

static uint32_t
count_columns (const LodeBenchmark *base)
{
  return reader_of (base)->head.columns;
}

static void
give_column (const LodeBenchmark *base, uint32_t i, LodeBenchmarkColumn *column)
{
  size_t size = MIN (column->size, sizeof *column);

  memcpy (column, &reader_of (base)->column[i], size);
  column->size = size;
}

static int32_t
find_column (const LodeBenchmark *base, const char *name)
{
  const Reader *reader = reader_of (base);

  for (uint32_t i = 0; i < reader->head.columns; i++)
    if (!strcmp (reader->column[i].name, name))
      return (int32_t) i;
  return -1;
}

static const double *
give_values (const LodeBenchmark *base, uint32_t column)
{
  const Reader *reader = reader_of (base);

  return reader->value + (size_t) column * reader->head.rows;
}

static const char *
give_text (const LodeBenchmark *base, const char *name)
{
  return text_of (reader_of (base)->texts, name);
}

/* Options of a decision by their names, both ways. */
static bool
bind_decision (Reader *reader, Decision *decision, const LodeDecision *there, GError **error)
{
  uint8_t *to_file = g_new0 (uint8_t, there->n);
  int16_t *to_space = g_new (int16_t, decision->n);

  g_ptr_array_add (reader->owner, to_file);
  g_ptr_array_add (reader->owner, to_space);
  memset (to_space, -1, decision->n * sizeof *to_space);
  for (uint32_t i = 0; i < there->n; i++) {
    uint32_t at = 0;

    while (at < decision->n && strcmp (decision->option[at], there->option[i]))
      at++;
    if (at == decision->n) {
      g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                   "the benchmark knows no option \"%s\" of the decision %s (it knows %s …); take "
                   "a space without it, or another benchmark",
                   there->option[i], there->name, decision->option[0]);
      return false;
    }
    to_file[i] = (uint8_t) at;
    to_space[at] = (int16_t) i;
  }
  decision->to_file = to_file;
  decision->to_space = to_space;
  return true;
}

static bool
bind_space (LodeBenchmark *base, const LodeSpace *space, GError **error)
{
  Reader *reader = (Reader *) base;

  if (space->n != reader->head.decisions) {
    const char *name = give_text (base, "space");

    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "the benchmark is of a space of %u decisions (%s), the backbone's has %u; choose "
                 "the backbone that it was made for",
                 reader->head.decisions, name ? name : "without a name", space->n);
    return false;
  }
  for (uint32_t i = 0; i < space->n; i++) {
    const LodeDecision *there = lode_space_at (space, i);

    if (strcmp (there->name, reader->decision[i].name)) {
      g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                   "decision %u of the benchmark is %s, the backbone's is %s; choose the backbone "
                   "that it was made for",
                   i + 1, reader->decision[i].name, there->name);
      return false;
    }
    if (!bind_decision (reader, &reader->decision[i], there, error))
      return false;
  }
  return true;
}

/* The place of a number among those that are known, or −1. */
static int64_t
place_of (const Reader *reader, uint64_t code)
{
  uint32_t low = 0, high = reader->head.archs;

  if (reader->space == high)
    return (int64_t) code;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;

    if (reader->code[middle] < code)
      low = middle + 1;
    else
      high = middle;
  }
  return low < reader->head.archs && reader->code[low] == code ? (int64_t) low : -1;
}

static int64_t
find_row (const LodeBenchmark *base, const uint8_t *arch)
{
  const Reader *reader = reader_of (base);
  uint64_t code = 0;
  int64_t place;

  for (uint32_t i = 0; i < reader->head.decisions; i++)
    code += reader->decision[i].stride * reader->decision[i].to_file[arch[i]];
  place = place_of (reader, code);
  return place < 0 ? -1 : (int64_t) reader->row[place];
}

static bool
give_arch (const LodeBenchmark *base, uint32_t i, uint8_t *arch, uint32_t *row)
{
  const Reader *reader = reader_of (base);
  uint64_t code = reader->code[i];

  *row = reader->row[i];
  for (uint32_t d = 0; d < reader->head.decisions; d++) {
    const Decision *decision = &reader->decision[d];
    int16_t option = decision->to_space[code / decision->stride];

    if (option < 0)
      return false;
    arch[d] = (uint8_t) option;
    code %= decision->stride;
  }
  return true;
}

uint32_t
lode_benchmark_decisions (const LodeBenchmark *base)
{
  return reader_of (base)->head.decisions;
}

const char *
lode_benchmark_decision (const LodeBenchmark *base, uint32_t i, uint32_t *n,
                         const char *const **option)
{
  const Decision *decision = &reader_of (base)->decision[i];

  *n = decision->n;
  *option = decision->option;
  return decision->name;
}

static const LodeBenchmarkCalls calls = { .size = sizeof (LodeBenchmarkCalls),
                                          .archs = read_archs,
                                          .rows = read_rows,
                                          .columns = count_columns,
                                          .column = give_column,
                                          .find = find_column,
                                          .values = give_values,
                                          .text = give_text,
                                          .bind = bind_space,
                                          .row = find_row,
                                          .arch = give_arch,
                                          .free = read_free };

LodeBenchmark *
lode_benchmark_read (const char *path, GError **error)
{
  Reader *reader = g_new0 (Reader, 1);
  LodeBenchmarkParts parts = { 0 };

  reader->base.calls = &calls;
  reader->owner = g_ptr_array_new_with_free_func (g_free);
  if (open_map (reader, path, error) && check_head (reader, path, &parts, error)) {
    reader->code = (const uint64_t *) (const void *) (reader->map + parts.code);
    reader->row = (const uint32_t *) (const void *) (reader->map + parts.row);
    reader->value = (const double *) (const void *) (reader->map + parts.value);
    if (read_text (reader, path, error) && check_archs (reader, path, error))
      return &reader->base;
  }
  read_free (&reader->base);
  return NULL;
}
