/*
 * demo-app COUNT [--source N] [--from SEQ] [--sleep-us N] [--tock-every N [--text-bytes N]]
 * Emits COUNT events in order, numbered from SEQ, and exits.
 */
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "tp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned long source = 0, from = 0, sleep_us = 0, tock_every = 0, text_bytes = 4, i;
	char *text;

	for (i = 2; i + 1 < (unsigned long) argc; i += 2) {
		unsigned long value = strtoul(argv[i + 1], NULL, 10);

		if (!strcmp(argv[i], "--source"))
			source = value;
		else if (!strcmp(argv[i], "--from"))
			from = value;
		else if (!strcmp(argv[i], "--sleep-us"))
			sleep_us = value;
		else if (!strcmp(argv[i], "--tock-every"))
			tock_every = value;
		else if (!strcmp(argv[i], "--text-bytes"))
			text_bytes = value;
		else
			return 2;
	}
	text = malloc(text_bytes + 1);
	for (i = 0; i < text_bytes; i++)
		text[i] = "tock"[i % 4];
	text[text_bytes] = 0;
	for (i = from; i < from + count; i++) {
		if (tock_every && i % tock_every == 0)
			lttng_ust_tracepoint(demo, tock, source, i, text);
		else
			lttng_ust_tracepoint(demo, tick, source, i);
		if (sleep_us)
			usleep(sleep_us);
	}
	printf("emitted %lu\n", count);
	return 0;
}
