/** What targets, viewers and edges have a relay do, for the test that ends their connections in the midst of it. */
import { assert } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import * as OpenJournal from "../../src/protocol/journal/OpenJournal.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import * as Commands from "../sidebyside/commands.ts"
import { opening, record, version } from "../support/journal.ts"
import { until } from "../support/turns.ts"
import { type Control, type Options, type PeerDouble, packet, type Relay } from "./doubles.ts"

const { join, message, none, numbers, u32, u64 } = Commands

/** Where it happens. Connections are opened before it begins, so that their fibers take the same steps each time. */
export interface Stage {
  readonly relay: Relay
  /** Of a session or journal that nobody had before. */
  readonly number: number
  readonly control: Effect.Effect<Control, never, Scope.Scope>
  readonly data: Effect.Effect<PeerDouble, never, Scope.Scope>
  readonly live: Effect.Effect<Control, never, Scope.Scope>
}

type Step<A> = Effect.Effect<A, never, Scope.Scope>

export interface Operation {
  readonly options: Options
  /** Answers what connections end in the midst of, and what shows that it was done if they do not. */
  readonly prepare: (stage: Stage) => Step<Step<unknown>>
  readonly after: (stage: Stage) => Step<unknown>
}

const operation = (
  prepare: Operation["prepare"],
  options: Options = {},
  after: Operation["after"] = () => Effect.void
): Operation => ({ prepare, options, after })

// ---- targets ------------------------------------------------------------------------------------------------------

const recording = ({ control, data, number }: Stage) =>
  Effect.gen(function* () {
    const [c, d] = [yield* control, yield* data]
    const { id } = yield* c.session({ name: `s${number}`, liveTimer: 1_000_000, sessionId: number })
    const stream = yield* c.addStream()
    const metadata = yield* c.addStream({ channel: "metadata" })
    yield* c.ask("STREAMS_SENT", none)
    c.metadata(metadata, Buffer.from("metadata"))
    d.deliver(packet(stream, 0))
    assert.strictEqual(yield* c.index(stream, { seq: 0 }), 10)
    return { c, d, id, stream, metadata }
  })

type Recording = Effect.Success<ReturnType<typeof recording>>

const whileRecording = (during: (recorded: Recording) => Step<unknown>, options: Options = {}) =>
  operation((stage) => Effect.map(recording(stage), during), options)

// ---- viewers ------------------------------------------------------------------------------------------------------

const request = (number: number, ...parts: ReadonlyArray<Uint8Array>) =>
  join(u64(join(...parts).length), u32(number), u32(0), ...parts)

const entryBytes = 4371

interface Viewing extends Recording {
  readonly v: Control
}

const attach = ({ id, v }: Viewing) =>
  Effect.gen(function* () {
    v.peer.deliver(request(3, u64(id), u64(0), u32(1)))
    const head = yield* v.take(8)
    assert.strictEqual(head.readUInt32BE(), 1)
    yield* v.take(head.readUInt32BE(4) * entryBytes)
  })

const next = ({ stream, v }: Viewing) =>
  Effect.gen(function* () {
    v.peer.deliver(request(4, u64(stream)))
    const reply = yield* v.take(64)
    assert.strictEqual(reply.readUInt32BE(56), 1)
  })

const viewing = (stage: Stage) =>
  Effect.gen(function* () {
    const v = yield* stage.live
    const recorded = yield* recording(stage)
    v.peer.deliver(join(request(1, u64(0), u32(2), u32(13), u32(1)), request(8)))
    yield* v.take(20 + 4)
    return { ...recorded, v }
  })

const whileViewing = (options: Options, during: (viewing: Viewing) => Step<unknown>, before = attach) =>
  operation(
    (stage) =>
      Effect.gen(function* () {
        const at = yield* viewing(stage)
        yield* before(at)
        return during(at)
      }),
    options
  )

// ---- journals -----------------------------------------------------------------------------------------------------

