/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the bad plugins share: each file beside this one is sound but for one thing, which one test
 * of `lode check` must find.
 */
#ifndef CHECK_BAD_H
#define CHECK_BAD_H

#include <lode/lode.h>
#include <string.h>

#define BAD(its_kind, called)                                                                      \
  LODE_PLUGIN_HEAD, .kind = its_kind, .name = called, .version = "1.0",                            \
                    .summary = "a fixture of the tests", .license = "Apache-2.0", .ops = &ops

#endif
