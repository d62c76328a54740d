/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loops over elements, for the compiler to vectorise; sums keep an order of their own.
 */
static void
relu (size_t n, const float *x, float *y)
{
  for (size_t i = 0; i < n; i++)
    y[i] = x[i] < 0 ? 0 : x[i];
}

static void
relu_mask (size_t n, const float *y, const float *dy, float *dx)
{
  for (size_t i = 0; i < n; i++)
    dx[i] = y[i] > 0 ? dy[i] : 0;
}

static void
relu_dx (size_t n, const float *y, const float *dy, float *dx)
{
  for (size_t i = 0; i < n; i++)
    dx[i] += y[i] > 0 ? dy[i] : 0;
}

static void
fill (size_t n, float a, float *y)
{
  for (size_t i = 0; i < n; i++)
    y[i] = a;
}

/* Whole lines are written without being read first. The fence orders them before what tells other
 * threads of them. */
static void
stream (size_t n, const float *x, float *y)
{
  size_t i = 0;

#ifdef __AVX__
  typedef float Eight __attribute__ ((vector_size (32), aligned (4), may_alias));

  for (; i < n && (uintptr_t) (y + i) % 32; i++)
    y[i] = x[i];
  for (; i + 8 <= n; i += 8)
    __builtin_ia32_movntps256 (y + i, *(const Eight *) (x + i));
  __builtin_ia32_sfence ();
#endif
  memcpy (y + i, x + i, (n - i) * sizeof *y);
}

static void
scale (size_t n, float a, const float *x, float *y)
{
  for (size_t i = 0; i < n; i++)
    y[i] = a * x[i];
}

static void
axpy (size_t n, float a, const float *x, float *y)
{
  for (size_t i = 0; i < n; i++)
    y[i] += a * x[i];
}

static void
add (size_t n, const float *x, const float *y, float *z)
{
  for (size_t i = 0; i < n; i++)
    z[i] = x[i] + y[i];
}

/* Sixteen float sums over blocks of 1024, the blocks' sums in float64: the same order for any
 * vector width. */
static double
dot (size_t n, const float *x, const float *y)
{
  double total = 0;

  for (size_t first = 0; first < n; first += 1024) {
    size_t m = n - first < 1024 ? n - first : 1024, i = 0;
    const float *a = x + first, *b = y + first;
    float acc[16] = { 0 };
    double sum = 0;

    for (; i + 16 <= m; i += 16)
      for (int l = 0; l < 16; l++)
        acc[l] += a[i + l] * b[i + l];
    for (; i < m; i++)
      acc[i % 16] += a[i] * b[i];
    for (int l = 0; l < 16; l++)
      sum += (double) acc[l];
    total += sum;
  }
  return total;
}

/* In blocks that stay in cache, one input after the other. */
static void
combine (size_t n, uint32_t m, const float *a, const float *const *x, float *y)
{
  for (size_t first = 0; first < n; first += 2048) {
    size_t length = n - first < 2048 ? n - first : 2048;

    if (m == 0)
      fill (length, 0, y + first);
    else
      scale (length, a[0], x[0] + first, y + first);
    for (uint32_t i = 1; i < m; i++)
      axpy (length, a[i], x[i] + first, y + first);
  }
}

static void
dots (size_t n, uint32_t m, const float *g, const float *const *x, double *d)
{
  memset (d, 0, m * sizeof *d);
  for (size_t first = 0; first < n; first += 1024) {
    size_t length = n - first < 1024 ? n - first : 1024;

    for (uint32_t i = 0; i < m; i++)
      d[i] += dot (length, g + first, x[i] + first);
  }
}
