/*
 * Arguments, event loop and report of the load generator (see load.h).
 *
 *   load sink control=PORT data=PORT
 *   load run control=PORT data=PORT live=PORT seconds=S drain=S -- role=produce sessions=4 ... -- role=beacon ...
 *
 * "run" prints {"event":"ready"} once every session stands, waits for a line on its input, runs, and prints one
 * {"event":"report"} object. Its input closing early ends it: a runner that dies leaves no generator behind.
 */
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>
#include <signal.h>

#define VIEWER_GRACE_NS 3000000000ull
#define SETUP_TIMEOUT_SECONDS 5

int epoll_fd, payload_fd;
uint64_t now, go_at;
bool stopping;
struct group groups[GROUPS_MAX];
unsigned group_count;
static uint64_t control_port, data_port, live_port, run_ms = 1000, drain_ms = 20000;

uint64_t clock_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

void fail(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	exit(1);
}

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

int dial(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval limit = {.tv_sec = SETUP_TIMEOUT_SECONDS};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	if (fd < 0) fail("socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(fd, (struct sockaddr *)&to, sizeof to)) fail("connect to port %u: %s", port, strerror(errno));
	return fd;
}

void send_all(int fd, const void *bytes, size_t size)
{
	if (send(fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size) fail("set-up: send: %s", strerror(errno));
}

void receive_all(int fd, void *bytes, size_t size)
{
	ssize_t n = size ? recv(fd, bytes, size, MSG_WAITALL) : 0;
	if (n != (ssize_t)size) fail("set-up: no answer: %s", n < 0 ? strerror(errno) : "connection closed");
}

void watch(struct endpoint *e, int fd, void (*ready)(struct endpoint *, uint32_t), void *owner)
{
	*e = (struct endpoint){.fd = fd, .ready = ready, .owner = owner};
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = e};
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event)) fail("epoll: %s", strerror(errno));
}

static void set_group(struct group *g, const char *key, const char *value)
{
	uint64_t n = strtoull(value, NULL, 10);
	static const char *roles[] = {"produce", "beacon", "poll", "metadata", "view"};
	if (!strcmp(key, "role")) {
		for (unsigned i = 0; i < 5; i++) if (!strcmp(value, roles[i])) g->role = i;
	} else if (!strcmp(key, "label")) snprintf(g->label, sizeof g->label, "%s", value);
	else if (!strcmp(key, "host")) snprintf(g->host, sizeof g->host, "%s", value);
	else if (!strcmp(key, "of")) snprintf(g->of, sizeof g->of, "%s", value);
	else if (!strcmp(key, "sessions")) g->sessions = n;
	else if (!strcmp(key, "streams")) g->streams = n;
	else if (!strcmp(key, "inFlight")) g->in_flight = n;
	else if (!strcmp(key, "packetSize")) g->packet_size = n;
	else if (!strcmp(key, "rate")) g->rate = n;
	else if (!strcmp(key, "ringSize")) g->ring_size = n;
	else if (!strcmp(key, "ringCount")) g->ring_count = n;
	else if (!strcmp(key, "packetLimit")) g->packet_limit = n;
	else if (!strcmp(key, "liveMicros")) g->live_micros = n;
	else if (!strcmp(key, "intervalMs")) g->interval_ms = n;
	else if (!strcmp(key, "windowFrom")) g->window_from = n;
	else if (!strcmp(key, "windowTo")) g->window_to = n;
	else fail("unknown setting %s", key);
}

static void set_run(const char *key, const char *value)
{
	uint64_t n = strtoull(value, NULL, 10);
	if (!strcmp(key, "control")) control_port = n;
	else if (!strcmp(key, "data")) data_port = n;
	else if (!strcmp(key, "live")) live_port = n;
	else if (!strcmp(key, "runMs")) run_ms = n;
	else if (!strcmp(key, "drainMs")) drain_ms = n;
	else fail("unknown setting %s", key);
}

static void parse(int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "--")) {
			if (group_count == GROUPS_MAX) fail("more than %d groups", GROUPS_MAX);
			groups[group_count++] = (struct group){.sessions = 1, .streams = 1, .in_flight = 1, .interval_ms = 1000,
							      .packet_size = 4096, .label = "load", .host = "bench"};
			continue;
		}
		char *value = strchr(argv[i], '=');
		if (!value) fail("not a setting: %s", argv[i]);
		*value++ = 0;
		if (group_count) set_group(&groups[group_count - 1], argv[i], value);
		else set_run(argv[i], value);
	}
}

static void open_group(struct group *g)
{
	if (g->streams > STREAMS_MAX || g->in_flight > IN_FLIGHT_MAX) fail("%s: too many streams or indexes", g->label);
	if (g->role != VIEW) {
		g->session = calloc(g->sessions, sizeof *g->session);
		for (unsigned i = 0; i < g->sessions; i++) session_open(&g->session[i], g, i, control_port, data_port);
		return;
	}
	g->viewer = calloc(g->sessions, sizeof *g->viewer);
	for (unsigned k = 0; k < group_count; k++) {
		if (strcmp(groups[k].label, g->of)) continue;
		for (unsigned i = 0; i < g->sessions; i++) {
			g->packet_size = groups[k].packet_size;
			g->viewer[i].of = &groups[k];
			g->viewer[i].session = &groups[k].session[i % groups[k].sessions];
			viewer_open(&g->viewer[i], g, live_port);
		}
	}
	if (!g->viewer[0].of) fail("%s watches an unknown group", g->label);
}

