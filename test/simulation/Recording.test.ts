/**
 * A whole relay in one process, from one seed: two sessions on four connections, several streams of each kind, packets
 * and indexes in any order and cut anywhere, rotations of real chunks, files that are slow. Afterwards every file must
 * hold what `Expected` computes from the history of its stream, every reply must be the specified one, and nothing of
 * the sessions may be left.
 *
 * A failure prints the shrunk history and a token that replays it (`{ arbitrary: { replay } }`).
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, type Scope } from "effect"
import { nameOf } from "../../src/model/TraceChunk.ts"
import { assertNothingLeft, type Control, type PeerDouble, type Relay, withRelay } from "../connection/doubles.ts"
import { Expected } from "../model/Expected.ts"
import { payload } from "../model/played.ts"
import * as Commands from "../sidebyside/commands.ts"
import { output } from "../storage/stores.ts"
import { until } from "../support/turns.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const session = between(0, 1)
const stream = between(0, 2)
const Step = Schema.TaggedUnion({
  /** A packet, and its index before (0), after (1), or later (2). */
  Packet: { session, stream, size: between(0, 300), padding: between(0, 40), index: between(0, 2) },
  /** Begins a packet and leaves it in the middle. */
  Part: { session, stream, size: between(2, 300) },
  /** An index left out before; 0 is the oldest. */
  Index: { session, stream, which: between(0, 3) },
  /** Every index left out before. */
  CatchUp: { session },
  Metadata: { session, size: between(1, 100), padding: between(0, 20) },
  /** The position is this far from the next packet. */
  Rotate: { session, ahead: between(-2, 2) },
  Wait: { session }
})
type Step = typeof Step.Type

const Cuts = Schema.Struct({
  control: between(1, 120),
  data: between(1, 400),
  slow: Schema.Boolean,
  ending: between(0, 3)
})
type Cuts = typeof Cuts.Type

const { join } = Commands
const bytesOf = (text: string) => Buffer.from(text.replaceAll(".", "\0"), "latin1")

/** One stream on both sides: what is sent, and what is expected of it. */
class Played {
  readonly handle: bigint
  readonly channel: string
  readonly isRing: boolean
  readonly expected: Expected
  nextSeq = 0
  readonly missing: Array<{ readonly seq: number; readonly bytes: number }> = []
  /** What is still to come of a packet that began. */
  rest: { readonly bytes: Buffer; readonly content: string } | undefined

  constructor(handle: bigint, channel: string, ring: number) {
    this.handle = handle
    this.channel = channel
    this.isRing = ring > 0
    const isMetadata = channel === "metadata"
    this.expected = new Expected(
      { hasIndex: true, isMetadata, tracefileSize: ring, tracefileCount: ring > 0 ? 3 : 0 },
      "0"
    )
  }
}

class PlayedSession {
  readonly c: Control
  readonly d: PeerDouble
  readonly path: string
  readonly streams: ReadonlyArray<Played>
  readonly metadata: Played
  /** The stream that is in the middle of a packet: the connection carries one at a time. */
  partial: Played | undefined
  chunk = 0

  constructor(c: Control, d: PeerDouble, path: string, streams: ReadonlyArray<Played>, metadata: Played) {
    this.c = c
    this.d = d
    this.path = path
    this.streams = streams
    this.metadata = metadata
  }

  step(step: Step): Effect.Effect<void> {
    const played = "stream" in step ? (this.streams[step.stream] as Played) : this.metadata
    switch (step._tag) {
      case "Packet":
        return this.#packet(played, step.size, step.padding, step.index)
      case "Part":
        return Effect.sync(() => this.#part(played, step.size))
      case "Index":
        return this.#index(played, played.missing.splice(Math.min(step.which, played.missing.length - 1), 1)[0])
      case "CatchUp":
        return Effect.forEach(this.streams, (each) => this.catchUp(each), { discard: true })
      case "Metadata":
        return Effect.sync(() => {
          const text = payload(step.size, step.size)
          this.c.metadata(this.metadata.handle, bytesOf(text), step.padding)
          assert.isTrue(this.metadata.expected.metadata(text + ".".repeat(step.padding)))
        })
      case "Rotate":
        return this.#rotate(step.ahead)
      case "Wait":
        return this.#inFiles
    }
  }

  #finishPart(): void {
    const played = this.partial
    if (played?.rest === undefined) return
    this.d.deliver(played.rest.bytes)
    assert.isTrue(played.expected.end(played.rest.content))
    played.rest = undefined
    this.partial = undefined
  }

