/* Counts, extremes, moments and keys of float64 values. */
#include "kernel.h"

#include <math.h>
#include <string.h>

#define LANES 4
typedef double numbers_lane __attribute__((vector_size(8 * LANES)));
typedef int64_t counts_lane __attribute__((vector_size(8 * LANES)));

struct summary {
    int64_t count, nan, positive_infinite, negative_infinite, zeros, negatives, fractional;
    double minimum, maximum, mean, m2;
};

#define CHOSEN(mask, one, other) \
    ((numbers_lane)(((mask) & (counts_lane)(one)) | (~(mask) & (counts_lane)(other))))

static int64_t compact(const double *values, const uint8_t *valid, int64_t first, int64_t size, double *kept) {
    int64_t used = 0, row = 0;
    for (; row < size && (first + row) & 7; row++) {
        kept[used] = values[row];
        used += is_valid(valid, first + row);
    }
    for (; row + 8 <= size; row += 8) {
        unsigned bits = valid[(first + row) >> 3];
        if (bits == 0xFF) {
            memcpy(kept + used, values + row, 8 * sizeof *values);
            used += 8;
        } else {
            for (int place = 0; place < 8; place++) {
                kept[used] = values[row + place];
                used += bits >> place & 1;
            }
        }
    }
    for (; row < size; row++) {
        kept[used] = values[row];
        used += is_valid(valid, first + row);
    }
    return used;
}

FAST static double sum(const double *x, int64_t size) {
    numbers_lane total[2] = {{0}, {0}};
    int64_t at = 0;
    for (; at + 2 * LANES <= size; at += 2 * LANES) {
        numbers_lane one, other;
        memcpy(&one, x + at, sizeof one);
        memcpy(&other, x + at + LANES, sizeof other);
        total[0] += one;
        total[1] += other;
    }
    total[0] += total[1];
    double all = (total[0][0] + total[0][1]) + (total[0][2] + total[0][3]);
    for (; at < size; at++) all += x[at];
    return all;
}

/* Extremes and counts of finite values, of which there is at least one. */
FAST static void extremes(const double *x, int64_t size, int whole, struct summary *found) {
    double least = x[0], most = x[0];
    int64_t zeros = 0, negatives = 0, fractional = 0, at = 0;
    if (size >= LANES) {
        numbers_lane low, high;
        counts_lane zero = {0}, negative = {0}, fraction = {0};
        const counts_lane sign = (counts_lane){0} + INT64_MIN;
        const numbers_lane large = (numbers_lane){0} + 0x1p52;
        memcpy(&low, x, sizeof low);
        high = low;
        for (; at + LANES <= size; at += LANES) {
            numbers_lane value;
            memcpy(&value, x + at, sizeof value);
            low = CHOSEN(value < low, value, low);
            high = CHOSEN(value > high, value, high);
            zero -= value == 0;
            negative -= value < 0;
            if (!whole) {
                /* adding 2^52 leaves no room for a fraction; from there on every float64 is whole */
                numbers_lane size_of = (numbers_lane)((counts_lane)value & ~sign);
                numbers_lane rounded = (size_of + large) - large;
                fraction -= (size_of < large) & (rounded != size_of);
            }
        }
        for (int lane = 0; lane < LANES; lane++) {
            least = low[lane] < least ? low[lane] : least;
            most = high[lane] > most ? high[lane] : most;
            zeros += zero[lane];
            negatives += negative[lane];
            fractional += fraction[lane];
        }
    }
    for (; at < size; at++) {
        double value = x[at], size_of = fabs(value);
        least = value < least ? value : least;
        most = value > most ? value : most;
        zeros += value == 0;
        negatives += value < 0;
        fractional += !whole && size_of < 0x1p52 && (size_of + 0x1p52) - 0x1p52 != size_of;
    }
    found->minimum = least + 0.0; /* never -0.0 */
    found->maximum = most + 0.0;
    found->zeros = zeros;
    found->negatives += negatives;
    found->fractional = fractional;
}

