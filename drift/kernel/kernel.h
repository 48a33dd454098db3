/* The inner loops of a profile. drift/kernel/__init__.py says what each returns; every one has a twin in numpy
 * that gives the same counts, and tests hold the two together. No allocation, no global state, no Python. */
#ifndef HOMEOSTAT_KERNEL_H
#define HOMEOSTAT_KERNEL_H

#include <stdint.h>

#define KERNEL_VERSION 2
#define STEP 2048 /* values that are passed over again and again while they are in the nearest cache */

#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__)
#define FAST __attribute__((target_clones("avx2", "default")))
#else
#define FAST
#endif

/* Counts by slot and place: drift/bin_table.py. `fresh` grows by the cells that were empty. */
struct bin_table {
    int32_t shift, place_bits;
    uint64_t first;
    const int64_t *begin;
    int64_t slots;
    uint32_t *counts;
    int64_t counted, fresh;
};

static inline int is_valid(const uint8_t *valid, int64_t row) { return valid[row >> 3] >> (row & 7) & 1; }

/* Counts at most STEP keys whose slot there is; the others go to `left` (which may be `keys`), and their number is
 * returned. */
static inline int64_t bin_some(const uint64_t *keys, int64_t size, struct bin_table *table, uint64_t *left) {
    const uint64_t mask = ((uint64_t)1 << table->place_bits) - 1, first = table->first, slots = (uint64_t)table->slots;
    const int64_t *begin = table->begin;
    uint32_t *counts = table->counts;
    const int32_t shift = table->shift, place_bits = table->place_bits;
    int64_t cells[STEP], missing = 0, empty = 0, others = 0;
    for (int64_t at = 0; at < size; at++) {
        uint64_t prefix = keys[at] >> shift, slot = (prefix >> place_bits) - first;
        int64_t cell = slot < slots ? begin[slot] : -1; /* below the first wraps to beyond the last */
        missing |= cell;
        cells[at] = cell < 0 ? -1 : cell + (int64_t)(prefix & mask);
    }
    if (missing >= 0) {
        for (int64_t at = 0; at < size; at++) empty += !counts[cells[at]]++;
    } else {
        for (int64_t at = 0; at < size; at++) {
            if (cells[at] < 0)
                left[others++] = keys[at];
            else
                empty += !counts[cells[at]]++;
        }
    }
    table->counted += size - others;
    table->fresh += empty;
    return others;
}

#endif