  #packet(played: Played, size: number, padding: number, index: number): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      this.#finishPart()
      const seq = played.nextSeq++
      const half = { seq, bytes: size + padding }
      if (index === 0) yield* this.#index(played, half)
      const content = payload(seq, size)
      assert.isTrue(played.expected.begin(BigInt(seq), size, padding))
      this.d.deliver(join(Commands.packetHeader(played.handle, seq, size, padding), bytesOf(content)))
      assert.isTrue(played.expected.end(content))
      if (index === 1) yield* this.#index(played, half)
      if (index === 2) played.missing.push(half)
    })
  }

  #part(played: Played, size: number): void {
    this.#finishPart()
    const seq = played.nextSeq++
    const content = payload(seq, size)
    const whole = join(Commands.packetHeader(played.handle, seq, size, 0), bytesOf(content))
    const cut = 32 + Math.floor(size / 2)
    assert.isTrue(played.expected.begin(BigInt(seq), size, 0))
    this.d.deliver(whole.subarray(0, cut))
    played.rest = { bytes: whole.subarray(cut), content }
    played.missing.push({ seq, bytes: size })
    this.partial = played
  }

  #index(played: Played, half: { readonly seq: number; readonly bytes: number } | undefined): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      if (half === undefined) return
      // Nothing without bytes has an index: it would be a beacon.
      const bytes = Math.max(1, half.bytes)
      const reply = yield* this.c.index(played.handle, { seq: half.seq, bytes })
      assert.isTrue(played.expected.index(BigInt(half.seq), BigInt(half.seq)))
      assert.strictEqual(reply, 10, "SEND_INDEX")
    })
  }

  catchUp(played: Played): Effect.Effect<void> {
    return Effect.forEach(played.missing.splice(0), (half) => this.#index(played, half), { discard: true })
  }

  /** As the session daemon does: next chunk, streams at a packet boundary, metadata again, old chunk archived. */
  #rotate(ahead: number): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      if (this.streams.some((each) => each.expected.isRotating)) return
      // A packet left in an older chunk keeps it from being put away, and its directory from the next one.
      for (const each of this.streams) if (this.#holdsOlderChunk(each)) yield* this.catchUp(each)
      if (this.streams.some((each) => this.#holdsOlderChunk(each))) return
      const next = this.chunk + 1
      assert.strictEqual(yield* this.c.createChunk(next), 10, "CREATE_TRACE_CHUNK")
      const positions = this.streams.map((each): [bigint, number] => [each.handle, Math.max(0, each.nextSeq + ahead)])
      const reply = yield* this.c.rotate(next, [...positions, [this.metadata.handle, 0]])
      for (const [at, each] of this.streams.entries()) {
        assert.isTrue(each.expected.rotate(BigInt(positions[at]?.[1] ?? 0), `${next}`))
      }
      assert.isTrue(this.metadata.expected.rotate(0n, `${next}`))
      assert.strictEqual(reply, 10, "ROTATE_STREAMS")
      assert.strictEqual(yield* this.c.closeChunk(this.chunk, Commands.closeCommands.move), 10, "CLOSE_TRACE_CHUNK")
      this.chunk = next
    })
  }

  #holdsOlderChunk(played: Played): boolean {
    return [...played.expected.heldChunks].some((chunk) => Number(chunk) < this.chunk)
  }

  /** What DATA_PENDING promises: "not pending" is only said when the bytes are in the files. */
  get #inFiles(): Effect.Effect<void> {
    return Effect.forEach(
      this.streams,
      (each) =>
        Effect.gen({ self: this }, function* () {
          const { prevData, prevIndex } = each.expected
          if (prevData === undefined || prevIndex === undefined) return
          const last = prevData < prevIndex ? prevData : prevIndex
          let answer = 1
          while (answer === 1) answer = yield* this.c.isPending(each.handle, Number(last))
          assert.strictEqual(answer, 0)
        }),
      { discard: true }
    )
  }

  end(ending: number): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      // A packet that arrives in pieces keeps a rotation waiting, and its end may complete it: let it.
      if (ending !== 3) this.#finishPart()
      const { partial } = this
      if (partial?.rest !== undefined) {
        const sent = partial.rest.content.length - partial.rest.bytes.length
        partial.expected.abandon(partial.rest.content.slice(0, sent))
      }
      if (ending === 1) {
        for (const each of this.streams) {
          assert.strictEqual(yield* this.c.closeStream(each.handle, each.nextSeq - 1), 10)
        }
      }
      if (ending === 2) this.d.finish()
      this.c.peer.finish()
      this.d.finish()
      yield* until("both to be gone", () => this.c.peer.isClosed && this.d.isClosed)
    })
  }

  // ---- what is left ----------------------------------------------------------------------------------------------

  /** Where the files of a chunk are once the session is over. */
  #placeOf(chunk: number): string {
    const name = { id: BigInt(chunk), creationTime: BigInt(Commands.start + chunk), overrideName: undefined }
    if (chunk < this.chunk) {
      return `archives/${nameOf({ ...name, closeTime: BigInt(Commands.start + chunk + 1) })}/`
    }
    return this.chunk === 0 ? "" : `${nameOf({ ...name, closeTime: undefined })}/`
  }

  check(relay: Relay): void {
    const expected = new Set<string>()
    for (const each of [...this.streams, this.metadata]) {
      const { files, indexes } = each.expected.outcome
      for (const [key, content] of files) {
        const [chunk = "", number = ""] = key.split("/")
        const directory = `${output}/${this.path}/${this.#placeOf(Number(chunk))}ust/uid/0/64-bit`
        const name = each.isRing ? `${each.channel}_${number}` : each.channel
        expected.add(`${directory}/${name}`)
        const shown = `${directory}/${name}`
        assert.strictEqual(relay.memory.read(shown)?.toString("latin1").replaceAll("\0", "."), content, shown)
        const index = relay.memory.read(`${directory}/index/${name}.idx`)
        if (index !== undefined) expected.add(`${directory}/index/${name}.idx`)
        const records = indexes.get(key)
        if (records === undefined) continue
        assert.deepStrictEqual(index === undefined ? undefined : recordsOf(index), records, `index of ${shown}`)
      }
    }
    const found = relay.memory.paths(`${output}/${this.path}`).filter((path) => !path.endsWith("/"))
    assert.deepStrictEqual(found, [...expected].sort(), "no other file")
  }
}

