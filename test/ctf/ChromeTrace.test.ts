/** Recorded traces in Chrome's JSON: every event record once, on its thread, slices nested and closed. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as ChromeLines from "../../src/admin/page/ChromeLines.ts"
import { ChromeTrace } from "../../src/ctf/export/ChromeTrace.ts"
import { OpenSlices } from "../../src/ctf/export/OpenSlices.ts"
import * as SliceRules from "../../src/ctf/export/SliceRules.ts"
import { id, Threads } from "../../src/ctf/export/Threads.ts"
import { Bytes } from "../../src/ctf/print/Bytes.ts"
import { Json } from "../../src/ctf/print/Json.ts"
import * as Recording from "../../src/ctf/recorded/Recording.ts"
import { describeWithCorpus } from "../support/corpus.ts"
import * as Chrome from "./chrome.ts"

interface Item {
  readonly ph: "B" | "E" | "i" | "M"
  readonly name: string
  readonly pid: number
  readonly tid: number
  readonly ts?: number
  readonly args?: { readonly name?: string; readonly fields?: unknown; readonly ctx?: { readonly vtid?: number } }
}

/** What each phase must and may have, by the description of the Trace Event Format. */
const membersOf: Readonly<
  Record<string, { readonly must: ReadonlyArray<string>; readonly may: ReadonlyArray<string> }>
> = {
  B: { must: ["ph", "name", "pid", "tid", "ts"], may: ["args"] },
  E: { must: ["ph", "name", "pid", "tid", "ts"], may: ["args"] },
  i: { must: ["ph", "name", "pid", "tid", "ts", "s"], may: ["args"] },
  M: { must: ["ph", "name", "pid", "tid", "args"], may: [] }
}

/** Strictly: no member more, none of another type. */
const assertFormat = ({ displayTimeUnit, otherData, traceEvents, ...more }: Record<string, unknown>) => {
  assert.deepStrictEqual(more, {})
  assert.strictEqual(displayTimeUnit, "ns")
  assert.match(String((otherData as { readonly begin: unknown }).begin), /^-?\d+$/)
  assert.isArray(traceEvents)
  for (const item of traceEvents as ReadonlyArray<Record<string, unknown>>) {
    const told = JSON.stringify(item)
    const { may = [], must = [] } = membersOf[String(item.ph)] ?? {}
    assert.isAbove(must.length, 0, told)
    assert.deepStrictEqual(
      must.filter((name) => !Object.hasOwn(item, name)),
      [],
      told
    )
    assert.deepStrictEqual(
      Object.keys(item).filter((name) => !must.includes(name) && !may.includes(name)),
      [],
      told
    )
    assert.isString(item.name, told)
    assert.isTrue(Number.isSafeInteger(item.pid) && Number.isSafeInteger(item.tid), told)
    // Microseconds, and what is less in the fraction.
    if (item.ph !== "M") assert.isTrue(Number.isFinite(item.ts) && (item.ts as number) >= 0, told)
    if (item.ph === "i") assert.include(["g", "p", "t"], item.s, told)
    if (item.args !== undefined) assert.isObject(item.args, told)
    if (item.ph !== "M") continue
    assert.include(["process_name", "thread_name"], item.name, told)
    assert.isString((item.args as { readonly name: unknown }).name, told)
  }
}

const exported = (directory: string) => {
  const recording = Recording.open([directory])
  const trace = new ChromeTrace("a trace")
  const json = new Json(({ streamId }) => ({ streamId: streamId ?? 0 }))
  const [out, lines] = [new Bytes(), new Bytes()]
  let events = 0
  for (let reader = recording.next(); reader !== undefined; reader = recording.next()) {
    if (reader.item !== "event") continue
    trace.event(reader.stream, out)
    json.event(reader.stream, lines)
    events++
  }
  trace.end(out)
  recording.close()
  const whole = JSON.parse(Buffer.from(out.written).toString())
  assertFormat(whole)
  const { traceEvents } = whole
  const told = Buffer.from(lines.written).toString().trim().split("\n")
  return { events, items: traceEvents as ReadonlyArray<Item>, told }
}

/** That the slices of each thread are nested: an end closes the one that began last, and nothing is left open. */
const assertNested = (items: ReadonlyArray<Item>) => {
  const open = new Map<string, Array<string>>()
  let last = Number.NEGATIVE_INFINITY
  for (const { name, ph, pid, tid, ts } of items) {
    if (ph === "M") continue
    const key = `${pid}/${tid}`
    const own = open.get(key) ?? []
    open.set(key, own)
    assert.isAtLeast(ts ?? Number.NaN, last)
    last = ts ?? last
    if (ph === "B") own.push(name)
    if (ph === "E") assert.strictEqual(own.pop(), name)
  }
  for (const [key, left] of open) assert.deepStrictEqual(left, [], key)
}

