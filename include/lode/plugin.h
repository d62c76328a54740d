/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plugin file exports: one constant named `lode_plugin`, and nothing else.
 *
 *   LODE_EXPORT const LodePlugin lode_plugin = {
 *     LODE_PLUGIN_HEAD, .kind = "loss", .name = "ce", .version = "1.0",
 *     .summary = "softmax cross-entropy", .license = "Apache-2.0",
 *     LODE_PLUGIN_OPTIONS (options, Conf), .ops = &ops,
 *   };
 *
 * The file is called <kind>_<name>.so. It links libc, libm, GLib and what its method cannot do without;
 * never BLAS, OpenMP, liblode or another plugin. It has no constructor, starts no thread, prints nothing
 * and never ends the process. Nothing of it runs before the descriptor has been accepted.
 */
#ifndef LODE_PLUGIN_H
#define LODE_PLUGIN_H

#include <lode/option.h>
#include <lode/types.h>

typedef struct LodePlugin {
  uint32_t magic; /* LODE_PLUGIN_MAGIC */
  uint16_t abi_major, abi_minor;
  uint32_t size;  /* sizeof (LodePlugin) as the plugin knows it */
  uint32_t build; /* LODE_BUILD */
  /* the 16 bytes above never change */

  const char *kind; /* "dataset", "backbone", "loss", "sampler", "search", "evaluator", "executor", "stage" */
  const char *name; /* lower case, digits, '-' */
  const char *version;
  const char *summary; /* one line */
  const char *license; /* SPDX identifier */
  const char *author, *url;      /* or NULL */
  const char *reference, *bibtex; /* the method's source, in one line and as BibTeX; or NULL */

  const LodeOption *options;
  uint32_t n_options, option_size; /* option_size: sizeof (LodeOption) as the plugin knows it */
  size_t conf_size;                /* size of the struct that the options fill */

  const void *ops; /* vtable of the kind; its first member is its size */
  const void *(*query) (const char *id); /* further vtables by id ("lode.state/1", state.h), or NULL */
} LodePlugin;

#define LODE_PLUGIN_HEAD                                                                    \
  .magic = LODE_PLUGIN_MAGIC, .abi_major = LODE_ABI_MAJOR, .abi_minor = LODE_ABI_MINOR,     \
  .size = sizeof (LodePlugin), .build = LODE_BUILD

#define LODE_PLUGIN_OPTIONS(table, Struct)                                                  \
  .options = (table), .n_options = sizeof (table) / sizeof *(table),                        \
  .option_size = sizeof (LodeOption), .conf_size = sizeof (Struct)

#endif
