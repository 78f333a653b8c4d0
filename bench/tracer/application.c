/*
 * application SOURCE MILLISECONDS RATE CHANNELS
 * Emits numbered events for so long, RATE a second or, if 0, as fast as it can, in turn to each of up to 4 channels.
 * Prints how many.
 */
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "tracepoints.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Between two looks at the clock, which costs as much as an event. */
#define BATCH 64

static uint64_t now_ns(void)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec * 1000000000ull + at.tv_nsec;
}

static void emit(unsigned long source, unsigned long seq, unsigned long channels)
{
	switch (seq % channels) {
	case 0: lttng_ust_tracepoint(bench, event0, source, seq); break;
	case 1: lttng_ust_tracepoint(bench, event1, source, seq); break;
	case 2: lttng_ust_tracepoint(bench, event2, source, seq); break;
	default: lttng_ust_tracepoint(bench, event3, source, seq);
	}
}

int main(int argc, char **argv)
{
	if (argc != 5) return 2;
	unsigned long source = strtoul(argv[1], NULL, 10), rate = strtoul(argv[3], NULL, 10);
	unsigned long channels = strtoul(argv[4], NULL, 10), seq = 0;
	uint64_t start = now_ns(), length = strtoull(argv[2], NULL, 10) * 1000000;
	if (channels < 1 || channels > 4) return 2;
	for (uint64_t past = 0; past < length; past = now_ns() - start) {
		unsigned long due = rate ? (unsigned long) (past / 1e9 * rate) : seq + BATCH;
		if (due == seq) {
			struct timespec moment = {.tv_nsec = 200000};
			nanosleep(&moment, NULL);
		}
		for (; seq < due; seq++) emit(source, seq, channels);
	}
	printf("%lu\n", seq);
	return 0;
}
