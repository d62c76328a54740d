/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The row work of a pass, compiled for float and double. REAL, NAME (f), SYRK and TRMM are set by
 * lewis-pass.c. Sums run in LANES_OF partial ones, so that no compiler has to reorder them.
 */
enum { NAME (parts) = 64 / sizeof (REAL) };

/* Block rows as the products want them. panel: first row of the block. z: [m][r] */
static void
NAME (load) (const LodeLewis *state, const void *panel, uint32_t m, bool all, REAL *z)
{
  uint32_t d = state->rows->d, r = state->r;
  const float *narrow = panel;
  const double *wide = panel;

  if (state->plain && state->rows->wide == (sizeof (REAL) == sizeof (double))) {
    memcpy (z, panel, (size_t) m * r * sizeof (REAL));
    return;
  }
  for (uint32_t i = 0; i < m; i++, narrow += d, wide += d)
    for (uint32_t j = 0; j < r; j++) {
      uint32_t column = all ? j : state->keep[j];

      z[(size_t) i * r + j] = column == d         ? 1
                              : state->rows->wide ? (REAL) wide[column]
                                                  : (REAL) narrow[column];
    }
}

static double
NAME (square) (const REAL *z, uint32_t r)
{
  REAL part[NAME (parts)] = { 0 };
  double sum = 0;
  uint32_t j = 0;

  for (; j + NAME (parts) <= r; j += NAME (parts))
    for (uint32_t k = 0; k < NAME (parts); k++)
      part[k] += z[j + k] * z[j + k];
  for (; j < r; j++)
    sum += (double) z[j] * z[j];
  for (uint32_t k = 0; k < NAME (parts); k++)
    sum += part[k];
  return sum;
}

/* x · 0 is not 0 exactly where x is not finite. */
static bool
NAME (finite) (const REAL *z, uint32_t r)
{
  REAL part[NAME (parts)] = { 0 }, sum = 0;
  uint32_t j = 0;

  for (; j + NAME (parts) <= r; j += NAME (parts))
    for (uint32_t k = 0; k < NAME (parts); k++)
      part[k] += z[j + k] * 0;
  for (; j < r; j++)
    sum += z[j] * 0;
  for (uint32_t k = 0; k < NAME (parts); k++)
    sum += part[k];
  return sum == 0;
}

static void
NAME (check) (const LodeLewis *state, LodeLane *lane, uint32_t row, const REAL *z)
{
  uint32_t r = state->r;

  if (NAME (finite) (z, r))
    return;
  for (uint32_t j = 0; j < r; j++)
    if (!isfinite (z[j])) {
      lane->bad = MIN (lane->bad, (uint64_t) row * r + j);
      return;
    }
}

static void
NAME (scale) (REAL *z, uint32_t r, double by)
{
  REAL factor = (REAL) by;

  for (uint32_t j = 0; j < r; j++)
    z[j] *= factor;
}

/* One block: products, new weights, rows scaled for the next product. z: [m][r] */
static void
NAME (block) (LodeLewis *state, LodeLane *lane, LodePassKind kind, const void *panel, uint32_t row,
              uint32_t m, REAL *z)
{
  uint32_t r = state->r;

  NAME (load) (state, panel, m, kind == LODE_PASS_GRAM, z);
  if (kind == LODE_PASS_GRAM) {
    for (uint32_t i = 0; i < m; i++) {
      double copies = copies_of (state, row + i);

      NAME (check) (state, lane, row + i, z + (size_t) i * r);
      if (copies > 1 || copies < 1)
        NAME (scale) (z + (size_t) i * r, r, pow (copies, 1 / state->p));
    }
    return;
  }
  TRMM (CblasRowMajor, CblasRight, CblasUpper, CblasNoTrans, CblasNonUnit, (int) m, (int) r, 1,
        state->tr, (int) r, z, (int) r);
  for (uint32_t i = 0; i < m; i++) {
    REAL *own = z + (size_t) i * r;

    NAME (scale) (own, r, renew (state, lane, kind, row + i, NAME (square) (own, r)));
  }
}

/* A chunk's products in REAL, added to the lane's in double. */
static void
NAME (chunk) (LodeLewis *state, LodeLane *lane, LodePassKind kind, const char *panel, uint32_t row,
              uint32_t m, void *scratch)
{
  uint32_t r = state->r;
  size_t bytes = state->rows->d * (state->rows->wide ? sizeof (double) : sizeof (float));
  REAL *sum = scratch, *z = sum + (((size_t) r * r + 15) & ~(size_t) 15);

  for (uint32_t done = 0; done < m; done += LODE_BLOCK) {
    uint32_t some = MIN (m - done, LODE_BLOCK);

    NAME (block) (state, lane, kind, panel + done * bytes, row + done, some, z);
    if (!state->weigh_only)
      SYRK (CblasRowMajor, CblasUpper, CblasTrans, (int) r, (int) some, 1, z, (int) r, done ? 1 : 0,
            sum, (int) r);
  }
  for (uint32_t i = 0; !state->weigh_only && i < r; i++)
    for (size_t j = (size_t) i * r + i; j < (size_t) (i + 1) * r; j++)
      lane->sum[j] = lane->begun ? lane->sum[j] + sum[j] : sum[j];
  lane->begun = true;
}

static void
NAME (convert) (LodeLewis *state)
{
  REAL *tr = state->tr;

  for (size_t i = 0; i < (size_t) state->r * state->r; i++)
    tr[i] = (REAL) state->t[i];
}

#undef REAL
#undef NAME
#undef SYRK
#undef TRMM
