/**
 * A relay is killed without notice under load, at a random moment: which packets were acknowledged, as the load knows,
 * and which are in the files. Packets of all sizes, one index in flight for each session, as consumer daemons send.
 */
import { existsSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { Duration, Effect, Fiber } from "effect"
import * as SyntheticTrace from "../../src/target/SyntheticTrace.ts"
import * as Commands from "../sidebyside/commands.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as Wire from "../support/wire.ts"

const { join: bytesOf, message, numbers, u32, u64 } = Commands
const minor = 13
const uuid = "5f2c1d6e-8a47-4b53-9d1e-0a6b7c8d9e0f"
const path = "ust/uid/0/64-bit"
const startNs = 1_700_000_000_000_000_000n
const indexHeaderBytes = 16
const recordBytes = 72

/** A relay may be stopped for a while. */
const patience = Duration.minutes(2)

/** What one session of the load was told. */
export interface Played {
  readonly directory: string
  readonly packetBytes: number
  /** Packets whose index was answered. */
  acknowledgedCount: number
}

/** A session that sends packets of one size until its relay is gone. */
export const play = (relay: Relays.Relay, number: number, packetBytes: number, onPlayed: (played: Played) => void) =>
  Effect.gen(function* () {
    const c = yield* Wire.connect(relay.controlPort, "127.0.0.1", patience)
    const d = yield* Wire.connect(relay.dataPort, "127.0.0.1", patience)
    const ask = (name: Commands.Name, payload: Uint8Array, count: number) =>
      Effect.andThen(c.send(message(numbers[name], payload)), c.read(count))
    yield* ask("VERSION", bytesOf(u32(2), u32(minor)), 8)
    const created = { name: `s${number}`, sessionId: number }
    const head = yield* ask("CREATE_SESSION", Commands.createSession(minor, created), 16)
    const output = (yield* c.read(head.readUInt32BE(12))).toString("latin1").replace("\0", "")
    yield* ask("CREATE_TRACE_CHUNK", Commands.createTraceChunk(0, Commands.start), 4)
    const add = (channel: string) =>
      Effect.map(ask("ADD_STREAM", Commands.addStream(minor, { channel, path }), 12), (reply) =>
        reply.readBigUInt64BE(0)
      )
    const stream = yield* add("ch_0")
    const metadata = yield* add("metadata")
    yield* ask("STREAMS_SENT", new Uint8Array(), 4)
    const text = Buffer.from(SyntheticTrace.metadata(uuid))
    yield* c.send(message(numbers.SEND_METADATA, bytesOf(u64(metadata), u32(0), text)))
    const played: Played = { directory: join(relay.output, output, path), packetBytes, acknowledgedCount: 0 }
    onPlayed(played)
    const generator = SyntheticTrace.generator(uuid, 0, packetBytes, startNs)
    for (let seq = 0; ; seq++) {
      const { bytes, paddingBytes, timestampBegin, timestampEnd } = generator.next(startNs + BigInt(seq + 1) * 1000n)
      const padding = paddingBytes ?? 0
      yield* d.send(bytesOf(Commands.packetHeader(stream, seq, bytes.length, padding), bytes))
      const fields = [stream, seq, packetBytes * 8, bytes.length * 8, timestampBegin, timestampEnd, 0, 0, 0, seq]
      const reply = yield* ask("SEND_INDEX", bytesOf(...fields.map((field) => u64(field))), 4)
      if (reply.readUInt32BE() !== 10) return yield* Effect.die(new Error("an index was refused"))
      played.acknowledgedCount++
    }
  })

/** Packets that are whole in the file and have their record, from the first on. */
export const recordedCount = ({ directory, packetBytes }: Played): number => {
  const index = join(directory, "index/ch_0.idx")
  const data = join(directory, "ch_0")
  if (!existsSync(index) || !existsSync(data)) return 0
  const records = Math.floor((readFileSync(index).length - indexHeaderBytes) / recordBytes)
  return Math.min(records, Math.floor(statSync(data).size / packetBytes))
}

export interface Outcome {
  readonly acknowledgedCount: number
  /** Acknowledged, and not in the files: how many, by the packets' size. */
  readonly lost: ReadonlyMap<number, number>
}

/** Of the packets: what a session may send. */
export const sizes = [256, 4096, 16 * 1024, 128 * 1024]

export interface Options {
  readonly kind: Relays.Kind
  readonly isInMemory: boolean
  /** After the first acknowledgement of all. */
  readonly killedAfterMillis: number
  readonly sizes?: ReadonlyArray<number>
}

export const round = (options: Options) =>
  Effect.scoped(
    Effect.gen(function* () {
      const relay = yield* Relays.start(options.kind, { isInMemory: options.isInMemory })
      const all: Array<Played> = []
      const plays = (options.sizes ?? sizes).map((size, number) =>
        Effect.ignore(Effect.scoped(play(relay, number, size, (played) => all.push(played))))
      )
      const playing = yield* Effect.forkScoped(Effect.all(plays, { concurrency: "unbounded" }))
      yield* Process.until(
        "every session to be acknowledged something",
        () => all.length === plays.length && all.every((played) => played.acknowledgedCount > 0),
        { everyMillis: 1, seconds: 20 }
      )
      yield* Effect.sleep(options.killedAfterMillis)
      relay.process.signal("SIGKILL")
      yield* relay.process.ended
      // What was acknowledged may still be on its way to the load.
      yield* Fiber.await(playing)
      const lost = new Map<number, number>()
      for (const played of all) {
        const missing = played.acknowledgedCount - recordedCount(played)
        if (missing > 0) lost.set(played.packetBytes, (lost.get(played.packetBytes) ?? 0) + missing)
      }
      const acknowledgedCount = all.reduce((sum, played) => sum + played.acknowledgedCount, 0)
      const outcome: Outcome = { acknowledgedCount, lost }
      return outcome
    })
  )
