/* The inner loops of a profile. drift/kernel/__init__.py says what each returns; every one has a twin in numpy
 * that gives the same counts, and tests hold the two together. No allocation, no global state, no Python. */
#ifndef HOMEOSTAT_KERNEL_H
#define HOMEOSTAT_KERNEL_H

#include <stdint.h>

#define KERNEL_VERSION 1
#define STEP 2048 /* values that are passed over again and again while they are in the nearest cache */

#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__)
#define FAST __attribute__((target_clones("avx2", "default")))
#else
#define FAST
#endif

static inline int is_valid(const uint8_t *valid, int64_t row) { return valid[row >> 3] >> (row & 7) & 1; }

#endif
