/**
 * A relay without sockets or disk: connections are served as the listener serves them, over peers that a test feeds and
 * over files in memory that it can break. Nothing in it is approximate: the bytes are those of the wire.
 */
import { assert } from "@effect/vitest"
import { Cause, Context, Duration, Effect, FiberSet, Layer, Logger, References, type Scope } from "effect"
import * as ControlConnection from "../../src/connection/ControlConnection.ts"
import * as DataConnection from "../../src/connection/DataConnection.ts"
import * as LiveConnection from "../../src/connection/LiveConnection.ts"
import * as Machine from "../../src/Machine.ts"
import { Landing, Slabs, sharedBytes } from "../../src/memory/Landing.ts"
import type { Sync } from "../../src/model/Sync.ts"
import { Registry } from "../../src/relay/Registry.ts"
import { TimedOut } from "../../src/testing/Waiting.ts"
import type { Peer, Receiver, SocketEnd } from "../../src/transport/Peer.ts"
import * as Commands from "../sidebyside/commands.ts"
import * as Stores from "../storage/stores.ts"
import { comes } from "../support/turns.ts"

/** Of a wait: a process that was stopped for longer has waited for one of them. */
const sliceCount = 20

export class PeerDouble implements Peer {
  readonly name: string
  readonly certificate = undefined
  /** Bytes per read at most: the test decides where messages are cut. */
  readBytesMax = sharedBytes
  /** The same, as the relay wants it. */
  wantedBytesMax = sharedBytes
  /** How long it waits for what it is to receive. */
  patience: Duration.Input = "20 seconds"
  /** The other side does not read its replies. */
  isDeaf = false
  /** What `send` does instead, to break a connection. */
  onSend: (() => void) | undefined
  received = Buffer.alloc(0)
  isClosed = false
  /** Bytes the relay has not read yet. */
  get unreadBytes(): number {
    return this.#incoming.reduce((sum, bytes) => sum + bytes.length, 0)
  }
  #incoming: Array<Buffer> = []
  #isEnding = false
  #isReading = false
  #isPumping = false
  #receiver: Receiver | undefined
  #end: SocketEnd | undefined
  readonly #onGone: Array<(end: SocketEnd) => void> = []
  readonly #waiting = new Set<() => void>()

  readonly landing: Landing

  constructor(name: string, slabs: Slabs) {
    this.name = name
    this.landing = new Landing(slabs)
  }

  // ---- Peer ------------------------------------------------------------------------------------------------------

  readonly start = (receiver: Receiver): void => {
    this.#receiver = receiver
    this.resume()
  }

  readonly resume = (): void => {
    this.#isReading = true
    this.#pump()
  }

  /** A double has no clock: it is never late. */
  readonly expect = (): void => {}

  readonly readAtMost = (byteCount: number): void => {
    this.wantedBytesMax = byteCount
  }

