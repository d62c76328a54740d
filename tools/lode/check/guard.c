/* SPDX-License-Identifier: Apache-2.0 */
#include "guard.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

enum { PATTERN = 0xa5 };

typedef struct Block {
  uint8_t *map, *at; /* one faulting page, `inner` bytes of pages, another faulting page */
  size_t whole, inner, n;
  const char *what;
  bool sealed, hidden;
} Block;

struct Guards {
  GuardSide side;
  GArray *blocks; /* Block */
};

/* Of the one run under way. */
static struct {
  const Guards *guards;
  sigjmp_buf back;
  const uint8_t *volatile fault;
  volatile bool wrote;
} run;

Guards *
guards_new (GuardSide side)
{
  Guards *guards = g_new0 (Guards, 1);

  guards->side = side;
  guards->blocks = g_array_new (FALSE, FALSE, sizeof (Block));
  return guards;
}

void
guards_free (Guards *guards)
{
  for (guint i = 0; i < guards->blocks->len; i++) {
    const Block *block = &g_array_index (guards->blocks, Block, i);

    munmap (block->map, block->whole);
  }
  g_array_unref (guards->blocks);
  g_free (guards);
}

static Block *
take (Guards *guards, size_t n, const char *what)
{
  size_t page = (size_t) sysconf (_SC_PAGESIZE), inner = (n + page - 1) / page * page;
  Block block = { .whole = inner + 2 * page, .inner = inner, .n = n, .what = what };
  void *map = mmap (NULL, block.whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  g_assert (map != MAP_FAILED && (inner == 0 || mprotect ((uint8_t *) map + page, inner, 3) == 0));
  block.map = map;
  block.at = block.map + page + (guards->side == GUARD_BEHIND ? inner - n : 0);
  memset (block.map + page, PATTERN, inner);
  g_array_append_val (guards->blocks, block);
  return &g_array_index (guards->blocks, Block, guards->blocks->len - 1);
}

static void
protect (Block *block, int access)
{
  g_assert (block->inner == 0
            || mprotect (block->map + (block->whole - block->inner) / 2, block->inner, access)
                   == 0);
}

void *
guards_take (Guards *guards, size_t n, const char *what)
{
  return take (guards, n, what)->at;
}

void *
guards_seal (Guards *guards, const void *data, size_t n, const char *what)
{
  Block *block = data ? take (guards, n, what) : NULL;

  if (!block)
    return NULL;
  if (n)
    memcpy (block->at, data, n);
  block->sealed = true;
  protect (block, PROT_READ);
  return block->at;
}

void *
guards_hide (Guards *guards, size_t n, const char *what)
{
  Block *block = take (guards, n, what);

  block->hidden = true;
  protect (block, PROT_NONE);
  return block->at;
}

static const Block *
block_of (const Guards *guards, const uint8_t *address)
{
  for (guint i = 0; guards && i < guards->blocks->len; i++) {
    const Block *block = &g_array_index (guards->blocks, Block, i);

    if (address >= block->map && address < block->map + block->whole)
      return block;
  }
  return NULL;
}

static bool
is_write (const void *context)
{
#if defined(__x86_64__)
  return ((const ucontext_t *) context)->uc_mcontext.gregs[REG_ERR] & 2;
#else
  (void) context;
  return true;
#endif
}

/* A fault elsewhere is the plugin's death, as without us. */
static void
on_fault (int number, siginfo_t *info, void *context)
{
  if (!block_of (run.guards, info->si_addr)) {
    signal (number, SIG_DFL);
    return;
  }
  run.fault = info->si_addr;
  run.wrote = is_write (context);
  siglongjmp (run.back, 1);
}

static void
tell_fault (Check *check)
{
  const Block *block = block_of (run.guards, run.fault);
  const char *did = run.wrote ? "written" : "read";

  if (run.fault < block->at)
    check_fail (check,
                "expected it to stay within its %s of %zu bytes, found byte %zd before it %s",
                block->what, block->n, block->at - run.fault, did);
  else if (run.fault >= block->at + block->n)
    check_fail (check,
                "expected it to stay within its %s of %zu bytes, found byte %zd behind it %s",
                block->what, block->n, run.fault - (block->at + block->n) + 1, did);
  else if (block->hidden)
    check_fail (check, "expected it not to touch %s, found byte %zd of them %s", block->what,
                run.fault - block->at + 1, did);
  else
    check_fail (check, "expected it only to read its %s, found byte %zd written", block->what,
                run.fault - block->at + 1);
}

/* Bytes of a block's own pages that are not its own. */
static bool
check_rest (const Guards *guards, Check *check)
{
  for (guint i = 0; i < guards->blocks->len; i++) {
    const Block *block = &g_array_index (guards->blocks, Block, i);
    const uint8_t *begin = block->map + (block->whole - block->inner) / 2;

    for (const uint8_t *at = begin; !block->hidden && at < begin + block->inner; at++)
      if (*at != PATTERN && (at < block->at || at >= block->at + block->n))
        return check_fail (check,
                           "expected it to stay within its %s of %zu bytes, found a byte %s it "
                           "written",
                           block->what, block->n, at < block->at ? "before" : "behind");
  }
  return true;
}

bool
guards_run (Guards *guards, Check *check, void (*f) (void *), void *data)
{
  static const int deaths[] = { SIGSEGV, SIGBUS };
  struct sigaction ours = { .sa_flags = SA_SIGINFO }, before[G_N_ELEMENTS (deaths)];
  volatile bool ok = false;

  ours.sa_sigaction = on_fault;
  for (size_t i = 0; i < G_N_ELEMENTS (deaths); i++)
    sigaction (deaths[i], &ours, &before[i]);
  run.guards = guards;
  if (sigsetjmp (run.back, 1) == 0) {
    f (data);
    ok = true;
  } else
    tell_fault (check);
  run.guards = NULL;
  for (size_t i = 0; i < G_N_ELEMENTS (deaths); i++)
    sigaction (deaths[i], &before[i], NULL);
  return ok && check_rest (guards, check);
}
