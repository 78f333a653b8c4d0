/**
 * Makes a trace in Chrome's JSON format from events as the relay sends them, lines of JSON. `lttng-relay export` makes
 * the same from recorded events, by the same rules (`ctf/export/ChromeTrace`). Pure.
 */
import * as SliceRules from "../../ctf/export/SliceRules.ts"
import { id, switchName, type Thread, Threads, tellingFields } from "../../ctf/export/Threads.ts"

type Fields = Readonly<Record<string, unknown>>

/** A line of JSON, for an event. */
export interface Line {
  readonly type: string
  /** Nanoseconds since the epoch. */
  readonly ts?: string
  readonly name?: string | null
  readonly cpu?: unknown
  /** Host, process id and process name, from the trace's environment. */
  readonly host?: unknown
  readonly vpid?: unknown
  readonly procname?: unknown
  readonly packet?: Fields
  readonly ctx?: Fields
  readonly ectx?: Fields
  readonly fields?: Fields
}

interface Item {
  readonly ph: "B" | "E" | "i" | "M"
  readonly name: string
  readonly pid: number
  readonly tid: number
  /** Microseconds since the first event. */
  readonly ts?: number
  readonly s?: "t"
  readonly args?: Fields
}

const micros = (nanos: bigint): number => Number(nanos) / 1000

const first = ({ ctx, ectx }: Line, ...names: ReadonlyArray<string>): unknown => {
  for (const name of names) {
    const value = ectx?.[name] ?? ctx?.[name]
    if (value !== undefined) return value
  }
  return undefined
}

const argumentsOf = ({ ctx, ectx, fields, packet }: Line): Fields =>
  Object.fromEntries(Object.entries({ packet, ctx, ectx, fields }).filter(([, value]) => value !== undefined))

const phases = { begin: "B", end: "E", instant: "i" } as const

const itemsOf = (line: Line, { open, pid, tid }: Thread<string>, since: bigint): Array<Item> => {
  const name = line.name ?? "<unknown>"
  const slice = SliceRules.of(name)
  const { label, left, phase } = open.next(slice, SliceRules.labelOf(name, slice))
  const isInstant = phase === "instant"
  const place = { pid, tid, ts: micros(isInstant ? since : open.at(since)) }
  return [
    ...left.map((each): Item => ({ ph: "E", name: each, ...place })),
    { ph: phases[phase], ...(isInstant && { s: "t" }), name: label, ...place, args: argumentsOf(line) }
  ]
}

const environmentOf = ({ host, procname, vpid }: Line): ReadonlyMap<string, unknown> =>
  new Map<string, unknown>([
    ["hostname", host],
    ["procname", procname],
    ["vpid", typeof vpid === "number" ? BigInt(vpid) : undefined]
  ])

/** The trace's text. Lines that are no events are left out. */
export const trace = (lines: ReadonlyArray<Line>, session: string): string => {
  const threads = new Threads<string>()
  const events = lines.filter(({ ts, type }) => type === "event" && ts !== undefined)
  const begin = BigInt(events[0]?.ts ?? 0)
  const sinceOf = ({ ts }: Line): bigint => {
    const since = BigInt(ts ?? 0) - begin
    return since < 0n ? 0n : since
  }
  const last = events.map(sinceOf).reduce((a, b) => (b > a ? b : a), 0n)
  const items = events.flatMap((line) => {
    const cpu = id(line.cpu)
    const environment = environmentOf(line)
    const thread = threads.of({
      cpu,
      pid: id(first(line, "vpid", "pid")),
      tid: id(first(line, "vtid", "tid")),
      procname: first(line, "procname"),
      environment
    })
    const name = line.name ?? ""
    const telling = tellingFields(name)?.map((field) => line.fields?.[field])
    if (telling !== undefined) {
      const [newTid, newPid, newName] = telling
      threads.note({ isSwitch: name === switchName, tid: newTid, pid: newPid, name: newName }, cpu, environment)
    }
    return itemsOf(line, thread, sinceOf(line))
  })
  const unfinished = [...threads.all].flatMap(({ open, pid, tid }) => {
    const ts = micros(open.at(last))
    return open.close().map((name): Item => ({ ph: "E", name, pid, tid, ts, args: { unfinished: true } }))
  })
  const named = Array.from(
    threads.named(),
    ({ kind, name, pid, tid }): Item => ({ ph: "M", name: `${kind}_name`, pid, tid, args: { name } })
  )
  const text = [...items, ...unfinished, ...named].map((item) => JSON.stringify(item)).join(",\n")
  const rest = JSON.stringify({ displayTimeUnit: "ns", otherData: { begin: String(begin), session } })
  return `{"traceEvents":[\n${text}\n],${rest.slice(1)}\n`
}
