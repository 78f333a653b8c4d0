/* The second way to produce: a thread for each session, blocking sends out of its own memory, as a consumer daemon. */
#ifndef BLOCKING_H
#define BLOCKING_H

#include <stdint.h>

struct session;

/* Starts the thread of a session that stands; its group produces, without a rate. */
void blocking_start(struct session *, uint64_t run_ms, uint64_t drain_ms);
/* Returns when all of them have ended. */
void blocking_join(void);

#endif