static void open_payload(void)
{
	uint64_t largest = 0;
	for (unsigned i = 0; i < group_count; i++) if (groups[i].packet_size > largest) largest = groups[i].packet_size;
	payload_fd = memfd_create("payload", 0);
	if (ftruncate(payload_fd, largest)) fail("payload: %s", strerror(errno));
	uint64_t *words = mmap(NULL, largest, PROT_WRITE, MAP_SHARED, payload_fd, 0);
	for (uint64_t i = 0; i < largest / 8; i++) words[i] = i * 0x9e3779b97f4a7c15ull;
}

static bool targets_finished(void)
{
	for (unsigned i = 0; i < group_count; i++)
		if (groups[i].role != VIEW && groups[i].finished < groups[i].sessions) return false;
	return true;
}

static bool viewers_finished(void)
{
	for (unsigned i = 0; i < group_count; i++) {
		struct group *g = &groups[i];
		for (unsigned k = 0; g->role == VIEW && k < g->sessions; k++)
			if (g->viewer[k].state != GONE && g->viewer[k].packets < g->viewer[k].session->packets_sent) return false;
	}
	return true;
}

static void tick(void)
{
	for (unsigned i = 0; i < group_count; i++) {
		struct group *g = &groups[i];
		for (unsigned k = 0; k < g->sessions; k++) {
			if (g->role == VIEW) viewer_tick(&g->viewer[k]);
			else session_tick(&g->session[k]);
		}
	}
}

static void loop(void)
{
	struct endpoint timer;
	struct itimerspec every = {.it_value.tv_nsec = 1000000, .it_interval.tv_nsec = 1000000};
	uint64_t targets_done_at = 0, last_tick = 0;
	watch(&timer, timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), NULL, NULL);
	timerfd_settime(timer.fd, 0, &every, NULL);
	for (;;) {
		struct epoll_event events[256];
		int n = epoll_wait(epoll_fd, events, 256, -1);
		now = clock_ns();
		for (int i = 0; i < n; i++) {
			struct endpoint *e = events[i].data.ptr;
			if (e->ready) {
				e->ready(e, events[i].events);
				now = clock_ns();
			} else {
				uint64_t fired;
				if (read(timer.fd, &fired, 8) < 0) continue;
			}
		}
		if (now - last_tick < 900000) continue;
		last_tick = now;
		stopping = now - go_at >= run_ms * 1000000ull;
		tick();
		if (!targets_done_at && targets_finished()) targets_done_at = now;
		if (targets_done_at && (viewers_finished() || now - targets_done_at > VIEWER_GRACE_NS)) return;
		if (now - go_at > (run_ms + drain_ms) * 1000000ull) return;
	}
}

static void print_latency(const char *name, const struct histogram *h)
{
	printf(",\"%s\":{\"count\":%lu,\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f}", name, h->total,
	       histogram_micros(h, 0.5), histogram_micros(h, 0.99), h->max / 1000.0);
}

static void print_group(struct group *g)
{
	unsigned viewers_behind = 0;
	g->fewest = UINT64_MAX;
	for (unsigned i = 0; i < g->sessions; i++) {
		uint64_t n = g->role == VIEW ? g->viewer[i].packets : g->session[i].packets_sent;
		if (n < g->fewest) g->fewest = n;
		if (n > g->most) g->most = n;
		if (g->role == VIEW && n < g->viewer[i].session->packets_sent) viewers_behind++;
	}
	uint64_t until = g->ended_at && g->finished == g->sessions ? g->ended_at : now;
	printf("{\"label\":\"%s\",\"sessions\":%u,\"packetSize\":%lu,\"packets\":%lu,\"fewest\":%lu,\"most\":%lu,"
	       "\"seconds\":%.4f,\"finished\":%u,\"drained\":%u,\"behind\":%u,\"errors\":%lu,\"error\":\"%s\","
	       "\"windowSeconds\":%.3f",
	       g->label, g->sessions, g->packet_size, g->packets, g->fewest, g->most, (until - go_at) / 1e9, g->finished,
	       g->drained, viewers_behind, g->errors, g->error, (g->window_to - g->window_from) / 1000.0);
	print_latency("latency", &g->latency);
	print_latency("window", &g->window);
	printf(",\"timeline\":[");
	uint64_t last = (now - go_at) / TIMELINE_BUCKET_NS;
	for (uint64_t i = 0; i <= last && i < TIMELINE_BUCKETS; i++)
		printf("%s[%lu,%lu]", i ? "," : "", g->timeline[i].packets, g->timeline[i].worst / 1000);
	printf("]}");
}

int main(int argc, char **argv)
{
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	epoll_fd = epoll_create1(0);
	if (argc < 2) fail("usage: load run|sink key=value...");
	parse(argc, argv);
	if (!strcmp(argv[1], "sink")) return sink_main(control_port, data_port);
	open_payload();
	for (unsigned i = 0; i < group_count; i++) open_group(&groups[i]);
	puts("{\"event\":\"ready\"}");
	fflush(stdout);
	if (getchar() == EOF) return 1;
	go_at = now = clock_ns();
	loop();
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	printf("{\"event\":\"report\",\"cpuSeconds\":%.3f,\"groups\":[",
	       used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
	for (unsigned i = 0; i < group_count; i++) {
		if (i) putchar(',');
		print_group(&groups[i]);
	}
	puts("]}");
	return 0;
}
