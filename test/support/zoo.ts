/**
 * An instrumented application with many event classes, of which every one has fields of all types of LTTng-UST: written
 * as C here, so that a test says how many, and built once per version of this text. What babeltrace2 2.0 is known to
 * print wrong is left out: empty texts, several labels of one value.
 */
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import * as Process from "./process.ts"

const integers = ["int8_t", "uint8_t", "int16_t", "uint16_t", "int32_t", "uint32_t", "int64_t", "uint64_t"]

const eventClass = (index: number): string => `
LTTNG_UST_TRACEPOINT_EVENT(zoo, event_${index},
  LTTNG_UST_TP_ARGS(int, n, const char *, text, int *, list, size_t, count),
  LTTNG_UST_TP_FIELDS(
    lttng_ust_field_integer(int, n, n)
${integers.map((type) => `    lttng_ust_field_integer(${type}, f_${type}, (${type})(n * 2654435761u))`).join("\n")}
    lttng_ust_field_integer_hex(uint32_t, hex, n)
    lttng_ust_field_integer_network(uint32_t, network, n)
    lttng_ust_field_integer_network_hex(uint16_t, port, n)
    lttng_ust_field_float(float, real, n / 7.0f)
    lttng_ust_field_float(double, precise, n / 3.0)
    lttng_ust_field_string(text, text)
    lttng_ust_field_array(int, three, list, 3)
    lttng_ust_field_array_text(char, fixed, text, 6)
    lttng_ust_field_sequence(int, some, list, size_t, count)
    lttng_ust_field_sequence_hex(int, some_hex, list, uint8_t, count)
    lttng_ust_field_sequence_text(char, part, text, size_t, count + 1)
    lttng_ust_field_enum(zoo, animal, int, who, n % 12 - 2)))
LTTNG_UST_TRACEPOINT_LOGLEVEL(zoo, event_${index}, LTTNG_UST_TRACEPOINT_LOGLEVEL_${index % 2 === 0 ? "INFO" : "DEBUG"})`

const header = (count: number): string => `
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER zoo
#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "zoo.h"
#if !defined(ZOO_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define ZOO_H
#include <stdint.h>
#include <stddef.h>
#include <lttng/tracepoint.h>
LTTNG_UST_TRACEPOINT_ENUM(zoo, animal, LTTNG_UST_TP_ENUM_VALUES(
  lttng_ust_field_enum_value("cat", -2)
  lttng_ust_field_enum_value("two dogs", 0)
  lttng_ust_field_enum_range("herd", 1, 4)
  lttng_ust_field_enum_range("any \\"of\\" them", 5, 6)))
${Array.from({ length: count }, (_, index) => eventClass(index)).join("\n")}
#endif
#include <lttng/tracepoint-event.h>`

const program = (count: number): string => `
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include <stdlib.h>
#include <unistd.h>
#include "zoo.h"
static const char *texts[] = { "", "plain text", "tab\\tquote\\" back\\\\slash", "\\xc3\\xa9t\\xc3\\xa9 \\xe2\\x82\\xac" };
int main(int argc, char **argv) {
  int rounds = atoi(argv[1]), sleep_us = atoi(argv[2]);
  int list[] = { 0, -1, 0x7fffffff, 42, 7 };
  for (int i = 0; i < rounds; i++) {
    const char *text = texts[1 + i % 3];
${Array.from({ length: count }, (_, n) => `    lttng_ust_tracepoint(zoo, event_${n}, i * 31 + ${n}, text, list, i % 5);`).join("\n")}
    if (sleep_us) usleep(sleep_us);
  }
  return 0;
}`

/** The path of the program: `zoo ROUNDS SLEEP_US` emits each of `count` classes once per round. */
export const build = (count: number): Effect.Effect<string, Process.ProcessFailed | Process.TimedOut> =>
  Effect.suspend(() => {
    const sources = { "zoo.h": header(count), "zoo.c": program(count) }
    const digest = createHash("sha256").update(JSON.stringify(sources)).digest("hex")
    const folder = join(tmpdir(), `lttng-relay-zoo-${digest.slice(0, 12)}`)
    const built = join(folder, "zoo")
    if (existsSync(built)) return Effect.succeed(built)
    mkdirSync(folder, { recursive: true })
    for (const [name, text] of Object.entries(sources)) writeFileSync(join(folder, name), text)
    const fresh = `${built}.${process.pid}`
    const args = ["-O1", `-I${folder}`, "-o", fresh, join(folder, "zoo.c"), "-llttng-ust", "-ldl"]
    return Effect.map(Process.run("gcc", args), () => {
      renameSync(fresh, built)
      return built
    })
  })
