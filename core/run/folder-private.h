/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of a run directory share.
 */
#ifndef LODE_CORE_FOLDER_PRIVATE_H
#define LODE_CORE_FOLDER_PRIVATE_H

#include "run/folder.h"
#include "run/hold.h"

#define LODE_STATUS_FILE "status.json"

struct LodeFolder {
  char *path;
  LodeHold *hold;
  int64_t begun; /* by its first status; 0: none yet */
  double first;  /* share of the work that was done then */
};

#endif