const tokenOf = ({ number }: Stage) => `${number}`.padStart(32, "0")

const opened = (c: Control, stage: Stage) =>
  Effect.gen(function* () {
    c.peer.deliver(join(version, opening(tokenOf(stage))))
    const reply = yield* c.take(8 + OpenJournal.replyBytes)
    assert.strictEqual(reply.length, 8 + OpenJournal.replyBytes)
  })

const edges = 7n

const recordsOf = ({ number }: Stage, name = `j${number}`) => {
  const command = (bytes: Uint8Array) => [Kind.command, 1, bytes] as const
  const all: ReadonlyArray<readonly [kind: number, connection: number, payload: Uint8Array]> = [
    [Kind.control, 1, none],
    command(version),
    command(message(numbers.CREATE_SESSION, Commands.createSession(13, { name, sessionId: number }))),
    command(message(numbers.CREATE_TRACE_CHUNK, Commands.createTraceChunk(0, Commands.start))),
    command(message(numbers.ADD_STREAM, Commands.addStream(13, {}))),
    [Kind.handle, 1, u64(edges)],
    [Kind.data, 2, none],
    [Kind.packet, 2, packet(edges, 0)],
    command(message(numbers.SEND_INDEX, Commands.sendIndex(13, edges, { seq: 0 })))
  ]
  return all.map(([kind, connection, payload], index) => record(index + 1, kind, payload, connection))
}

const durable = (c: Control, count: number) =>
  Effect.gen(function* () {
    const { offsets, size } = OpenJournal.acknowledgement
    for (let done = 0; done < count; ) {
      const told = yield* c.take(size)
      assert.strictEqual(told.length, size)
      done = Number(told.readBigUInt64BE(offsets.durable))
    }
  })

const bring = (c: Control, stage: Stage) =>
  Effect.suspend(() => {
    const records = recordsOf(stage)
    c.peer.deliver(join(...records))
    return durable(c, records.length)
  })

/** The edge is gone. */
const suspended = (stage: Stage) =>
  Effect.gen(function* () {
    const { journals } = stage.relay.registry
    const c = yield* stage.control
    yield* opened(c, stage)
    yield* bring(c, stage)
    c.peer.reset()
    const isAway = () => journals.counts.suspendedCount > 0 || journals.isExpired(tokenOf(stage))
    yield* until("its suspension", isAway)
  })

/** Another session gets the directory of that name. */
const nameIsFree = ({ control }: Stage, name: string) =>
  Effect.gen(function* () {
    const c = yield* control
    yield* c.ask("VERSION", join(u32(2), u32(13)), 8)
    const head = yield* c.ask("CREATE_SESSION", Commands.createSession(13, { name, sessionId: 1 }), 16)
    assert.strictEqual(head.readUInt32BE(8), 10, "CREATE_SESSION")
    assert.match((yield* c.take(head.readUInt32BE(12))).toString(), /\/full-\d{8}-\d{6}\0$/)
  })

/** The edge frees the journal. */
const forgotten = (stage: Stage) =>
  Effect.gen(function* () {
    const { journals } = stage.relay.registry
    const c = yield* stage.control
    yield* opened(c, stage)
    c.peer.deliver(record(1000, Kind.forgotten, none, 0))
    yield* until("its end", () => journals.open.size === 0 && c.peer.isClosed)
  })

// -------------------------------------------------------------------------------------------------------------------

/** More than a piece. */
const largeBytes = 300_000

const withPackets = (seqs: ReadonlyArray<number>, byteCount: number) => (viewing: Viewing) =>
  Effect.gen(function* () {
    const { c, d, stream } = viewing
    for (const seq of seqs) {
      d.deliver(packet(stream, seq, byteCount))
      assert.strictEqual(yield* c.index(stream, { seq, bytes: byteCount }), 10)
    }
    yield* attach(viewing)
    yield* next(viewing)
  })

const withLarge = (viewing: Viewing) => Effect.andThen(withPackets([1], largeBytes)(viewing), next(viewing))
const withSmall = withPackets([1, 2, 3, 4], 4096)

