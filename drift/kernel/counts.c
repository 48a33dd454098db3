/* Counting keys: into bins, into the few different ones there are, and places in a dictionary. */
#include "kernel.h"

#include <string.h>

/* One bit for every two: whether either is set. */
static inline uint64_t pairs(uint64_t bits) {
    bits = (bits | bits >> 1) & 0x5555555555555555u;
    bits = (bits | bits >> 1) & 0x3333333333333333u;
    bits = (bits | bits >> 2) & 0x0F0F0F0F0F0F0F0Fu;
    bits = (bits | bits >> 4) & 0x00FF00FF00FF00FFu;
    bits = (bits | bits >> 8) & 0x0000FFFF0000FFFFu;
    return (bits | bits >> 16) & 0xFFFFFFFFu;
}

FAST static int64_t bits_set(const uint64_t *bitmap, int64_t words) {
    int64_t set = 0;
    for (int64_t word = 0; word < words; word++) set += __builtin_popcountll(bitmap[word]);
    return set;
}

FAST static void halve(uint64_t *bitmap, int64_t words) {
    for (int64_t word = 0; word < words; word++)
        bitmap[word] = pairs(bitmap[2 * word]) | pairs(bitmap[2 * word + 1]) << 32;
}

/* Counts keys whose slot there is, and moves the others to the front; their number. */
int64_t count_bins(uint64_t *keys, int64_t size, struct bin_table *table) {
    int64_t left = 0;
    for (int64_t start = 0; start < size; start += STEP) {
        int64_t some = size - start < STEP ? size - start : STEP;
        left += bin_some(keys + start, some, table, keys + left);
    }
    return left;
}

/* Sets a bit for each key, `shift` bits of it dropped, and halves the bitmap until at most `most` bits are set;
 * how often. `base`, where the bitmap begins, is a multiple of half its bits; no key lies outside. */
int64_t bits_too_many(const uint64_t *keys, int64_t size, int32_t shift, uint64_t base, uint64_t *bitmap,
                      int64_t words, int64_t most) {
    for (int64_t at = 0; at < size; at++) {
        uint64_t bit = (keys[at] >> shift) - base;
        bitmap[bit >> 6] |= (uint64_t)1 << (bit & 63);
    }
    for (int64_t dropped = 0;; dropped++) {
        if (bits_set(bitmap, words) <= most || words == 1) return dropped;
        halve(bitmap, words /= 2);
    }
}

/* Knuth's multiplicative hash; the upper half is folded in, as keys of whole numbers end in zeros. */
static inline uint64_t mixed(uint64_t key) { return (key ^ key >> 32) * 0x9E3779B97F4A7C15u; }

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