  readonly send = (bytes: Uint8Array, sent?: () => void): boolean => {
    this.onSend?.()
    if (!this.isClosed) this.received = Buffer.concat([this.received, bytes])
    for (const wake of this.#waiting) wake()
    sent?.()
    return !this.isDeaf
  }

  /** Waits until it has received so many bytes, or is closed. */
  has(count: number): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (this.received.length >= count || this.isClosed) return resume(Effect.void)
      const end = () => {
        this.#waiting.delete(wake)
        Machine.clearTimeout(timer)
      }
      const wake = () => {
        if (this.received.length < count && !this.isClosed) return
        end()
        // Not in the midst of what the relay is doing.
        Machine.setImmediate(() => resume(Effect.void))
      }
      const sliceMillis = Duration.toMillis(this.patience) / sliceCount
      let slicesLeft = sliceCount
      const pass = () => {
        slicesLeft--
        if (slicesLeft > 0) {
          timer = Machine.setTimeout(pass, sliceMillis)
          return
        }
        end()
        resume(Effect.die(new TimedOut({ waitingFor: `${count} bytes` })))
      }
      let timer = Machine.setTimeout(pass, sliceMillis)
      this.#waiting.add(wake)
      return Effect.sync(end)
    })
  }

  readonly close = (): void => this.#finish("closed by relay")
  readonly destroy = (): void => this.#finish("closed by relay")

  whenGone(then: (end: SocketEnd) => void): void {
    if (this.#end === undefined) this.#onGone.push(then)
    else then(this.#end)
  }

  // ---- the other side --------------------------------------------------------------------------------------------

  /** The bytes arrive, now or when the relay reads. */
  deliver(bytes: Uint8Array): void {
    this.#incoming.push(Buffer.from(bytes))
    this.#pump()
  }

  /** The peer sends no more. */
  finish(): void {
    this.#isEnding = true
    this.#pump()
  }

  reset(): void {
    this.#finish("socket error")
  }

  hear(): void {
    this.isDeaf = false
    this.#receiver?.drained()
  }

  #finish(end: SocketEnd): void {
    this.isClosed = true
    this.landing.close()
    this.#incoming = []
    for (const wake of this.#waiting) wake()
    if (this.#end !== undefined) return
    this.#end = end
    for (const then of this.#onGone.splice(0)) then(end)
  }

  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    while (this.#isReading && this.#receiver !== undefined && !this.isClosed) {
      const next = this.#incoming.shift()
      if (next === undefined) break
      const { bytes } = this.landing
      const length = Math.min(next.length, this.readBytesMax, this.wantedBytesMax, bytes.length)
      if (length < next.length) this.#incoming.unshift(next.subarray(length))
      next.copy(bytes, 0, 0, length)
      this.#isReading = this.#receiver.receive(bytes, length)
      this.landing.received()
      // Who keeps a view of what the next read may overwrite sees it change.
      this.landing.bytes.fill(0xdd, 0, Math.min(length, this.landing.bytes.length))
    }
    this.#isPumping = false
    if (!this.#isEnding || this.#incoming.length > 0 || this.#receiver === undefined || this.isClosed) return
    this.#isEnding = false
    this.#receiver.ended()
  }
}

export interface LogLine {
  readonly level: string
  /** Of the catalogue of errors. */
  readonly code: unknown
  readonly text: string
}

export interface Options extends Stores.Options {
  readonly memoryBytesMax?: number
  readonly allowClear?: boolean
  readonly sync?: Sync
  readonly liveCacheBytes?: number
  readonly suspendMillis?: number
  /** Every target is taken for the only one, and for one that waits for each answer. */
  readonly isForOne?: boolean
  /** Every stream writes as it does when others have something to write, too. */
  readonly isCrowded?: boolean
}

export interface Relay extends Stores.Stored {
  readonly registry: Registry["Service"]
  readonly slabs: Slabs
  readonly log: Array<LogLine>
  /** Connections being served. */
  readonly connections: FiberSet.FiberSet
  readonly control: Effect.Effect<Control, never, Scope.Scope>
  readonly data: Effect.Effect<PeerDouble, never, Scope.Scope>
  /** A viewer's; only its `peer` and `take` are meant. */
  readonly live: Effect.Effect<Control, never, Scope.Scope>
}

const { join, message, numbers, u32, u64 } = Commands

/** Commands on one control connection, each waiting for its reply. */
export class Control {
  readonly peer: PeerDouble
  minor = 13

  constructor(peer: PeerDouble) {
    this.peer = peer
  }

  post(name: Commands.Name, payload: Uint8Array): void {
    this.peer.deliver(message(numbers[name], payload))
  }

  /** The next `count` bytes; fewer when the relay closed before. */
  take(count: number): Effect.Effect<Buffer> {
    const { peer } = this
    return peer.has(count).pipe(
      Effect.map(() => {
        const taken = peer.received.subarray(0, count)
        peer.received = peer.received.subarray(taken.length)
        return taken
      })
    )
  }

  ask(name: Commands.Name, payload: Uint8Array, count = 4): Effect.Effect<Buffer> {
    return Effect.suspend(() => {
      this.post(name, payload)
      return this.take(count)
    })
  }

  code(name: Commands.Name, payload: Uint8Array): Effect.Effect<number> {
    return Effect.map(this.ask(name, payload), (reply) => (reply.length === 4 ? reply.readUInt32BE() : -1))
  }

  /** VERSION, CREATE_SESSION and, from minor 11 on, chunk 0. Answers the session's id and path. */
  session(session: Commands.Session = {}, minor = 13): Effect.Effect<{ readonly id: bigint; readonly path: string }> {
    return Effect.gen({ self: this }, function* () {
      this.minor = minor
      yield* this.ask("VERSION", join(u32(2), u32(minor)), 8)
      const head = yield* this.ask("CREATE_SESSION", Commands.createSession(minor, session), minor < 11 ? 12 : 16)
      assert.strictEqual(head.readUInt32BE(8), 10, "CREATE_SESSION")
      const id = head.readBigUInt64BE(0)
      if (minor < 11) return { id, path: "" }
      const path = (yield* this.take(head.readUInt32BE(12))).toString("latin1").replace("\0", "")
      if (session.currentChunk === undefined) yield* this.createChunk(0)
      return { id, path }
    })
  }

  createChunk(id: number): Effect.Effect<number> {
    return this.code("CREATE_TRACE_CHUNK", Commands.createTraceChunk(id, Commands.start + id))
  }

  closeChunk(id: number, command?: number): Effect.Effect<number> {
    return Effect.gen({ self: this }, function* () {
      const head = yield* this.ask("CLOSE_TRACE_CHUNK", Commands.closeChunk(id, Commands.start + id + 1, command), 8)
      if (head.length < 8) return -1
      yield* this.take(head.readUInt32BE(4))
      return head.readUInt32BE(0)
    })
  }

  addStream(stream: Commands.Stream = {}): Effect.Effect<bigint> {
    return Effect.map(this.ask("ADD_STREAM", Commands.addStream(this.minor, stream), 12), (reply) => {
      assert.strictEqual(reply.readUInt32BE(8), 10, "ADD_STREAM")
      return reply.readBigUInt64BE(0)
    })
  }

  index(stream: bigint, index: Commands.Index): Effect.Effect<number> {
    return this.code("SEND_INDEX", Commands.sendIndex(this.minor, stream, index))
  }

  rotate(chunk: number | undefined, positions: ReadonlyArray<readonly [bigint, number]>): Effect.Effect<number> {
    return this.code("ROTATE_STREAMS", Commands.rotateStreams(chunk, positions))
  }

  closeStream(stream: bigint, last: number | bigint): Effect.Effect<number> {
    return this.code("CLOSE_STREAM", join(u64(stream), u64(last)))
  }

  isPending(stream: bigint, last: number): Effect.Effect<number> {
    return this.code("DATA_PENDING", join(u64(stream), u64(last)))
  }

  metadata(stream: bigint, bytes: Uint8Array, padding = 0): void {
    this.post("SEND_METADATA", join(u64(stream), u32(padding), bytes))
  }
}

/** The ways to a file: what a claim is about must hold on each. */
export const media = [
  ["on a disk", { isDisk: true }],
  ["in memory", {}],
  ["in memory, by another thread", { hasWriter: true, isCrowded: true }]
] as const satisfies ReadonlyArray<readonly [string, Options]>

export const packet = (stream: bigint, seq: number, size = 16, padding = 0): Buffer =>
  join(Commands.packetHeader(stream, seq, size, padding), Commands.payload(size, seq))

/** Runs `body` on a relay of its own. */
export const withRelay = <A, E>(
  options: Options,
  body: (relay: Relay) => Effect.Effect<A, E, Scope.Scope>
): Effect.Effect<A, E> => {
  const { memory, faults, beside, layer } = Stores.make(options)
  const log: Array<LogLine> = []
  const capture = Logger.make<unknown, void>(({ fiber, logLevel, message: said }) => {
    const { code } = fiber.getRef(References.CurrentLogAnnotations)
    log.push({ level: logLevel, code, text: (Array.isArray(said) ? said : [said]).map(String).join(" ") })
  })
  const registryLayer = Registry.layer({
    grouping: "host",
    allowClear: options.allowClear ?? true,
    memoryBytesMax: options.memoryBytesMax ?? 64 * 1024 * 1024,
    singleViewer: false,
    journalCountMax: 4096,
    suspendMillis: options.suspendMillis ?? 604_800_000,
    liveCacheBytes: options.liveCacheBytes ?? 0,
    sync: options.sync ?? "none"
  }).pipe(Layer.provideMerge(layer))
  const played = Effect.gen(function* () {
    const context = yield* Layer.build(registryLayer)
    const registry = Context.get(context, Registry)
    const slabs = new Slabs()
    const { gather } = registry
    const addBulk = gather.addBulk.bind(gather)
    if (options.isCrowded) {
      gather.addBulk = (flush, owner) => addBulk(() => flush(true), owner)
      gather.isCrowd = () => true
    }
    if (options.isForOne) Object.assign(gather, { isForOne: () => true })
    const connections = yield* FiberSet.make()
    const serve = (name: string, handle: (peer: Peer) => Effect.Effect<void, never, Registry>) =>
      Effect.gen(function* () {
        const peer = new PeerDouble(name, slabs)
        const served = handle(peer).pipe(
          Effect.provideService(Registry, registry),
          Effect.catchCause((cause) =>
            Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logError("connection failed", String(cause))
          ),
          Effect.ensuring(Effect.sync(peer.destroy))
        )
        yield* FiberSet.run(connections, served)
        return peer
      })
    return yield* body({
      memory,
      faults,
      beside,
      store: registry.store,
      registry,
      slabs,
      log,
      connections,
      control: Effect.map(serve("control", ControlConnection.serve), (peer) => new Control(peer)),
      data: serve("data", DataConnection.serve),
      live: Effect.map(
        serve("live", (peer) => LiveConnection.serve(peer)),
        (peer) => new Control(peer)
      )
    })
  })
  return Effect.provide(Effect.scoped(played), Logger.layer([capture]))
}

/** Those that use something. */
const principalCount = ({ registry }: Relay): number => {
  const { allowances } = registry.permissions
  allowances.forget("here")
  return allowances.principalCount
}

const journalBytes = ({ registry: { journals } }: Relay): number =>
  [journals.partial, journals.reads, journals.connections, journals.unmarked].reduce(
    (sum, { heldBytes }) => sum + heldBytes,
    0
  )

/** What the relay holds, by kind; everything is 0 after the last connection. */
const holdings = (relay: Relay): Effect.Effect<Readonly<Record<string, number>>> =>
  Effect.map(FiberSet.size(relay.connections), (connections) => ({
    connections,
    sessions: relay.registry.sessions.size,
    streams: relay.registry.streams.size,
    chunks: relay.registry.chunks.count,
    blockBytes: relay.registry.pool.usedBytes,
    halfBytes: relay.registry.halves.usedBytes,
    slabs: relay.slabs.usedCount,
    counted: [...relay.registry.tally.connections.current].length,
    principals: principalCount(relay),
    journals: relay.registry.journals.open.size,
    journalBytes: journalBytes(relay),
    watches: relay.store.retraceable.watches.size,
    reserved: relay.store.pool.reservedCount,
    openFiles: relay.store.pool.openCount,
    descriptors: relay.memory.openCount,
    operations: relay.faults.inFlightCount
  }))

const nothing = {
  connections: 0,
  sessions: 0,
  streams: 0,
  chunks: 0,
  blockBytes: 0,
  halfBytes: 0,
  slabs: 0,
  counted: 0,
  principals: 0,
  journals: 0,
  journalBytes: 0,
  watches: 0,
  reserved: 0,
  openFiles: 0,
  descriptors: 0,
  operations: 0
}

/** Asserts that nothing is left, once it had the time to go. */
export const assertNothingLeft = (relay: Relay): Effect.Effect<void> =>
  Effect.gen(function* () {
    const same = Effect.map(holdings(relay), (held) => JSON.stringify(held) === JSON.stringify(nothing))
    yield* Effect.ignoreCause(comes("nothing to be left", same, 5))
    assert.deepStrictEqual(yield* holdings(relay), nothing)
  })
