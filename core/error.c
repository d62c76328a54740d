/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

G_DEFINE_QUARK (lode - run - error, lode_run_error)
