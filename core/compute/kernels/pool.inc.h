/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools of a chunk: rows of output pixels, cut into runs with windows clipped alike, for
 * window.inc.h.
 */

/*
 * The run of output pixels that begins at ox: a whole row's inner ones together, edge pixels
 * singly. false: the window lies outside the image altogether.
 */
static bool
clip_run (const LodePoolGeometry *g, uint32_t oy, uint32_t ox, Clip *clip)
{
  int64_t y0 = (int64_t) oy * g->stride - g->pad, x0 = (int64_t) ox * g->stride - g->pad;
  int64_t y1 = y0 + g->kernel < g->h ? y0 + g->kernel : g->h;
  int64_t x1 = x0 + g->kernel < g->w ? x0 + g->kernel : g->w;
  uint32_t count = 1;

  if (x0 >= 0 && x0 + g->kernel <= g->w)
    count += (uint32_t) ((g->w - g->kernel - x0) / g->stride);
  y0 = y0 < 0 ? 0 : y0;
  x0 = x0 < 0 ? 0 : x0;
  *clip = (Clip){ .count = count < g->ow - ox ? count : g->ow - ox };
  if (y1 <= y0 || x1 <= x0)
    return false;
  clip->y0 = (uint32_t) y0;
  clip->y1 = (uint32_t) y1;
  clip->x0 = (uint32_t) x0;
  clip->x1 = (uint32_t) x1;
  clip->share = 1 / (float) ((y1 - y0) * (x1 - x0));
  return true;
}

static void
max_pool (const LodePoolGeometry *g, const float *x, float *y)
{
  Clip clip;

  for (uint32_t i = 0; i < g->n; i++, x += (size_t) g->h * g->w * g->c)
    for (uint32_t oy = 0; oy < g->oh; oy++)
      for (uint32_t ox = 0; ox < g->ow; ox += clip.count, y += clip.count * (size_t) g->c) {
        uint32_t at = 0;

        if (!clip_run (g, oy, ox, &clip)) {
          memset (y, 0, clip.count * (size_t) g->c * sizeof *y);
          continue;
        }
#define CALL(n) F_OF (max_pool, n) (g, &clip, x + at, y + at)
        BLOCKS (g->c, CALL)
#undef CALL
      }
}

static void
max_pool_dx (const LodePoolGeometry *g, const float *x, const float *y, const float *dy, float *dx)
{
  size_t in = (size_t) g->h * g->w * g->c;
  Clip clip;

  for (uint32_t i = 0; i < g->n; i++, x += in, dx += in)
    for (uint32_t oy = 0; oy < g->oh; oy++)
      for (uint32_t ox = 0; ox < g->ow;
           ox += clip.count, y += clip.count * (size_t) g->c, dy += clip.count * (size_t) g->c) {
        uint32_t at = 0;

        if (!clip_run (g, oy, ox, &clip))
          continue;
#define CALL(n) F_OF (max_pool_dx, n) (g, &clip, x + at, y + at, dy + at, dx + at)
        BLOCKS (g->c, CALL)
#undef CALL
      }
}

static void
avg_pool (const LodePoolGeometry *g, const float *x, float *y)
{
  Clip clip;

  for (uint32_t i = 0; i < g->n; i++, x += (size_t) g->h * g->w * g->c)
    for (uint32_t oy = 0; oy < g->oh; oy++)
      for (uint32_t ox = 0; ox < g->ow; ox += clip.count, y += clip.count * (size_t) g->c) {
        uint32_t at = 0;

        if (!clip_run (g, oy, ox, &clip)) {
          memset (y, 0, clip.count * (size_t) g->c * sizeof *y);
          continue;
        }
#define CALL(n) F_OF (avg_pool, n) (g, &clip, x + at, y + at)
        BLOCKS (g->c, CALL)
#undef CALL
      }
}

static void
avg_pool_dx (const LodePoolGeometry *g, const float *dy, float *dx)
{
  Clip clip;

  for (uint32_t i = 0; i < g->n; i++, dx += (size_t) g->h * g->w * g->c)
    for (uint32_t oy = 0; oy < g->oh; oy++)
      for (uint32_t ox = 0; ox < g->ow; ox += clip.count, dy += clip.count * (size_t) g->c) {
        uint32_t at = 0;

        if (!clip_run (g, oy, ox, &clip))
          continue;
#define CALL(n) F_OF (avg_pool_dx, n) (g, &clip, dy + at, dx + at)
        BLOCKS (g->c, CALL)
#undef CALL
      }
}

static void
global_pool (uint32_t n, size_t pixels, uint32_t c, const float *x, float *y)
{
  memset (y, 0, (size_t) n * c * sizeof *y);
  for (uint32_t i = 0; i < n; i++) {
    add_columns (pixels, c, x + i * pixels * c, y + (size_t) i * c);
    for (uint32_t l = 0; l < c; l++)
      y[(size_t) i * c + l] /= (float) pixels;
  }
}

static void
global_pool_dx (uint32_t n, size_t pixels, uint32_t c, const float *dy, float *dx)
{
  float share = 1 / (float) pixels;

  for (uint32_t i = 0; i < n; i++)
    for (size_t p = 0; p < pixels; p++)
      for (uint32_t l = 0; l < c; l++)
        dx[(i * pixels + p) * c + l] += dy[(size_t) i * c + l] * share;
}
