#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER demo

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "tp.h"

#if !defined(DEMO_TP_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define DEMO_TP_H

#include <lttng/tracepoint.h>

/* Every event carries its source and its place in that source's order: losses and repeats show by value. */
LTTNG_UST_TRACEPOINT_EVENT(demo, tick,
	LTTNG_UST_TP_ARGS(unsigned long, source, unsigned long, seq),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(unsigned long, source, source)
		lttng_ust_field_integer(unsigned long, seq, seq)))

LTTNG_UST_TRACEPOINT_EVENT(demo, tock,
	LTTNG_UST_TP_ARGS(unsigned long, source, unsigned long, seq, const char *, text),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(unsigned long, source, source)
		lttng_ust_field_integer(unsigned long, seq, seq)
		lttng_ust_field_string(text, text)))

#endif

#include <lttng/tracepoint-event.h>