it("processors with nothing to do are a thread each", () => {
  const threads = new Threads<string>()
  const clues = { pid: undefined, tid: undefined, procname: undefined, environment: new Map<string, unknown>() }
  for (const cpu of [0, 3])
    threads.note({ isSwitch: true, tid: 0, pid: undefined, name: `swapper/${cpu}` }, cpu, new Map())
  const idle = [0, 3].map((cpu) => threads.of({ ...clues, cpu }))
  // With contexts that say it.
  const told = [0, 3].map((cpu) => threads.of({ ...clues, cpu, pid: 0, tid: 0, procname: `swapper/${cpu}` }))
  assert.deepStrictEqual(told, idle)
  assert.deepStrictEqual(
    idle.map(({ pid, tid }) => [pid, tid]),
    [
      [0, 0],
      [0, 3]
    ]
  )
  assert.deepStrictEqual(
    Array.from(threads.named(), ({ kind, name, pid, tid }) => [kind, pid, tid, name]),
    [
      ["process", 0, 0, "processors"],
      ["thread", 0, 0, "processor 0"],
      ["thread", 0, 3, "processor 3"]
    ]
  )
  threads.note({ isSwitch: true, tid: 7, pid: undefined, name: "app" }, 3, new Map())
  assert.strictEqual(threads.of({ ...clues, cpu: 3 }).tid, 7)
})

it("a process that tells no thread is its first one", () => {
  const threads = new Threads<string>()
  const clues = { cpu: 0, procname: "app", environment: new Map<string, unknown>() }
  const places = [undefined, 5, 6].map((tid) => threads.of({ ...clues, pid: 5, tid }))
  assert.deepStrictEqual(
    places.map(({ pid, tid }) => [pid, tid]),
    [
      [5, 5],
      [5, 5],
      [5, 6]
    ]
  )
  assert.deepStrictEqual(
    Array.from(threads.named(), ({ kind, pid, tid }) => `${kind} ${pid} ${tid}`),
    ["thread 5 5", "process 5 5", "thread 5 6"]
  )
})

it("a process of which only other threads tell anything has its trace's name", () => {
  const threads = new Threads<string>()
  const environment = new Map<string, unknown>([
    ["vpid", 5n],
    ["procname", "app"]
  ])
  threads.of({ cpu: 0, pid: undefined, tid: 6, procname: "worker", environment })
  assert.deepStrictEqual(
    Array.from(threads.named(), ({ kind, name, pid, tid }) => `${kind} ${pid} ${tid}: ${name}`),
    ["thread 5 6: worker", "process 5 5: app"]
  )
})

it("processors, processes and threads are those of their machine", () => {
  const threads = new Threads<string>()
  const clues = { cpu: 0, pid: undefined, tid: undefined, procname: undefined }
  const [one, other] = ["one", "other"].map((hostname) => new Map<string, unknown>([["hostname", hostname]]))
  assert.isDefined(one)
  assert.isDefined(other)
  threads.note({ isSwitch: true, tid: 7, pid: undefined, name: "app" }, 0, one)
  threads.note({ isSwitch: true, tid: 8, pid: undefined, name: "tool" }, 0, other)
  threads.note({ isSwitch: false, tid: 7, pid: 6, name: "db" }, 0, other)
  assert.strictEqual(threads.of({ ...clues, environment: one }).tid, 7)
  const again = threads.of({ ...clues, cpu: 1, pid: 7, tid: 7, environment: one })
  assert.strictEqual(again, threads.of({ ...clues, environment: one }))
  const ofOther = threads.of({ ...clues, pid: 7, tid: 7, procname: "app", environment: other })
  assert.notStrictEqual(ofOther, again)
  assert.notStrictEqual(ofOther.pid, again.pid)
  assert.notStrictEqual(threads.of({ ...clues, environment: other }).tid, 7)
  const names = new Map(Array.from(threads.named(), ({ kind, name, pid, tid }) => [`${kind} ${pid} ${tid}`, name]))
  assert.strictEqual(names.get("thread 7 7"), "app")
  assert.strictEqual(names.get("process 7 7"), "app")
  assert.strictEqual(names.get(`process ${ofOther.pid} ${ofOther.tid}`), "other: app")
})

