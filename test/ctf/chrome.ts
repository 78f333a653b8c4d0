/**
 * Traces that no tracer writes, in Chrome's JSON: names and texts of any bytes, ids and numbers of 64 bits, begins and
 * ends that do not match, clocks that go back or are none. `check` says what readers of that format would not take.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { ChromeTrace } from "../../src/ctf/export/ChromeTrace.ts"
import * as Text from "../../src/ctf/print/Text.ts"
import * as Printing from "../../src/ctf/recorded/Printing.ts"
import * as Recording from "../../src/ctf/recorded/Recording.ts"
import { type Random, random } from "./encoding.ts"

const eventNames = [
  ...["a_begin", "a_end", "b_start", "b_stop", "x", "p:q_entry", "p:q_exit", "start", "stop", "é_start", "é_done"],
  ...["sched_switch", "lttng_statedump_process_state", "sched_process_fork", "sys_open", "exit_syscall"],
  ...[
    "syscall_entry_read",
    "syscall_exit_read",
    '\\"q\\\\_begin',
    '\\"q\\\\_end',
    "nul\\0x",
    "\\xff\\xfe",
    "\\n_begin"
  ],
  ...["__proto___begin", "__proto___end", "constructor", "", "_", "::_begin"]
]
const payloads: ReadonlyArray<ReadonlyArray<string>> = [
  [],
  ["u64 next_tid;", "u64 v;"],
  ["u64 tid;", "u64 pid;", "string name;"],
  ["string name;"],
  ["string next_comm;", "u64 next_tid;"],
  ["struct { u64 a; string b; } s[2];"]
]
const numbers = [
  0n,
  1n,
  2n,
  100n,
  2n ** 22n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 63n,
  2n ** 64n - 1n
]
const texts = ["", "plain", '"q\\', "\u0001\u001f", "é", "\u2028"]
const notUtf8 = [0xff, 0xc0, 0xed, 0xa0, 0x80]

const below = (next: Random, count: number): number => Math.floor(next() * count)
const oneOf = <A>(next: Random, all: ReadonlyArray<A>): A => all[below(next, all.length)] as A

const record = (next: Random, fields: string, bytes: Array<number>): void => {
  for (const [word] of fields.matchAll(/u64|string/g)) {
    if (word === "u64") bytes.push(...word64(oneOf(next, numbers)))
    else bytes.push(...Buffer.from(oneOf(next, texts)), ...(next() < 0.3 ? notUtf8 : []), 0)
  }
}

const word64 = (value: bigint): Uint8Array => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value))
  return bytes
}

const writeTrace = (directory: string, next: Random): void => {
  mkdirSync(directory, { recursive: true })
  const [hasClock, hasContext, hasCpu] = [next() < 0.85, next() < 0.7, next() < 0.6]
  const classes = Array.from({ length: 1 + below(next, 6) }, () => ({
    name: oneOf(next, eventNames),
    fields: oneOf(next, payloads)
  }))
  const integer = `integer { size = 64; ${next() < 0.3 ? "signed = true; " : ""}}`
  const freq = oneOf(next, [1_000_000_000, 1, 19_200_000, 3_000_000_000])
  const clock = `clock { name = c; freq = ${freq}; offset = ${oneOf(next, ["0", "1700000000000000000"])}; };`
  writeFileSync(
    join(directory, "metadata"),
    `/* CTF 1.8 */ typealias integer { size = 8; } := u8; typealias ${integer} := u64;
trace { major = 1; minor = 8; byte_order = le; packet.header := struct { u8 stream_id; }; };
env { hostname = "${oneOf(next, ["h", "i", '\\"', "\\xff"])}"; vpid = ${oneOf(next, ["5", "-7", "18446744073709551615"])}; procname = "p\\""; };
${hasClock ? clock : ""} typealias integer { size = 64; ${hasClock ? "map = clock.c.value; " : ""}} := time;
stream { id = 0; event.header := struct { u8 id; time timestamp; };
${hasCpu ? "packet.context := struct { u64 cpu_id; };" : ""} ${hasContext ? "event.context := struct { u64 vpid; u64 vtid; };" : ""} };
${classes.map(({ fields, name }, id) => `event { name = "${name}"; id = ${id}; stream_id = 0; fields := struct { ${fields.join(" ")} }; };`).join("\n")}`
  )
  const bytes = [0, ...(hasCpu ? word64(oneOf(next, numbers)) : [])]
  let time = oneOf(next, [0n, 1000n, 2n ** 40n])
  for (let left = below(next, 40); left > 0; left--) {
    const id = below(next, classes.length)
    time += BigInt(below(next, 1000)) - (next() < 0.1 ? 2000n : 0n)
    bytes.push(id, ...word64(time))
    if (hasContext) bytes.push(...word64(oneOf(next, numbers)), ...word64(oneOf(next, numbers)))
    record(next, (classes[id]?.fields ?? []).join(" ").replace(/struct \{(.*)\} s\[2\];/, "$1 $1"), bytes)
  }
  writeFileSync(join(directory, "s"), Uint8Array.from(bytes))
}

export interface Item {
  readonly ph: string
  readonly name: string
  readonly pid: number
  readonly tid: number
  readonly ts: number
  readonly args?: { readonly name?: string; readonly unfinished?: boolean }
}

const isId = (value: number): boolean => Number.isInteger(value) && value >= 0 && value < 2 ** 32

/** What is wrong with the slices of one thread. */
const faultOf = (items: ReadonlyArray<Item>): string | undefined => {
  const open: Array<Item> = []
  let last = 0
  for (const item of items) {
    if (item.ph === "i") continue
    if (item.ts < last) return "slices go back"
    last = item.ts
    if (item.ph === "B") open.push(item)
    else if (open.pop()?.name !== item.name) return "an end is not that of the innermost slice"
  }
  return open.length > 0 ? "slices are left open" : undefined
}

/** What readers would not take; undefined: nothing. */
const check = (bytes: Uint8Array, eventCount: number): string | undefined => {
  const parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
  const items = (parsed.traceEvents as ReadonlyArray<Item>).filter(({ ph }) => ph !== "M")
  if (!parsed.traceEvents.every(({ pid, tid }: Item) => isId(pid) && isId(tid))) return "an id is none"
  if (!items.every(({ ts }) => Number.isFinite(ts) && ts >= 0)) return "a time is none"
  if (items.filter(({ args }) => args !== undefined && args.unfinished !== true).length !== eventCount)
    return "not each event record is there once"
  const faults = [...Map.groupBy(items, ({ pid, tid }) => `${pid} ${tid}`).values()].map(faultOf)
  return faults.find((fault) => fault !== undefined)
}

/** Writes one or two traces below `directory` and exports them: what is wrong, and how many events there are. */
export const exported = (
  directory: string,
  seed: number
): { readonly fault: string | undefined; readonly eventCount: number } => {
  const next = random(seed)
  for (let left = 1 + below(next, 2); left > 0; left--) writeTrace(join(directory, `${left}`), next)
  const recording = Recording.open([directory], { ...Recording.defaults, isPartial: true, isCorrelationForced: true })
  const parts: Array<Buffer> = []
  const { eventCount } = Printing.print(recording, {
    format: new ChromeTrace('of \ud800 and "'),
    text: Text.defaults,
    filter: undefined,
    write: (bytes) => parts.push(Buffer.from(bytes)),
    warn: () => {}
  })
  return { fault: check(Buffer.concat(parts), eventCount), eventCount }
}