const ask = ({ stream, v }: Viewing, from: number, byteCount: number) =>
  v.peer.deliver(request(5, u64(stream), u64(from), u32(byteCount)))

const large = (count: number) => (viewing: Viewing) =>
  Effect.gen(function* () {
    for (let asked = 0; asked < count; asked++) {
      ask(viewing, 16, largeBytes)
      assert.strictEqual((yield* viewing.v.take(12 + largeBytes)).readUInt32BE(), 1)
    }
  })

/** It reads again once a piece has come. */
const deaf = (viewing: Viewing) =>
  Effect.gen(function* () {
    const { peer } = viewing.v
    peer.isDeaf = true
    ask(viewing, 16, largeBytes)
    yield* peer.has(12)
    peer.hear()
    assert.strictEqual((yield* viewing.v.take(12 + largeBytes)).readUInt32BE(), 1)
  })

const together = (viewing: Viewing) =>
  Effect.gen(function* () {
    for (const from of [16, 16 + 4096, 16 + 2 * 4096]) {
      yield* next(viewing)
      ask(viewing, from, 4096)
      assert.strictEqual((yield* viewing.v.take(12 + 4096)).readUInt32BE(), 1)
    }
  })

const cached = { isDisk: true, liveCacheBytes: 1024 * 1024 }

const onFullDisk = () => {
  let heal = () => {}
  return operation(
    (stage) =>
      Effect.gen(function* () {
        const { faults, store } = stage.relay
        const c = yield* stage.control
        yield* opened(c, stage)
        heal = faults.fail({ code: "ENOSPC", operation: "mkdir", path: "/h/full" })
        return Effect.suspend(() => {
          c.peer.deliver(join(...recordsOf(stage, "full").slice(0, 3)))
          return until("its wait", () => store.roomWait.isWaiting)
        })
      }),
    { suspendMillis: 1 },
    (stage) =>
      Effect.gen(function* () {
        const { journals } = stage.relay.registry
        // It has expired, and with it the wait.
        yield* until("its rest", () => journals.open.size === 0)
        heal()
        yield* forgotten(stage)
        yield* nameIsFree(stage, "full")
      })
  )
}

/** The trace chunk that the session leaves is closed with the command. */
const rotated = (command: number) =>
  whileRecording(({ c, metadata, stream }) =>
    Effect.gen(function* () {
      yield* c.createChunk(1)
      yield* c.rotate(1, [
        [stream, 1],
        [metadata, 0]
      ])
      assert.strictEqual(yield* c.closeChunk(0, command), 10)
    })
  )