const recordsOf = (index: Buffer) => {
  assert.strictEqual(index.toString("hex", 0, 16), "c1f1dcc1000000010000000100000048")
  assert.strictEqual((index.length - 16) % 72, 0)
  return Array.from({ length: (index.length - 16) / 72 }, (_, at) => ({
    offset: Number(index.readBigUInt64BE(16 + at * 72)),
    packetSeq: index.readBigUInt64BE(16 + at * 72 + 64)
  }))
}

/** A ring, a plain file, and a ring of files so small that many packets do not fit. */
const rings = [600, 0, 100]

const start = (relay: Relay, number: number, cuts: Cuts): Effect.Effect<PlayedSession, never, Scope.Scope> =>
  Effect.gen(function* () {
    const c = yield* relay.control
    const d = yield* relay.data
    c.peer.readBytesMax = cuts.control
    d.readBytesMax = cuts.data
    const { path } = yield* c.session({ name: `s${number}`, sessionId: number })
    const streams: Array<Played> = []
    for (const [at, ring] of rings.entries()) {
      const channel = `ch_${at}`
      const handle = yield* c.addStream({ channel, fileSize: ring, fileCount: ring > 0 ? 3 : 0 })
      streams.push(new Played(handle, channel, ring))
    }
    const metadata = new Played(yield* c.addStream({ channel: "metadata" }), "metadata", 0)
    return new PlayedSession(c, d, path, streams, metadata)
  })

describe("a relay in one process", () => {
  it.live.prop(
    "records what was sent, whatever the order",
    [Schema.Array(Step), Cuts],
    ([steps, cuts]) =>
      withRelay({ openFileCountMax: 8 }, (relay) =>
        Effect.gen(function* () {
          if (cuts.slow) relay.faults.slow("50 micros")
          const sessions = [yield* start(relay, 1, cuts), yield* start(relay, 2, cuts)]
          for (const step of steps) yield* (sessions[step.session] as PlayedSession).step(step)
          for (const each of sessions) yield* each.end(cuts.ending)
          yield* assertNothingLeft(relay)
          for (const each of sessions) each.check(relay)
          assert.isAtMost(relay.faults.openCountMax, 8)
          assert.deepStrictEqual(
            relay.log.filter(({ level }) => level === "Error"),
            []
          )
        })
      ),
    { arbitrary: { runs: 150, size: 80, maxShrinks: 100, concurrency: 8 } }
  )
})