describe("slices", () => {
  it.each([
    ["syscall_entry_openat", "begin", "syscall_openat"],
    ["syscall_exit_openat", "end", "syscall_openat"],
    ["irq_handler_entry", "begin", "irq_handler"],
    ["irq_handler_exit", "end", "irq_handler"],
    ["lttng_ust_cyg_profile:func_entry", "begin", "lttng_ust_cyg_profile:func"],
    ["lttng_ust_cyg_profile:func_exit", "end", "lttng_ust_cyg_profile:func"],
    ["app:request_start", "begin", "app:request"],
    ["app:request_done", "end", "app:request"],
    ["ros2:callback_start", "begin", "ros2:callback"],
    ["ros2:callback_end", "end", "ros2:callback"],
    ["begin_frame", "begin", "frame"],
    ["front_end:request_begin", "begin", "front_end:request"],
    ["front_end:request_end", "end", "front_end:request"],
    ["app:front_end_start", "begin", "app:front_end"],
    ["app:front_end_stop", "end", "app:front_end"],
    ["compat_syscall_entry_exit_group", "begin", "compat_syscall_exit_group"],
    ["syscall_exit_exit_group", "end", "syscall_exit_group"],
    ["exit_syscall", "end", "syscall"],
    ["sys_open", "begin", "syscall"]
  ])("%s is the %s of %s", (event, phase, name) => {
    assert.deepStrictEqual(SliceRules.of(event), { phase, name })
  })

  it.each(["sched_switch", "app:restarted", "app:weekend", "lttng_ust_statedump:bin_info", "front_end:load"])(
    "%s stands alone",
    (name) => {
      assert.isUndefined(SliceRules.of(name))
    }
  )
})

it("the end of a slice closes all that were left open in it, the innermost first", () => {
  const open = new OpenSlices<string>()
  const begin = (name: string) => open.next({ phase: "begin", name }, `${name}…`)
  const end = (name: string) => open.next({ phase: "end", name }, `…${name}`)
  for (const name of ["outer", "middle", "inner"]) begin(name)
  assert.deepStrictEqual(end("outer"), { left: ["inner…", "middle…"], phase: "end", label: "outer…" })
  assert.deepStrictEqual(end("inner"), { left: [], phase: "instant", label: "…inner" })
  for (const name of ["outer", "inner"]) begin(name)
  assert.deepStrictEqual(open.close(), ["inner…", "outer…"])
  assert.deepStrictEqual(open.close(), [])
})

it("an end without a begin is not compared with all slices that are open", () => {
  const open = new OpenSlices<number>()
  const count = 1000
  for (let index = 0; index < count; index++) open.next({ phase: "begin", name: `begun ${index % 2}` }, index)
  let reads = 0
  const end = {
    phase: "end",
    get name() {
      reads++
      return "other"
    }
  } as const
  assert.strictEqual(open.next(end, 7).phase, "instant")
  assert.isBelow(reads, 5)
  const even = open.next({ phase: "end", name: "begun 0" }, 0)
  assert.deepStrictEqual(even, { left: [count - 1], phase: "end", label: count - 2 })
  assert.strictEqual(open.next({ phase: "end", name: "begun 1" }, 0).label, count - 3)
  assert.strictEqual(open.close().length, count - 3)
  assert.strictEqual(open.next({ phase: "end", name: "begun 1" }, 0).phase, "instant")
})

it("a slice without another name is called as its event, and so is an end that has no begin", () => {
  assert.deepStrictEqual(
    ["start", "stop", "app:request_start", "sched_process_exit"].map((name) =>
      SliceRules.labelOf(name, SliceRules.of(name))
    ),
    ["start", "stop", "app:request", "sched_process_exit"]
  )
})

it("ids are such as readers can hold, or none", () => {
  const none = [2n ** 60n, 2 ** 31, -1, -1n, 1.5, Number.NaN, "7", undefined]
  assert.deepStrictEqual([0, 7, 7n, 2 ** 31 - 1, ...none].map(id), [0, 7, 7, 2 ** 31 - 1, ...none.map(() => undefined)])
})

it("threads and open slices beyond their bounds are others', and instants", () => {
  const threads = new Threads<string>(2)
  const environment = new Map<string, unknown>([["procname", "app"]])
  const of = (tid: number) => threads.of({ cpu: undefined, pid: 1, tid, procname: undefined, environment })
  const [first, , third, fourth] = [1, 2, 3, 4].map(of)
  assert.strictEqual(third, fourth)
  assert.deepInclude(third, { pid: 0, tid: 2 ** 32 - 1 })
  assert.strictEqual(of(1), first)
  const named = [...threads.named()]
  assert.deepInclude(named, { kind: "thread", pid: 0, tid: 2 ** 32 - 1, name: "other threads" })
  for (let tid = 5; tid < 50; tid++) of(tid)
  assert.isAtMost([...threads.named()].length, named.length)
})