export const operations: Readonly<Record<string, Operation>> = {
  "CREATE_SESSION, always of one name": operation(({ control }) =>
    Effect.map(control, (c) =>
      Effect.map(c.session({ name: "same" }), ({ path }) => assert.match(path, /^h\/same-\d{8}-\d{6}$/))
    )
  ),
  "CREATE_SESSION of a peer older than 2.11": operation(({ control }) =>
    Effect.map(control, (c) => c.session({ name: "same" }, 10))
  ),
  "CREATE_SESSION in the trace chunk of another": operation((stage) =>
    Effect.gen(function* () {
      yield* recording(stage)
      const c = yield* stage.control
      return c.session({ name: `s${stage.number}`, sessionId: stage.number, currentChunk: 0 })
    })
  ),
  ADD_STREAM: whileRecording(({ c }) => c.addStream({ channel: "more" })),
  "ADD_STREAM of a ring": whileRecording(({ c }) => c.addStream({ channel: "more", fileSize: 4096, fileCount: 2 })),
  "SEND_INDEX that waits for its packet": whileRecording(({ c, d, stream }) =>
    Effect.gen(function* () {
      c.post("SEND_INDEX", Commands.sendIndex(13, stream, { seq: 1, bytes: 100_000 }))
      d.deliver(packet(stream, 1, 100_000).subarray(0, 70_000))
      yield* Effect.yieldNow
      d.deliver(packet(stream, 1, 100_000).subarray(70_000))
      assert.strictEqual((yield* c.take(4)).readUInt32BE(), 10)
    })
  ),
  "a packet that waits for its index": whileRecording(
    ({ c, d, stream }) =>
      Effect.gen(function* () {
        d.deliver(packet(stream, 1, 100_000))
        yield* Effect.yieldNow
        assert.strictEqual(yield* c.index(stream, { seq: 1, bytes: 100_000 }), 10)
      }),
    { isDisk: true }
  ),
  SEND_METADATA: whileRecording(
    ({ c, metadata, stream }) =>
      Effect.gen(function* () {
        c.metadata(metadata, Buffer.alloc(100_000, "m"))
        yield* c.isPending(stream, 0)
      }),
    { isDisk: true }
  ),
  CLOSE_STREAM: whileRecording(({ c, stream }) => c.closeStream(stream, 0)),
  "a rotation": rotated(Commands.closeCommands.move),
  "a clear": rotated(Commands.closeCommands.delete),
  ATTACH_SESSION: whileViewing({ isDisk: true }, attach, () => Effect.void),
  GET_NEXT_INDEX: whileViewing({ isDisk: true }, next),
  "GET_NEXT_INDEX of a stream at its end": whileViewing({ isDisk: true }, (viewing) =>
    Effect.gen(function* () {
      yield* next(viewing)
      viewing.v.peer.deliver(request(4, u64(viewing.stream)))
      yield* viewing.v.take(64)
    })
  ),
  GET_PACKET: whileViewing(
    { isDisk: true },
    (viewing) => getPacket(viewing),
    (viewing) => Effect.andThen(attach(viewing), next(viewing))
  ),
  "GET_PACKET for several viewers": whileViewing(
    cached,
    (viewing) => getPacket(viewing),
    (viewing) => Effect.andThen(attach(viewing), next(viewing))
  ),
  GET_METADATA: whileViewing(cached, ({ metadata, v }) =>
    Effect.gen(function* () {
      v.peer.deliver(request(6, u64(metadata)))
      const head = yield* v.take(12)
      yield* v.take(Number(head.readBigUInt64BE()))
    })
  ),
  "GET_PACKET of a packet that is read in pieces": whileViewing({ isDisk: true }, large(1), withLarge),
  "GET_PACKET of it for a viewer that reads no answers": whileViewing({ isDisk: true }, deaf, withLarge),
  "GET_PACKET of small ones that are read together": whileViewing(cached, together, withSmall),
  OPEN_JOURNAL: operation((stage) => Effect.map(stage.control, (c) => opened(c, stage))),
  "what a journal brings": operation(
    (stage) =>
      Effect.gen(function* () {
        const c = yield* stage.control
        yield* opened(c, stage)
        return bring(c, stage)
      }),
    {},
    forgotten
  ),
  "CREATE_SESSION that a journal brings to a full disk": onFullDisk(),
  "OPEN_JOURNAL of one that is suspended": operation(
    (stage) =>
      Effect.andThen(
        suspended(stage),
        Effect.map(stage.control, (c) => opened(c, stage))
      ),
    {},
    forgotten
  ),
  "OPEN_JOURNAL of one that has expired": operation(
    (stage) =>
      Effect.gen(function* () {
        const { journals } = stage.relay.registry
        yield* suspended(stage)
        yield* until("its rest", () => journals.isExpired(tokenOf(stage)))
        return opened(yield* stage.control, stage)
      }),
    { suspendMillis: 1 },
    forgotten
  )
}

const getPacket = ({ stream, v }: Viewing) =>
  Effect.gen(function* () {
    v.peer.deliver(request(5, u64(stream), u64(0), u32(16)))
    const reply = yield* v.take(12 + 16)
    assert.strictEqual(reply.readUInt32BE(), 1)
  })
