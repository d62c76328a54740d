/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The binary contract between Lode and a plugin: magic number, version, build flags.
 *
 * The first 16 bytes of a plugin's descriptor never change, in any major version, so that a core can
 * refuse a foreign or stale file before it runs a line of it. Within a major version structures only
 * grow at their end. While the major is 0 a minor may change anything, and must match exactly.
 */
#ifndef LODE_ABI_H
#define LODE_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LODE_PLUGIN_MAGIC 0x45444f4cu /* "LODE" in memory on a little-endian machine */
#define LODE_ABI_MAJOR 0
#define LODE_ABI_MINOR 3

/* Build flags, for LodePlugin.build: what would make a file unfit for this process. */
enum { LODE_BUILD_ASAN = 1, LODE_BUILD_TSAN = 2, LODE_BUILD_FAST_MATH = 4 };

#if defined(__SANITIZE_ADDRESS__)
#define LODE_BUILD_SANITIZER LODE_BUILD_ASAN
#elif defined(__SANITIZE_THREAD__)
#define LODE_BUILD_SANITIZER LODE_BUILD_TSAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LODE_BUILD_SANITIZER LODE_BUILD_ASAN
#elif __has_feature(thread_sanitizer)
#define LODE_BUILD_SANITIZER LODE_BUILD_TSAN
#endif
#endif
#ifndef LODE_BUILD_SANITIZER
#define LODE_BUILD_SANITIZER 0
#endif

#ifdef __FAST_MATH__
#define LODE_BUILD (LODE_BUILD_SANITIZER | LODE_BUILD_FAST_MATH)
#else
#define LODE_BUILD LODE_BUILD_SANITIZER
#endif

#if defined(__GNUC__)
#define LODE_EXPORT __attribute__ ((visibility ("default")))
#else
#define LODE_EXPORT
#endif

#ifdef __cplusplus
#define LODE_BEGIN extern "C" {
#define LODE_END }
#else
#define LODE_BEGIN
#define LODE_END
#endif

#endif
