/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LAPACK's routines on row-major matrices: what is upper here is lower there.
 */
#include "linalg/factor.h"

#include <cblas.h>
#include <glib.h>
#include <pthread.h>

/* OpenBLAS holds LAPACK, and not every system has a header for it. */
void dpotrf_ (const char *, const int *, double *, const int *, int *, size_t);
void dtrtri_ (const char *, const char *, const int *, double *, const int *, int *, size_t,
              size_t);
void dpstrf_ (const char *, const int *, double *, const int *, int *, int *, const double *,
              double *, int *, size_t);

static void
one_thread (void)
{
  openblas_set_num_threads (1);
}

void
lode_blas_prepare (void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;

  pthread_once (&once, one_thread);
}

static void
clear_below (uint32_t n, double *a)
{
  for (uint32_t i = 1; i < n; i++)
    for (uint32_t j = 0; j < i; j++)
      a[(size_t) i * n + j] = 0;
}

bool
lode_factor (uint32_t n, double *a)
{
  int size = (int) n, info = 0;

  lode_blas_prepare ();
  dpotrf_ ("L", &size, a, &size, &info, 1);
  clear_below (n, a);
  return info == 0;
}

bool
lode_factor_invert (uint32_t n, double *r)
{
  int size = (int) n, info = 0;

  lode_blas_prepare ();
  dtrtri_ ("L", "N", &size, r, &size, &info, 1, 1);
  return info == 0;
}

uint32_t
lode_factor_rank (uint32_t n, double *a, double cut, uint32_t *keep)
{
  g_autofree int *order = g_new (int, n);
  g_autofree double *work = g_new (double, 2 * (size_t) n);
  g_autofree bool *kept = g_new0 (bool, n);
  int size = (int) n, rank = 0, info = 0;
  uint32_t found = 0;

  lode_blas_prepare ();
  dpstrf_ ("L", &size, a, &size, order, &rank, &cut, work, &info, 1);
  for (int i = 0; i < rank; i++)
    kept[order[i] - 1] = true;
  for (uint32_t j = 0; j < n; j++)
    if (kept[j])
      keep[found++] = j;
  return found;
}

void
lode_factor_solve (uint32_t n, const double *r, uint32_t columns, double *x)
{
  int size = (int) n, wide = (int) columns;

  lode_blas_prepare ();
  cblas_dtrsm (CblasRowMajor, CblasLeft, CblasUpper, CblasTrans, CblasNonUnit, size, wide, 1, r,
               size, x, wide);
  cblas_dtrsm (CblasRowMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit, size, wide, 1, r,
               size, x, wide);
}
