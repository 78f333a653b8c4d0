/*
 * The benchmark's load generator: one thread, one epoll loop, for targets and viewers alike.
 *
 * It is written in C because it shares the machine with the relay it measures: every cycle it saves is a cycle of
 * truth. Large payloads leave through sendfile and viewers discard with MSG_TRUNC, so the kernel copies nothing for
 * us. Sessions are set up with blocking sockets, before the clock runs; afterwards nothing blocks.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAMS_MAX 64
#define IN_FLIGHT_MAX 64
#define GROUPS_MAX 16
#define TIMELINE_BUCKETS 1200
#define TIMELINE_BUCKET_NS 100000000ull
#define HEADER_SIZE 32
/* Below this a copy into the socket costs less than a second system call for sendfile. */
#define SENDFILE_FROM 65536

enum command {
	ADD_STREAM = 1, CREATE_SESSION = 2, VERSION = 5, SEND_METADATA = 6, CLOSE_STREAM = 7, DATA_PENDING = 8,
	QUIESCENT_CONTROL = 9, END_DATA_PENDING = 11, SEND_INDEX = 13, STREAMS_SENT = 16, CREATE_TRACE_CHUNK = 19,
	GET_CONFIGURATION = 22
};
enum role { PRODUCE, BEACON, POLL, METADATA, VIEW };
/* RUN sends, FINISH waits for answers, DRAIN asks DATA_PENDING, DONE and DEAD are final. */
enum phase { RUN, FINISH, DRAIN, DONE, DEAD };

/* Log-linear: 32 steps to the octave, so a percentile is within 3 % of the truth. */
struct histogram { uint64_t count[64 * 32]; uint64_t total, max; };
void histogram_add(struct histogram *, uint64_t ns);
double histogram_micros(const struct histogram *, double share);

struct endpoint { int fd; void (*ready)(struct endpoint *, uint32_t events); void *owner; };

struct group {
	enum role role;
	char label[64], host[64], of[64];
	unsigned sessions, streams, in_flight, ring_count, live_micros, interval_ms;
	uint64_t packet_size, rate, ring_size, packet_limit, window_from, window_to;
	/* results */
	uint64_t packets, window_packets, errors, ended_at, fewest, most;
	unsigned finished, drained;
	char error[160];
	struct histogram latency, window;
	struct { uint64_t packets, worst; } timeline[TIMELINE_BUCKETS];
	struct session *session;
	struct viewer *viewer;
};

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

extern int epoll_fd;
extern uint64_t now, go_at;
extern bool stopping;
extern int payload_fd;
extern struct group groups[GROUPS_MAX];
extern unsigned group_count;

uint64_t clock_ns(void);
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
int dial(uint16_t port);
void send_all(int fd, const void *bytes, size_t size);
void receive_all(int fd, void *bytes, size_t size);
void watch(struct endpoint *, int fd, void (*ready)(struct endpoint *, uint32_t), void *owner);
void count_packet(struct group *, uint64_t latency_ns);

static inline void put32(uint8_t *at, uint32_t v) { v = __builtin_bswap32(v); __builtin_memcpy(at, &v, 4); }
static inline void put64(uint8_t *at, uint64_t v) { v = __builtin_bswap64(v); __builtin_memcpy(at, &v, 8); }
static inline uint32_t get32(const uint8_t *at) { uint32_t v; __builtin_memcpy(&v, at, 4); return __builtin_bswap32(v); }
static inline uint64_t get64(const uint8_t *at) { uint64_t v; __builtin_memcpy(&v, at, 8); return __builtin_bswap64(v); }

void session_open(struct session *, struct group *, unsigned number, uint16_t control_port, uint16_t data_port);
void session_tick(struct session *);
void viewer_open(struct viewer *, struct group *, uint16_t live_port);
void viewer_tick(struct viewer *);
int sink_main(uint16_t control_port, uint16_t data_port);

#endif
