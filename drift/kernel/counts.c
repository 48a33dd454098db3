/* Counting keys: into bins, into the few different ones there are, and places in a dictionary. */
#include "kernel.h"

#include <string.h>

/* Counts keys whose slot there is; the number of keys counted: all, or those before the first without one.
 * `fresh` grows by the cells that were empty. */
int64_t count_bins(const uint64_t *keys, int64_t size, int32_t shift, int32_t place_bits, uint64_t first,
                   const int64_t *begin, int64_t slots, uint32_t *counts, int64_t *fresh) {
    const uint64_t mask = ((uint64_t)1 << place_bits) - 1;
    int64_t cells[STEP];
    for (int64_t start = 0; start < size; start += STEP) {
        int64_t some = size - start < STEP ? size - start : STEP, missing = 0;
        for (int64_t at = 0; at < some; at++) {
            uint64_t prefix = keys[start + at] >> shift, slot = (prefix >> place_bits) - first;
            int64_t cell = slot < (uint64_t)slots ? begin[slot] : -1; /* below the first wraps to beyond the last */
            missing |= cell;
            cells[at] = cell + (int64_t)(prefix & mask);
        }
        if (missing < 0) return start;
        int64_t empty = 0;
        for (int64_t at = 0; at < some; at++) empty += !counts[cells[at]]++;
        *fresh += empty;
    }
    return size;
}

/* SplitMix64's finaliser: neighbouring keys must not fall into neighbouring rooms. */
static inline uint64_t mixed(uint64_t key) {
    key = (key ^ key >> 30) * 0xBF58476D1CE4E5B9u;
    key = (key ^ key >> 27) * 0x94D049BB133111EBu;
    return key ^ key >> 31;
}

/* Counts keys, each `weights` times or once, in a hash table of 2^bits rooms (a count of 0 means free). The
 * number of keys counted: all, or those before the one that would have been more than `most` different ones. */
int64_t count_distinct(const uint64_t *keys, const int64_t *weights, int64_t size, uint64_t *rooms, int64_t *counts,
                       int32_t bits, int64_t most, int64_t *used) {
    const uint64_t mask = ((uint64_t)1 << bits) - 1;
    for (int64_t at = 0; at < size; at++) {
        uint64_t key = keys[at], room = mixed(key) >> (64 - bits);
        while (counts[room] && rooms[room] != key) room = (room + 1) & mask;
        if (!counts[room]) {
            if (*used == most) return at;
            ++*used;
            rooms[room] = key;
        }
        counts[room] += weights ? weights[at] : 1;
    }
    return size;
}

FAST static uint32_t greatest_of(const int32_t *places, int64_t rows) {
    uint32_t greatest = 0;
    for (int64_t row = 0; row < rows; row++)
        greatest = (uint32_t)places[row] > greatest ? (uint32_t)places[row] : greatest;
    return greatest;
}

static uint32_t greatest_valid(const int32_t *places, const uint8_t *valid, int64_t first, int64_t rows) {
    uint32_t greatest = 0;
    for (int64_t row = 0; row < rows; row++) {
        uint32_t place = is_valid(valid, first + row) ? (uint32_t)places[row] : 0;
        greatest = place > greatest ? place : greatest;
    }
    return greatest;
}

#define SMALL 1024 /* a dictionary of so many values is counted in four tables in turn: */
#define TABLES 4   /* the same counter twice in a row would wait for itself */

static void count_small(const int32_t *places, const uint8_t *valid, int64_t first, int64_t rows, int64_t *counts,
                        int64_t size) {
    uint32_t tables[TABLES][SMALL + 1];
    memset(tables, 0, sizeof tables);
    int64_t row = 0;
    if (!valid)
        for (; row + TABLES <= rows; row += TABLES)
            for (int table = 0; table < TABLES; table++) tables[table][places[row + table]]++;
    for (; row < rows; row++)
        tables[row & (TABLES - 1)][valid && !is_valid(valid, first + row) ? SMALL : places[row]]++;
    for (int64_t place = 0; place < size; place++)
        counts[place] += (int64_t)tables[0][place] + tables[1][place] + tables[2][place] + tables[3][place];
}

/* Counts the places of valid rows (fewer than 2^32); 0, or -1 and nothing counted where a place is none of the
 * dictionary's. What stands in a row that is not valid does not matter. */
int64_t count_places(const int32_t *places, const uint8_t *valid, int64_t first, int64_t rows, int64_t *counts,
                     int64_t size) {
    uint32_t greatest = valid ? greatest_valid(places, valid, first, rows) : greatest_of(places, rows);
    if (rows && greatest >= (uint64_t)size) return -1;
    if (size <= SMALL) {
        count_small(places, valid, first, rows, counts, size);
        return 0;
    }
    for (int64_t row = 0; row < rows; row++)
        if (!valid || is_valid(valid, first + row)) counts[places[row]]++;
    return 0;
}

int32_t kernel_version(void) { return KERNEL_VERSION; }