/* Mean and sum of squared deviations; `mean` is nearly right already. */
FAST static void moments(const double *x, int64_t size, double mean, struct summary *found) {
    numbers_lane apart = {0}, squares = {0};
    const numbers_lane centre = (numbers_lane){0} + mean;
    int64_t at = 0;
    for (; at + LANES <= size; at += LANES) {
        numbers_lane value;
        memcpy(&value, x + at, sizeof value);
        value -= centre;
        apart += value;
        squares += value * value;
    }
    double left = (apart[0] + apart[1]) + (apart[2] + apart[3]);
    double m2 = (squares[0] + squares[1]) + (squares[2] + squares[3]);
    for (; at < size; at++) {
        double value = x[at] - mean;
        left += value;
        m2 += value * value;
    }
    m2 -= left * left / size; /* what rounding the mean left over */
    if (isfinite(m2)) {
        found->mean = mean + left / size;
        found->m2 = m2 > 0 ? m2 : 0;
    } else {
        found->mean = mean;
        found->m2 = INFINITY;
    }
}

/* Chan, Golub and LeVeque (1979): as NumericSummary.merge. */
static void merge(struct summary *all, const struct summary *more) {
    int64_t left = all->count - all->positive_infinite - all->negative_infinite;
    int64_t right = more->count - more->positive_infinite - more->negative_infinite;
    if (right && !left) {
        all->minimum = more->minimum;
        all->maximum = more->maximum;
        all->mean = more->mean;
        all->m2 = more->m2;
    } else if (right) {
        double apart = more->mean - all->mean, share = (double)right / (double)(left + right);
        all->minimum = more->minimum < all->minimum ? more->minimum : all->minimum;
        all->maximum = more->maximum > all->maximum ? more->maximum : all->maximum;
        if (isfinite(apart)) {
            all->mean += apart * share;
            all->m2 += more->m2 + apart * apart * (double)left * share;
        } else {
            all->mean = all->mean * (1 - share) + more->mean * share;
            all->m2 = INFINITY;
        }
    }
    all->count += more->count;
    all->nan += more->nan;
    all->positive_infinite += more->positive_infinite;
    all->negative_infinite += more->negative_infinite;
    all->zeros += more->zeros;
    all->negatives += more->negatives;
    all->fractional += more->fractional;
}

FAST static void order_keys(const double *x, int64_t size, uint64_t *keys) {
    for (int64_t at = 0; at < size; at++) {
        double value = x[at] + 0.0; /* -0.0 and 0.0 share a key */
        int64_t bits;
        memcpy(&bits, &value, sizeof bits);
        keys[at] = ((uint64_t)(bits >> 63) | (uint64_t)INT64_MIN) ^ (uint64_t)bits;
    }
}

/* Takes NaN out, counts infinities, and moves the finite values to `finite`; their number. */
static int64_t sort_out(double *present, int64_t *size, double *finite, struct summary *found) {
    int64_t used = 0, usable = 0;
    for (int64_t at = 0; at < *size; at++) {
        double value = present[at];
        if (isnan(value)) {
            found->nan++;
            continue;
        }
        present[used++] = value;
        if (isinf(value)) {
            if (value > 0)
                found->positive_infinite++;
            else
                found->negative_infinite++, found->negatives++;
        } else {
            finite[usable++] = value;
        }
    }
    *size = used;
    return usable;
}

/* Summarises the valid values and writes their keys: of all, or of those that have no slot in the table. How many
 * keys were written. */
int64_t count_numbers(const double *values, const uint8_t *valid, int64_t first, int64_t rows, int32_t whole,
                      struct summary *all, struct bin_table *table, uint64_t *keys) {
    double room[STEP + 8], apart[STEP];
    uint64_t some[STEP];
    int64_t written = 0;
    for (int64_t start = 0; start < rows; start += STEP) {
        int64_t size = rows - start < STEP ? rows - start : STEP, usable;
        const double *present = values + start, *finite;
        struct summary found = {0};
        if (valid) {
            size = compact(values + start, valid, first + start, size, room);
            present = room;
        }
        finite = present;
        usable = size;
        double total = sum(present, size), mean = total / size;
        if (!isfinite(total)) { /* something is not finite, or the sum overflows */
            if (!valid) memcpy(room, present, size * sizeof *room);
            usable = sort_out(room, &size, apart, &found);
            present = room;
            finite = apart;
            total = sum(finite, usable);
            mean = total / usable;
            if (!isfinite(total)) {
                mean = 0;
                for (int64_t at = 0; at < usable; at++) mean += finite[at] / usable;
            }
        }
        found.count = size;
        if (usable) {
            extremes(finite, usable, whole, &found);
            moments(finite, usable, mean, &found);
        }
        merge(all, &found);
        order_keys(present, size, table ? some : keys + written);
        written += table ? bin_some(some, size, table, keys + written) : size;
    }
    return written;
}
