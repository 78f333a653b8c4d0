/* See histogram.h. */
#include "histogram.h"

void histogram_add(struct histogram *h, uint64_t ns)
{
	unsigned octave = ns < 32 ? 0 : 63 - __builtin_clzll(ns) - 4;
	unsigned slot = octave == 0 ? ns : octave * 32 + ((ns >> (octave - 1)) & 31);
	h->count[slot]++;
	h->total++;
	if (ns > h->max) h->max = ns;
}

double histogram_micros(const struct histogram *h, double share)
{
	uint64_t rank = h->total * share, seen = 0;
	for (unsigned slot = 0; slot < 64 * 32; slot++) {
		seen += h->count[slot];
		if (seen > rank) {
			unsigned octave = slot / 32;
			return (octave == 0 ? slot : (double)((32ull | (slot & 31)) << (octave - 1))) / 1000.0;
		}
	}
	return h->max / 1000.0;
}
