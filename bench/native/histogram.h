/* Log-linear: 32 steps to the octave, so a percentile is within 3 % of the truth. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

struct histogram { uint64_t count[64 * 32]; uint64_t total, max; };
void histogram_add(struct histogram *, uint64_t ns);
double histogram_micros(const struct histogram *, double share);

#endif
