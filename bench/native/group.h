/* What a group of sessions or viewers is asked to do, what was measured of it, and the clock both are counted by. */
#ifndef GROUP_H
#define GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "histogram.h"

#define TIMELINE_BUCKETS 1200
#define TIMELINE_BUCKET_NS 100000000ull

enum role { PRODUCE, BEACON, POLL, METADATA, VIEW };

struct group {
	enum role role;
	char label[64], host[64], of[64];
	unsigned number, sessions, streams, in_flight, ring_count, live_micros, interval_ms;
	uint64_t packet_size, rate, ring_size, packet_limit, window_from, window_to;
	/* results */
	uint64_t packets, window_packets, errors, ended_at, fewest, most;
	unsigned finished, drained;
	char error[160];
	struct histogram latency, window;
	struct { uint64_t packets, worst; } timeline[TIMELINE_BUCKETS];
};

/* `now` is the time of the event that is handled, `go_at` when the clock began to run; `stopping`: nothing new starts. */
extern uint64_t now, go_at;
extern bool stopping;

uint64_t clock_ns(void);
void count_packet(struct group *, uint64_t latency_ns);

#endif
