/* SPDX-License-Identifier: Apache-2.0 */
/* Everything a plugin needs. */
#ifndef LODE_H
#define LODE_H

#include <lode/abi.h>
#include <lode/backbone.h>
#include <lode/benchmark.h>
#include <lode/classes.h>
#include <lode/data.h>
#include <lode/dataset.h>
#include <lode/evaluator.h>
#include <lode/executor.h>
#include <lode/files.h>
#include <lode/graph.h>
#include <lode/host.h>
#include <lode/loss.h>
#include <lode/net.h>
#include <lode/option.h>
#include <lode/plugin.h>
#include <lode/rng.h>
#include <lode/rows.h>
#include <lode/sampler.h>
#include <lode/search.h>
#include <lode/space.h>
#include <lode/stage.h>
#include <lode/state.h>
#include <lode/types.h>

#endif
