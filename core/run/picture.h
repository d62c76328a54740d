/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures of architectures, by Graphviz's dot.
 */
#ifndef LODE_CORE_PICTURE_H
#define LODE_CORE_PICTURE_H

#include <glib.h>

/* DOT to SVG (transfer full). NULL where dot is not installed or refuses the text. */
char *lode_picture_svg (const char *dot, GError **);

#endif
