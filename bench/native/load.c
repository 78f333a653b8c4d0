/*
 * The benchmark's load generator: one thread, one epoll loop, for targets and viewers alike; with threads=1 a thread for
 * each session instead. Here are its arguments, its event loop and its report.
 *
 *   load sink control=PORT data=PORT
 *   load run [address=IPV4] [tls=1] control=PORT data=PORT live=PORT seconds=S drain=S -- role=produce sessions=4 ... -- role=beacon ...
 *
 * "run" prints {"event":"ready"} once every session stands, waits for a line on its input, runs, and prints one
 * {"event":"report"} object. Its input closing early ends it: a runner that dies leaves no generator behind.
 *
 * It is written in C because it shares the machine with the relay it measures: every cycle it saves is a cycle of
 * truth. Large payloads leave through sendfile and viewers discard with MSG_TRUNC, so the kernel copies nothing for
 * us. Sessions are set up with blocking sockets, before the clock runs; afterwards nothing blocks.
 */
#define _GNU_SOURCE
#include "blocking.h"
#include "secure.h"
#include "session.h"
#include "sink.h"
#include "viewer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define PARTIES_MAX 16
#define VIEWER_GRACE_NS 3000000000ull

/* A group with who is in it: sessions, or viewers. */
static struct party { struct group group; struct session *session; struct viewer *viewer; } parties[PARTIES_MAX];
static unsigned party_count;
static uint64_t control_port, data_port, live_port, run_ms = 1000, drain_ms = 20000, threads;

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
	if (!strcmp(key, "address")) dial_at(value);
	else if (!strcmp(key, "control")) control_port = n;
	else if (!strcmp(key, "data")) data_port = n;
	else if (!strcmp(key, "live")) live_port = n;
	else if (!strcmp(key, "runMs")) run_ms = n;
	else if (!strcmp(key, "drainMs")) drain_ms = n;
	else if (!strcmp(key, "threads")) threads = n;
	else if (!strcmp(key, "tls")) secure_all();
	else fail("unknown setting %s", key);
}

static void parse(int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "--")) {
			if (party_count == PARTIES_MAX) fail("more than %d groups", PARTIES_MAX);
			parties[party_count].group = (struct group){
				.number = party_count, .sessions = 1, .streams = 1, .in_flight = 1, .interval_ms = 1000,
				.packet_size = 4096, .label = "load", .host = "bench"};
			party_count++;
			continue;
		}
		char *value = strchr(argv[i], '=');
		if (!value) fail("not a setting: %s", argv[i]);
		*value++ = 0;
		if (party_count) set_group(&parties[party_count - 1].group, argv[i], value);
		else set_run(argv[i], value);
	}
}

static void open_party(struct party *p)
{
	struct group *g = &p->group;
	if (g->streams > STREAMS_MAX || g->in_flight > IN_FLIGHT_MAX) fail("%s: too many streams or indexes", g->label);
	if (g->role == VIEW && is_secure()) fail("%s: viewers have no TLS", g->label);
	if (g->role != VIEW) {
		p->session = calloc(g->sessions, sizeof *p->session);
		for (unsigned i = 0; i < g->sessions; i++) session_open(&p->session[i], g, i, control_port, data_port);
		return;
	}
	p->viewer = calloc(g->sessions, sizeof *p->viewer);
	for (unsigned k = 0; k < party_count; k++) {
		struct party *of = &parties[k];
		if (strcmp(of->group.label, g->of)) continue;
		for (unsigned i = 0; i < g->sessions; i++) {
			g->packet_size = of->group.packet_size;
			p->viewer[i].of = &of->group;
			p->viewer[i].session = &of->session[i % of->group.sessions];
			viewer_open(&p->viewer[i], g, live_port);
		}
	}
	if (!p->viewer[0].of) fail("%s watches an unknown group", g->label);
}

static void open_payload(void)
{
	uint64_t largest = 0;
	for (unsigned i = 0; i < party_count; i++)
		if (parties[i].group.packet_size > largest) largest = parties[i].group.packet_size;
	session_payload(largest);
}

static bool targets_finished(void)
{
	for (unsigned i = 0; i < party_count; i++) {
		const struct group *g = &parties[i].group;
		if (g->role != VIEW && g->finished < g->sessions) return false;
	}
	return true;
}

static bool viewers_finished(void)
{
	for (unsigned i = 0; i < party_count; i++) {
		const struct party *p = &parties[i];
		for (unsigned k = 0; p->group.role == VIEW && k < p->group.sessions; k++)
			if (p->viewer[k].state != GONE && p->viewer[k].packets < p->viewer[k].session->packets_sent) return false;
	}
	return true;
}

static void tick(void)
{
	for (unsigned i = 0; i < party_count; i++) {
		struct party *p = &parties[i];
		for (unsigned k = 0; k < p->group.sessions; k++) {
			if (p->group.role == VIEW) viewer_tick(&p->viewer[k]);
			else session_tick(&p->session[k]);
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

/* With `threads`, instead of the loop. */
static void run_threads(void)
{
	for (unsigned i = 0; i < party_count; i++) {
		struct party *p = &parties[i];
		if (p->group.role != PRODUCE || p->group.rate) fail("%s: threads only produce, and without a rate", p->group.label);
		for (unsigned k = 0; k < p->group.sessions; k++) blocking_start(&p->session[k], run_ms, drain_ms);
	}
	blocking_join();
}

static void print_latency(const char *name, const struct histogram *h)
{
	printf(",\"%s\":{\"count\":%lu,\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f}", name, h->total,
	       histogram_micros(h, 0.5), histogram_micros(h, 0.99), h->max / 1000.0);
}

static void print_party(struct party *p)
{
	struct group *g = &p->group;
	unsigned viewers_behind = 0;
	g->fewest = UINT64_MAX;
	for (unsigned i = 0; i < g->sessions; i++) {
		uint64_t n = g->role == VIEW ? p->viewer[i].packets : p->session[i].packets_sent;
		if (n < g->fewest) g->fewest = n;
		if (n > g->most) g->most = n;
		if (g->role == VIEW && n < p->viewer[i].session->packets_sent) viewers_behind++;
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
	dial_at("127.0.0.1");
	if (argc < 2) fail("usage: load run|sink key=value...");
	parse(argc, argv);
	if (!strcmp(argv[1], "sink")) return sink_main(control_port, data_port);
	open_payload();
	for (unsigned i = 0; i < party_count; i++) open_party(&parties[i]);
	puts("{\"event\":\"ready\"}");
	fflush(stdout);
	if (getchar() == EOF) return 1;
	go_at = now = clock_ns();
	if (threads) run_threads();
	else loop();
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	printf("{\"event\":\"report\",\"cpuSeconds\":%.3f,\"groups\":[",
	       used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
	for (unsigned i = 0; i < party_count; i++) {
		if (i) putchar(',');
		print_party(&parties[i]);
	}
	puts("]}");
	return 0;
}
