/* One recording session of a target. */
#ifndef SESSION_H
#define SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "endpoint.h"
#include "group.h"

#define STREAMS_MAX 64
#define IN_FLIGHT_MAX 64

/* RUN sends, FINISH waits for answers, DRAIN asks DATA_PENDING, DONE and DEAD are final. */
enum phase { RUN, FINISH, DRAIN, DONE, DEAD };

struct session {
	struct endpoint control, data;
	struct group *group;
	enum phase phase;
	uint64_t id, stream[STREAMS_MAX], next_seq[STREAMS_MAX], metadata_stream;
	unsigned turn;
	uint8_t *batch;
	uint8_t batch_stream[IN_FLIGHT_MAX];
	unsigned batch_count, batch_indexed, batch_capacity;
	uint64_t batch_sent, batch_size, bytes_sent, packets_sent;
	uint8_t *out;
	size_t out_size, out_sent;
	uint8_t in[4];
	unsigned in_size;
	uint64_t asked[IN_FLIGHT_MAX];
	uint64_t asked_count, answered_count;
	unsigned drain_turn;
	uint64_t due;
};

/* What all packets carry; once, before sessions open. */
void session_payload(uint64_t largest_packet);
void session_open(struct session *, struct group *, unsigned number, uint16_t control_port, uint16_t data_port);
void session_tick(struct session *);

#endif
