/* One live viewer of a session. */
#ifndef VIEWER_H
#define VIEWER_H

#include <stdbool.h>
#include <stdint.h>

#include "endpoint.h"
#include "group.h"
#include "session.h"

struct viewer {
	struct endpoint live;
	struct group *group, *of;
	struct session *session;
	uint64_t stream[STREAMS_MAX];
	bool over[STREAMS_MAX];
	unsigned stream_count, open_count, turn, dry;
	enum { IDLE, INDEX, PACKET, BODY, GONE } state;
	uint8_t in[64];
	unsigned in_size;
	uint64_t body_left, sent_at, packets, due;
};

void viewer_open(struct viewer *, struct group *, uint16_t live_port);
void viewer_tick(struct viewer *);

#endif
