#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER bench

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "tracepoints.h"

#if !defined(BENCH_TRACEPOINTS_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define BENCH_TRACEPOINTS_H

#include <lttng/tracepoint.h>

/* One for each channel, so that each can be enabled in its own. */
LTTNG_UST_TRACEPOINT_EVENT_CLASS(bench, event,
	LTTNG_UST_TP_ARGS(unsigned long, source, unsigned long, seq),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(unsigned long, source, source)
		lttng_ust_field_integer(unsigned long, seq, seq)))

#define BENCH_EVENT(name) \
	LTTNG_UST_TRACEPOINT_EVENT_INSTANCE(bench, event, bench, name, \
		LTTNG_UST_TP_ARGS(unsigned long, source, unsigned long, seq))

BENCH_EVENT(event0)
BENCH_EVENT(event1)
BENCH_EVENT(event2)
BENCH_EVENT(event3)

#endif

#include <lttng/tracepoint-event.h>
