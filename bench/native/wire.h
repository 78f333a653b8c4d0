/* Numbers in network order, and the commands of the control connection that the generator sends and the sink answers. */
#ifndef WIRE_H
#define WIRE_H

#include <stdint.h>

#define HEADER_SIZE 32

enum command {
	ADD_STREAM = 1, CREATE_SESSION = 2, VERSION = 5, SEND_METADATA = 6, CLOSE_STREAM = 7, DATA_PENDING = 8,
	QUIESCENT_CONTROL = 9, END_DATA_PENDING = 11, SEND_INDEX = 13, STREAMS_SENT = 16, CREATE_TRACE_CHUNK = 19,
	GET_CONFIGURATION = 22
};

static inline void put32(uint8_t *at, uint32_t v) { v = __builtin_bswap32(v); __builtin_memcpy(at, &v, 4); }
static inline void put64(uint8_t *at, uint64_t v) { v = __builtin_bswap64(v); __builtin_memcpy(at, &v, 8); }
static inline uint32_t get32(const uint8_t *at) { uint32_t v; __builtin_memcpy(&v, at, 4); return __builtin_bswap32(v); }
static inline uint64_t get64(const uint8_t *at) { uint64_t v; __builtin_memcpy(&v, at, 8); return __builtin_bswap64(v); }

#endif
