/**
 * Two journals of one tracing session: the second begins when all connections of the first have ended, or, from another
 * spool, while that is open. A relay that is started again makes of both what one does that goes on.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import * as OpenJournal from "../../src/protocol/journal/OpenJournal.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import * as Commands from "../../src/testing/PeerBytes.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { opened, opening, record, version } from "../support/journal.ts"
import * as Stoppable from "../support/stoppable.ts"
import { turns } from "../support/turns.ts"

const { join, message, none, numbers, u64 } = Commands
const { offsets, size } = OpenJournal.acknowledgement

const packetBytes = 64

/** A journal of the tracing session: of one consumer daemon, with a stream below `path`. */
const journal = (token: string, path: string) => {
  const all: Array<Buffer> = []
  const add = (kind: number, payload: Uint8Array = none, connection = 1) =>
    void all.push(record(all.length + 1, kind, payload, connection))
  const command = (number: number, payload: Uint8Array) => add(Kind.command, message(number, payload))
  const create = (id: number) =>
    command(numbers.CREATE_TRACE_CHUNK, Commands.createTraceChunk(id, Commands.start + 10 * id))
  const close = (id: number) =>
    command(numbers.CLOSE_TRACE_CHUNK, Commands.closeChunk(id, Commands.start + 10 * id + 10, 0))
  /** The edge's own. */
  let handle = 7n
  let seq = 0
  let added = 0
  add(Kind.control)
  add(Kind.command, version)
  command(numbers.CREATE_SESSION, Commands.createSession(13, { sessionId: 1, creationTime: Commands.start }))
  let hasChunk = false
  /** The trace chunk that the tracing session is in. */
  const begins = (id: number) => {
    if (!hasChunk) create(id)
    hasChunk = true
  }
  const stream = () => {
    begins(0)
    command(numbers.ADD_STREAM, Commands.addStream(13, { path }))
    add(Kind.handle, u64(handle))
    if (handle === 7n) add(Kind.data, none, 2)
  }
  return {
    token: token.padStart(32, "0"),
    all,
    acts: {
      begins,
      packet: () => {
        if (seq === 0) stream()
        const bytes = Commands.payload(packetBytes, seq)
        add(Kind.packet, join(Commands.packetHeader(handle, seq, packetBytes, 0), bytes), 2)
        command(numbers.SEND_INDEX, Commands.sendIndex(13, handle, { seq: seq++ }))
      },
      /** The trace chunk `id` follows the one before. */
      rotates: (id: number) => {
        create(id)
        command(numbers.ROTATE_STREAMS, Commands.rotateStreams(id, [[handle, seq]]))
        close(id - 1)
      },
      /** So does `id`, in its place, with a stream of the same name. */
      renews: (id: number) => {
        command(numbers.CLOSE_STREAM, join(u64(handle++), u64(seq - 1)))
        command(numbers.CLOSE_TRACE_CHUNK, Commands.closeChunk(id - 1, Commands.start + 10 * id))
        create(id)
        seq = 0
      },
      /** Another channel's stream, in the same directory. */
      adds: () => {
        const bytes = Commands.payload(packetBytes, 50 + added)
        command(numbers.ADD_STREAM, Commands.addStream(13, { path, channel: `more_${added}` }))
        add(Kind.handle, u64(BigInt(1000 + added)))
        add(Kind.packet, join(Commands.packetHeader(BigInt(1000 + added), 0, packetBytes, 0), bytes), 2)
        command(numbers.SEND_INDEX, Commands.sendIndex(13, BigInt(1000 + added++), { seq: 0 }))
      },
      /** Another consumer daemon, with a stream of the same name in the trace chunk `id`. */
      joins: (id: number) => {
        const said = (number: number, payload: Uint8Array) => add(Kind.command, message(number, payload), 3)
        add(Kind.control, none, 3)
        add(Kind.command, version, 3)
        said(numbers.CREATE_SESSION, Commands.createSession(13, { sessionId: 1, creationTime: Commands.start }))
        said(numbers.CREATE_TRACE_CHUNK, Commands.createTraceChunk(id, Commands.start + 10 * id))
        said(numbers.ADD_STREAM, Commands.addStream(13, { path }))
        add(Kind.handle, u64(500n), 3)
        add(Kind.data, none, 4)
        const bytes = Commands.payload(packetBytes, 70)
        add(Kind.packet, join(Commands.packetHeader(500n, 0, packetBytes, 0), bytes), 4)
        said(numbers.SEND_INDEX, Commands.sendIndex(13, 500n, { seq: 0 }))
      },
      /** All its connections. */
      leaves: () => {
        command(numbers.CLOSE_STREAM, join(u64(handle), u64(seq - 1)))
        add(Kind.end, Buffer.of(0), 2)
        add(Kind.end, Buffer.of(0))
      },
      ends: () => add(Kind.finish, none, 0)
    }
  }
}
type Journal = ReturnType<typeof journal>

