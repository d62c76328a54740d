/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: threads, kernels, one arena for all programs, and the programs used last.
 */
#include "compute/step.h"

enum { PROGRAMS = 64 };

struct LodeEngine {
  LodeThreads *threads;
  const LodeKernels *kernels;
  uint8_t *arena;
  size_t arena_bytes;
  float *scratch;      /* [threads][scratch_room] */
  size_t scratch_room; /* floats, a multiple of a cache line */
  LodeProgram *program[PROGRAMS];
  uint32_t programs;
  uint64_t clock;
  LodeProfile *profile;
  bool fuse, winograd;
  size_t stream; /* bytes of arena */
};

LodeEngine *
lode_engine_new (uint32_t threads, const LodeKernels *kernels)
{
  LodeEngine *engine = g_new0 (LodeEngine, 1);

  engine->threads = lode_threads_new (threads);
  engine->kernels = kernels;
  engine->fuse = engine->winograd = true;
  engine->stream = 256 << 20;
  return engine;
}

void
lode_engine_free (LodeEngine *engine)
{
  if (!engine)
    return;
  for (uint32_t i = 0; i < engine->programs; i++)
    lode_program_free (engine->program[i]);
  lode_threads_free (engine->threads);
  lode_profile_free (engine->profile);
  free (engine->arena);
  free (engine->scratch);
  g_free (engine);
}

LodeThreads *
lode_engine_threads (const LodeEngine *engine)
{
  return engine->threads;
}

const LodeKernels *
lode_engine_kernels (const LodeEngine *engine)
{
  return engine->kernels;
}

size_t
lode_engine_peak (const LodeEngine *engine)
{
  return engine->arena_bytes;
}

void
lode_engine_fuse (LodeEngine *engine, bool on)
{
  engine->fuse = on;
}

void
lode_engine_winograd (LodeEngine *engine, bool on)
{
  engine->winograd = on;
}

bool
lode_engine_turns (const LodeEngine *engine)
{
  return engine->winograd;
}

void
lode_engine_stream (LodeEngine *engine, size_t bytes)
{
  engine->stream = bytes;
}

bool
lode_engine_streams (const LodeEngine *engine, size_t bytes)
{
  return bytes > engine->stream;
}

bool
lode_engine_fuses (const LodeEngine *engine)
{
  return engine->fuse;
}

void
lode_engine_profile (LodeEngine *engine, bool on)
{
  g_clear_pointer (&engine->profile, lode_profile_free);
  if (on)
    engine->profile = lode_profile_new (lode_threads_count (engine->threads));
}

uint32_t
lode_engine_shares (const LodeEngine *engine, LodeShare *share, uint32_t n)
{
  return engine->profile ? lode_profile_shares (engine->profile, share, n) : 0;
}

LodeProfile *
lode_engine_clock (const LodeEngine *engine)
{
  return engine->profile;
}

double
lode_engine_now (const LodeEngine *engine)
{
  return lode_profile_now (engine->profile);
}

void
lode_engine_recorded (LodeEngine *engine, double begun)
{
  lode_profile_prepared (engine->profile, LODE_PREPARE_RECORD, begun);
}

static void *
allocate (size_t bytes)
{
  void *at = aligned_alloc (64, (bytes + 63) / 64 * 64);

  if (!at)
    g_error ("out of memory: a program wants %zu MB; make batch or width smaller", bytes >> 20);
  return at;
}

/* Grown with some room, so that ever larger programs do not each map it anew; contents are lost. */
void *
lode_engine_arena (LodeEngine *engine, size_t bytes)
{
  if (bytes > engine->arena_bytes) {
    free (engine->arena);
    engine->arena_bytes = bytes + bytes / 16 + 4096;
    engine->arena = allocate (engine->arena_bytes);
  }
  return engine->arena;
}

float *
lode_engine_scratch (LodeEngine *engine, size_t floats, uint32_t worker)
{
  if (floats > engine->scratch_room) {
    uint32_t n = lode_threads_count (engine->threads);

    free (engine->scratch);
    engine->scratch_room = ((floats + 15) / 16 | 1) * 16;
    engine->scratch = allocate (engine->scratch_room * n * sizeof (float));
  }
  return engine->scratch ? engine->scratch + engine->scratch_room * worker : NULL;
}

const LodeProgram *
lode_engine_largest (const LodeEngine *engine)
{
  const LodeProgram *most = NULL;

  for (uint32_t i = 0; i < engine->programs; i++)
    if (!most || engine->program[i]->bytes > most->bytes)
      most = engine->program[i];
  return most;
}

static bool
is_same_nodes (const LodeProgram *p, const LodeRecord *record)
{
  if (p->nodes != record->nodes || p->source_inputs != record->inputs
      || p->outputs != record->outputs || p->confs != record->confs
      || memcmp (p->source, record->node, p->nodes * sizeof (LodeNode)) != 0
      || memcmp (p->input, record->input, p->source_inputs * sizeof (LodeValue)) != 0
      || memcmp (p->output, record->output, p->outputs * sizeof (LodeValue)) != 0
      || (p->confs && memcmp (p->conf, record->conf, p->confs) != 0))
    return false;
  for (uint32_t v = 0; v < p->nodes; v++)
    if (p->node[v].weight >= 0 && p->frozen[v] != lode_node_frozen (record, &p->node[v]))
      return false;
  return p->options == (record->space ? record->space->options : 0);
}

/* Where a new program goes: an empty place, or the one not used for longest. */
static uint32_t
place_for (LodeEngine *engine)
{
  uint32_t oldest = 0;

  if (engine->programs < PROGRAMS)
    return engine->programs++;
  for (uint32_t i = 1; i < PROGRAMS; i++)
    if (engine->program[i]->used < engine->program[oldest]->used)
      oldest = i;
  lode_program_free (engine->program[oldest]);
  return oldest;
}

static LodeProgram *
find (const LodeEngine *engine, const LodeRecord *record, uint64_t hash, uint32_t batch,
      uint32_t grad)
{
  for (uint32_t i = 0; i < engine->programs; i++) {
    LodeProgram *program = engine->program[i];

    if (program->hash == hash && program->batch == batch && program->grad == grad
        && program->fuse == engine->fuse && program->winograd == engine->winograd
        && !record->mistake && is_same_nodes (program, record))
      return program;
  }
  return NULL;
}

LodeProgram *
lode_engine_program (LodeEngine *engine, const LodeRecord *record, uint32_t batch, uint32_t grad,
                     GError **error)
{
  double begun = lode_engine_now (engine);
  uint64_t hash = lode_record_hash (record);
  LodeProgram *program = find (engine, record, hash, batch, grad);

  if (!program) {
    program = lode_program_compile (engine, record, batch, grad, error);
    if (!program)
      return NULL;
    program->hash = hash;
    engine->program[place_for (engine)] = program;
  }
  program->used = ++engine->clock;
  lode_profile_prepared (engine->profile, LODE_PREPARE_FIND, begun);
  return program;
}
