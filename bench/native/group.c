/* See group.h. */
#define _GNU_SOURCE
#include "group.h"

#include <time.h>

uint64_t now, go_at;
bool stopping;

uint64_t clock_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

void count_packet(struct group *g, uint64_t latency_ns)
{
	uint64_t at = now - go_at, bucket = at / TIMELINE_BUCKET_NS;
	/* In the window is what was due in it: an answer that a stall kept until later belongs to the stall. */
	uint64_t due = at > latency_ns ? at - latency_ns : 0;
	g->packets++;
	histogram_add(&g->latency, latency_ns);
	if (g->window_to && due >= g->window_from * 1000000 && due < g->window_to * 1000000) {
		g->window_packets++;
		histogram_add(&g->window, latency_ns);
	}
	if (bucket < TIMELINE_BUCKETS) {
		g->timeline[bucket].packets++;
		if (latency_ns > g->timeline[bucket].worst) g->timeline[bucket].worst = latency_ns;
	}
}