/** Brings what the relay does not have, and goes. */
const brings = ({ all, token }: Journal, relay: TestRelay.TestRelay) =>
  Effect.gen(function* () {
    const wire = yield* relay.wire("control")
    const { received } = yield* opened(wire, opening(token))
    yield* wire.send(join(...all.slice(Number(received))))
    while (true) {
      const said = yield* wire.read(size)
      const isOver = said.readUInt32BE(offsets.outcome) !== OpenJournal.Outcome.goesOn
      if (isOver || Number(said.readBigUInt64BE(offsets.durable)) >= all.length) break
    }
    yield* wire.close
  })

const traces = ({ memory, output }: TestRelay.TestRelay) =>
  Object.fromEntries(
    output
      .files()
      .filter((path) => !path.startsWith(".journals/"))
      .map((path) => [path, Buffer.from(memory.read(`/traces/${path}`) ?? []).toString("hex")])
  )

/** So many that what is put down is abridged. */
const rotations = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => `2 rotates ${from + at}, 2 packet`).join(", ")
const long = [rotations(1, 15), rotations(15, 30), rotations(30, 32)]

/** What comes in each step, by journal; behind each the relay may be started again. */
const stories: Record<string, ReadonlyArray<string>> = {
  "of which one rotates for long and has more streams then": ["2 packet", ...long, "2 adds", "2 adds, 2 packet"],
  "of which one has its own files in the way of another consumer daemon's": [
    "1 packet, 1 packet",
    "1 renews 1, 1 packet",
    "1 joins 1",
    "1 packet"
  ],
  "of which the first is over, and a consumer daemon joins the second": [
    "1 packet, 1 leaves, 1 ends, 2 packet",
    "2 rotates 1, 2 packet, 2 joins 1",
    "2 packet"
  ],
  "of which the first is quiet": [
    "1 packet",
    "2 packet, 2 packet",
    "1 packet, 2 packet",
    "2 leaves, 1 leaves",
    "1 ends, 2 ends"
  ],
  "of which the first ends late": ["1 packet, 2 packet", "2 packet, 1 leaves, 1 ends", "2 packet"],
  "of which the first has no connection any more": ["1 packet, 1 leaves", "2 packet", "2 packet, 1 ends", "2 packet"],
  "of which one has its own files in its way": ["1 packet, 1 packet, 2 packet", "1 renews 1, 1 packet", "1 packet"],
  "of which the first is over": [
    "1 packet, 1 packet, 1 leaves, 1 ends, 2 packet",
    "2 packet",
    "2 packet",
    "2 rotates 1, 2 packet"
  ],
  "of which the first has rotated, and is over": [
    "1 packet, 1 rotates 1, 1 packet",
    "1 leaves, 1 ends, 2 begins 1",
    "2 packet",
    "2 rotates 2, 2 packet"
  ],
  "of which the second rotates": [
    "1 packet, 2 packet",
    "2 rotates 1, 2 packet",
    "1 packet, 2 rotates 2, 2 packet",
    "1 leaves, 1 ends, 2 leaves, 2 ends"
  ],
  "of which the second rotates for long": ["1 packet, 2 packet", ...long, "1 packet"],
  "of which the first is over, and the second rotates for long": ["1 packet, 1 leaves, 1 ends, 2 packet", ...long],
  "that both rotate": [
    "1 packet, 2 packet",
    "2 rotates 1, 2 packet, 1 rotates 1, 1 packet",
    "1 rotates 2, 1 packet, 2 packet"
  ]
}

/** Brings all that is said in the step, by one journal after the other. */
const played = (step: string, journals: ReadonlyArray<Journal>, relay: TestRelay.TestRelay) =>
  Effect.gen(function* () {
    const spoken = new Set<Journal>()
    for (const act of step.split(", ")) {
      const [number, what = "", id] = act.split(" ")
      const one = journals[Number(number) - 1] ?? assert.fail(act)
      one.acts[what as keyof Journal["acts"]](Number(id ?? 0))
      spoken.add(one)
    }
    for (const one of spoken) yield* brings(one, relay)
  })

const paths: ReadonlyArray<[what: string, second: string]> = [
  ["of two consumer daemons", "kernel"],
  ["of one that was started again", "ust/uid/0/64-bit"]
]

