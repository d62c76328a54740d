/* SPDX-License-Identifier: Apache-2.0 */
/*
 * B adjacent planes of planes.inc.h, each LANES channels wide: two at a time where channels are
 * many enough, so that a line of cache is read once.
 */
static inline __attribute__ ((always_inline)) void
F (lay) (const Planes *planes, size_t c, const float *from, float *to, const LodeReading read,
         const int B)
{
  size_t rows = planes->rows, columns = planes->columns, blank = MARGIN + planes_wide (planes);
  size_t plane = planes_pixels (planes) * LANES;
  V zero = { 0 }, scale[2] = { zero, zero }, shift[2] = { zero, zero };

  if (read.scale)
#pragma GCC unroll 2
    for (int b = 0; b < B; b++) {
      scale[b] = LOAD (read.scale + b * LANES);
      shift[b] = LOAD (read.shift + b * LANES);
    }
  for (size_t r = 0; r <= rows; r++, blank = MARGIN) {
    for (size_t p = 0; p < blank; p++, to += LANES)
#pragma GCC unroll 2
      for (int b = 0; b < B; b++)
        STORE (to + b * plane, zero);
#pragma GCC unroll 4
    for (size_t p = 0; r < rows && p < columns; p++, from += c, to += LANES)
#pragma GCC unroll 2
      for (int b = 0; b < B; b++) {
        V v = LOAD (from + b * LANES);

        HOLD (v);
        if (read.scale)
          v = v * scale[b] + shift[b];
        STORE (to + b * plane, read.relu ? F (rectify) (v) : v);
      }
  }
}

static inline __attribute__ ((always_inline)) void
F (lay_some) (const Planes *planes, size_t c, const LodeReading *given, const float *from,
              float *to, const int B)
{
  LodeReading read = *given; /* a copy, because a STORE may alias anything */

  if (read.scale && read.relu)
    F (lay) (planes, c, from, to, (LodeReading){ read.scale, read.shift, true }, B);
  else if (read.scale)
    F (lay) (planes, c, from, to, (LodeReading){ read.scale, read.shift, false }, B);
  else if (read.relu)
    F (lay) (planes, c, from, to, (LodeReading){ NULL, NULL, true }, B);
  else
    F (lay) (planes, c, from, to, (LodeReading){ NULL, NULL, false }, B);
}

static void
F (lay_one) (const Planes *planes, size_t c, const LodeReading *read, const float *from, float *to)
{
  F (lay_some) (planes, c, read, from, to, 1);
}

#if LANES == LODE_KERNEL_LANES
static void
F (lay_two) (const Planes *planes, size_t c, const LodeReading *read, const float *from, float *to)
{
  F (lay_some) (planes, c, read, from, to, 2);
}
#endif