it("a slice for which there is no room is an instant, as is its end; those around it end where they should", () => {
  const room = { left: 2 }
  const open = new OpenSlices<string>(room)
  const phases = ["begin", "begin", "begin", "end", "end", "end", "begin"] as const
  const outcome = phases.map((phase) => open.next({ phase, name: "same" }, phase).phase)
  assert.deepStrictEqual(outcome, ["begin", "begin", "instant", "instant", "end", "end", "begin"])
  assert.strictEqual(room.left, 1)
  open.close()
  assert.strictEqual(room.left, 2)
})

it("lines of JSON: threads are their host's, and a slice without another name is called as its event", () => {
  const line = (host: string, name: string, ts: number) => ({
    type: "event",
    ts: `${ts}`,
    name,
    host,
    ctx: { vpid: 7 }
  })
  const text = ChromeLines.trace(
    [line("one", "start", 1000), line("other", "start", 2000), line("one", "stop", 3000), line("other", "stop", 4000)],
    "a trace"
  )
  const { traceEvents } = JSON.parse(text) as { readonly traceEvents: ReadonlyArray<Item> }
  const other = 7 + 2 ** 22
  assert.deepStrictEqual(
    traceEvents.map(({ name, ph, pid, ts }) => ({ name, ph, pid, ts })),
    [
      { name: "start", ph: "B", pid: 7, ts: 0 },
      { name: "start", ph: "B", pid: other, ts: 1 },
      { name: "start", ph: "E", pid: 7, ts: 2 },
      { name: "start", ph: "E", pid: other, ts: 3 }
    ]
  )
})

describeWithCorpus(
  "Chrome's JSON",
  ["types", "contexts", "ust-cyg-profile", "kernel-big-endian", "ctf2-contexts"],
  (root) => {
    it.each(["types", "contexts", "ctf2-contexts"])("%s: every event record, on the thread of its context", (name) => {
      const { events, items } = exported(join(root(), name))
      const shown = items.filter(({ ph }) => ph !== "M")
      assert.strictEqual(shown.length, events)
      for (const { args, tid } of shown) assert.strictEqual(tid, args?.ctx?.vtid ?? tid)
      assert.isAbove(items.filter(({ ph }) => ph === "M").length, 0)
      assertNested(items)
    })

    it.each(["types", "contexts", "ctf2-contexts", "ust-cyg-profile", "kernel-big-endian"])(
      "%s: events as lines of JSON become the same trace",
      (name) => {
        const { items, told } = exported(join(root(), name))
        const text = ChromeLines.trace(
          told.map((line) => JSON.parse(line)),
          "a trace"
        )
        const own = JSON.parse(text) as { readonly traceEvents: ReadonlyArray<Item> }
        const places = (all: ReadonlyArray<Item>) =>
          all.map(({ name, ph, pid, tid, ts }) => ({ name, ph, pid, tid, ts }))
        assert.deepStrictEqual(places(own.traceEvents), places(items))
      }
    )

    it("ust-cyg-profile: functions are slices", () => {
      const { items } = exported(join(root(), "ust-cyg-profile"))
      assert.isAbove(items.filter(({ ph }) => ph === "B").length, 1000)
      assert.isAbove(items.filter(({ ph }) => ph === "E").length, 1000)
      assertNested(items)
    })

    it("kernel-big-endian: threads are those that were switched to", () => {
      const { items } = exported(join(root(), "kernel-big-endian"))
      assert.isAbove(new Set(items.map(({ tid }) => tid)).size, 10)
      assert.isAbove(items.filter(({ name, ph }) => ph === "M" && name === "thread_name").length, 10)
      assertNested(items)
    })
  }
)

it("names, ids, times and pairs that no tracer writes are such as readers take", () => {
  const root = mkdtempSync(join(tmpdir(), "chrome-"))
  try {
    let sum = 0
    for (let seed = 1; seed <= 300; seed++) {
      const { eventCount, fault } = Chrome.exported(join(root, `${seed}`), seed)
      assert.isUndefined(fault, `seed ${seed}`)
      sum += eventCount
    }
    assert.isAbove(sum, 1000)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
})