/** What became of the story; the relay is started again behind the steps in `after`. */
const told = (steps: ReadonlyArray<string>, path: string, after: ReadonlyArray<number>, tokens = ["1", "2"]) =>
  Effect.gen(function* () {
    const journals = tokens.map((token, at) => journal(token, at === 0 ? "ust/uid/0/64-bit" : path))
    let scope = yield* Scope.make()
    let relay = yield* Scope.provide(TestRelay.make(), scope)
    for (const [at, step] of steps.entries()) {
      yield* played(step, journals, relay)
      if (!after.includes(at)) continue
      yield* Scope.close(scope, Exit.void)
      scope = yield* Scope.make()
      relay = yield* Scope.provide(TestRelay.make({ memory: relay.memory }), scope)
    }
    yield* Scope.close(scope, Exit.void)
    return traces(relay)
  })

it.live("what comes of it without an edge is beside, and stays", () =>
  Effect.gen(function* () {
    const { relay, restart } = yield* Stoppable.make()
    const journals = [journal("1", "kernel")]
    yield* played("1 packet", journals, relay)
    const { c, d, session } = yield* relay.script().recording({ sessionId: 1, creationTime: Commands.start })
    yield* d.packet(yield* c.addStream(), 0, packetBytes)
    assert.match(session.path, /-1$/)
    const direct = () => Object.entries(traces(relay)).find(([path]) => path.startsWith(`${session.path}/ust/`))?.[1]
    const whole = Commands.payload(packetBytes, 0).toString("hex")
    yield* until("its packet", () => direct() === whole)
    const next = yield* restart()
    assert.strictEqual(direct(), whole)
    yield* played("1 packet", journals, next)
    assert.strictEqual(direct(), whole)
  }).pipe(Effect.scoped)
)

it.live("two that an earlier version let record in one directory are gone on with, and it is named", () =>
  Effect.gen(function* () {
    /** Each by itself: both get the directory. */
    const recorded = (token: string) =>
      Effect.gen(function* () {
        const relay = yield* TestRelay.make()
        yield* played("1 packet", [journal(token, `ust/uid/${token}/64-bit`)], relay)
        return relay
      }).pipe(Effect.scoped)
    const [{ memory }, second] = [yield* recorded("1"), yield* recorded("2")]
    for (const path of second.memory.paths("/traces")) memory.write(path, Buffer.from(second.memory.read(path) ?? []))
    const next = yield* TestRelay.make({ memory })
    assert.strictEqual((yield* next.relay.sessions).length, 2)
    const { incidents } = yield* next.relay.activity
    assert.deepInclude(incidents, { code: "JOURNAL_CHANGED", count: 1 })
  }).pipe(Effect.scoped)
)

/** Operations on the notes of a journal that is taken up again: files of its sessions are not touched meanwhile. */
const steps = Array.from({ length: 6 }, (_, at) => at + 1)

it.live.each(steps)("one that has expired is taken up again: what comes at step %i is not in its directory", (step) =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({ suspendMillis: 50 })
    const [old, fresh] = [journal("1", "ust/uid/0/64-bit"), journal("2", "kernel")]
    // Its consumer daemon has gone, and may come again: nothing of it is at work.
    yield* played("1 packet, 1 leaves", [old, fresh], relay)
    const noteOf = (suffix: string) => `.journals/${old.token}.${suffix}`
    yield* until("its end", () => relay.output.exists(noteOf("expired")))
    let goOn = relay.faults.stall(noteOf("changes"))
    old.acts.joins(0)
    const back = yield* Effect.forkScoped(brings(old, relay))
    for (let count = 1; count < step; count++) {
      yield* until("the step", () => relay.faults.stalledCount > 0 || back.pollUnsafe() !== undefined)
      const next = relay.faults.stall(noteOf("changes"))
      yield* goOn
      goOn = next
    }
    yield* until("the step", () => relay.faults.stalledCount > 0 || back.pollUnsafe() !== undefined)
    const coming = yield* Effect.forkScoped(played("2 packet", [old, fresh], relay))
    yield* turns(1000)
    yield* goOn
    yield* Effect.all([Fiber.join(back), Fiber.join(coming)])
    const directories = new Set(
      relay.output.files().flatMap((path) => /^(.*)\/(?:ust|kernel)\/.*ch_0$/.exec(path)?.[1] ?? [])
    )
    assert.strictEqual(directories.size, 2, [...directories].join(" "))
  }).pipe(Effect.scoped)
)

const cases = Object.entries(stories).flatMap(([story, steps]) =>
  paths.map(([what, path]) => [`${story}, ${what}`, steps, path] as const)
)

it.live.each(cases)("two journals %s", ([, steps, path]) =>
  Effect.gen(function* () {
    const expected = yield* told(steps, path, [])
    const all = [...steps.keys()]
    for (const after of [...all.map((at) => [at]), all]) {
      assert.deepStrictEqual(yield* told(steps, path, after), expected, `started again after ${after}`)
    }
    assert.deepStrictEqual(yield* told(steps, path, all, ["2", "1"]), expected, "gone through in the other order")
  }).pipe(Effect.scoped)
)
