/* Texts: hashed as drift/hashing.py does it, counted by value while they are few, by their hash beyond. */
#include "kernel.h"

#include <string.h>

#define LONGEST 128 /* as drift.arrow_columns.MAX_TEXT: longer ones are not for this file */
#define WORDS (LONGEST / 8)
#define BUCKET_SHIFT 52
#define GOLDEN 0x9E3779B97F4A7C15u

/* An Arrow array of texts; `weights` (nullable) say how often each row counts. */
struct texts {
    const uint8_t *data;
    int64_t data_size;
    const void *offsets;
    int32_t wide; /* offsets of 64 bits instead of 32 */
    const uint8_t *valid;
    int64_t first, rows; /* the first row's place in offsets and validity */
    const int64_t *weights;
};

struct text_table {
    uint64_t *hashes;
    int64_t *counts;
    int32_t *spans; /* where the text begins in the arena, and its length */
    int32_t bits;
    int64_t used, most;
    uint8_t *arena;
    int64_t arena_used, arena_size;
};

struct text_buckets {
    int64_t *buckets, *lengths, *patterns;
    const uint8_t *classes;
    uint64_t *smallest; /* hashes below `limit`, duplicates among them */
    uint64_t limit;
    int64_t used, most;
};

enum stop { DONE, TOO_LONG, FULL, DAMAGED };

static inline uint64_t mix(uint64_t word) {
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9u;
    word = (word ^ word >> 27) * 0x94D049BB133111EBu;
    return word ^ word >> 31;
}

static void make_factors(uint64_t *factors) {
    for (int place = 0; place < WORDS; place++) factors[place] = mix((uint64_t)(place + 1) * GOLDEN) | 1;
}

static inline uint64_t word_of(const uint8_t *at, int64_t left, const uint8_t *end) {
    uint64_t word = 0;
    if (left >= 8) {
        memcpy(&word, at, 8);
    } else if (end - at >= 8) {
        memcpy(&word, at, 8);
        word &= ((uint64_t)1 << (8 * left)) - 1;
    } else {
        memcpy(&word, at, left);
    }
    return word;
}

static inline uint64_t hash_of(const uint8_t *text, int64_t length, const uint8_t *end, const uint64_t *factors) {
    uint64_t total = mix((uint64_t)length * GOLDEN);
    for (int64_t place = 0; place * 8 < length; place++) {
        uint64_t word = word_of(text + place * 8, length - place * 8, end);
        uint64_t product = (word ^ word >> 32) * factors[place];
        total += product ^ product >> 32;
    }
    return mix(total);
}

static inline int64_t begin_of(const struct texts *texts, int64_t row) {
    return texts->wide ? ((const int64_t *)texts->offsets)[texts->first + row]
                       : ((const int32_t *)texts->offsets)[texts->first + row];
}

/* Whether a text is one: a damaged file may point anywhere. */
static inline int within(const struct texts *texts, int64_t begin, int64_t length) {
    return begin >= 0 && length >= 0 && begin <= texts->data_size && length <= texts->data_size - begin;
}

static inline int64_t weight_of(const struct texts *texts, int64_t row) {
    if (texts->valid && !is_valid(texts->valid, texts->first + row)) return 0;
    return texts->weights ? texts->weights[row] : 1;
}

/* Counts rows from `start` on; the row at which it stopped, and in `stop` why. */
int64_t count_texts(const struct texts *texts, int64_t start, struct text_table *table, int32_t *stop) {
    uint64_t factors[WORDS];
    const uint64_t mask = ((uint64_t)1 << table->bits) - 1;
    const uint8_t *end = texts->data + texts->data_size;
    make_factors(factors);
    for (int64_t row = start; row < texts->rows; row++) {
        int64_t weight = weight_of(texts, row), begin = begin_of(texts, row);
        if (!weight) continue;
        int64_t length = begin_of(texts, row + 1) - begin;
        if (length > LONGEST || !within(texts, begin, length)) {
            *stop = within(texts, begin, length) ? TOO_LONG : DAMAGED;
            return row;
        }
        const uint8_t *text = texts->data + begin;
        uint64_t hash = hash_of(text, length, end, factors), room = hash & mask;
        for (; table->counts[room]; room = (room + 1) & mask)
            if (table->hashes[room] == hash && table->spans[2 * room + 1] == length &&
                (!length || !memcmp(table->arena + table->spans[2 * room], text, length)))
                break;
        if (!table->counts[room]) {
            if (table->used == table->most || table->arena_size - table->arena_used < length) {
                *stop = FULL;
                return row;
            }
            table->hashes[room] = hash;
            table->spans[2 * room] = (int32_t)table->arena_used;
            table->spans[2 * room + 1] = (int32_t)length;
            if (length) memcpy(table->arena + table->arena_used, text, length);
            table->arena_used += length;
            table->used++;
        }
        table->counts[room] += weight;
    }
    *stop = DONE;
    return texts->rows;
}

/* The same into buckets. */
int64_t count_hashes(const struct texts *texts, int64_t start, struct text_buckets *into, int32_t *stop) {
    uint64_t factors[WORDS];
    const uint8_t *end = texts->data + texts->data_size;
    make_factors(factors);
    for (int64_t row = start; row < texts->rows; row++) {
        int64_t weight = weight_of(texts, row), begin = begin_of(texts, row);
        if (!weight) continue;
        int64_t length = begin_of(texts, row + 1) - begin;
        if (length > LONGEST || into->used == into->most || !within(texts, begin, length)) {
            *stop = !within(texts, begin, length) ? DAMAGED : length > LONGEST ? TOO_LONG : FULL;
            return row;
        }
        const uint8_t *text = texts->data + begin;
        uint64_t hash = hash_of(text, length, end, factors);
        unsigned pattern = 0;
        for (int64_t at = 0; at < length; at++) pattern |= into->classes[text[at]];
        into->buckets[hash >> BUCKET_SHIFT] += weight;
        into->lengths[length] += weight;
        into->patterns[pattern] += weight;
        if (hash <= into->limit) into->smallest[into->used++] = hash;
    }
    *stop = DONE;
    return texts->rows;
}
