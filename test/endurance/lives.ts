/**
 * Sessions that begin, record, rotate and end, one after the other, until their relay is gone: what each of them was
 * told is known at any moment. And what of it is in files.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Duration, Effect } from "effect"
import { clockMillis } from "../../src/Machine.ts"
import * as SyntheticTrace from "../../src/target/SyntheticTrace.ts"
import * as Commands from "../sidebyside/commands.ts"
import type { Random } from "../support/Random.ts"
import * as Wire from "../support/wire.ts"

const { closeCommands, join: bytesOf, message, noSeq, numbers, u32, u64 } = Commands
const traceUuid = "5f2c1d6e-8a47-4b53-9d1e-0a6b7c8d9e0f"
const text = SyntheticTrace.metadata(traceUuid)
const startNs = BigInt(Commands.start) * 1_000_000_000n
const patience = Duration.minutes(2)
const streamCount = 2

/** What a session was told; counts are of packets of each stream, from the first on. */
export interface Told {
  readonly name: string
  /** Packets whose index was answered, with the time of the answer. */
  readonly answered: ReadonlyArray<Array<number>>
  /** Nothing of them was pending, or they were rotated away. */
  readonly settled: Array<number>
  /** Trace chunks that were closed. */
  rotatedCount: number
  isOver: boolean
}

export interface Options {
  readonly packetBytes: number
  readonly random: Random
  /** Sessions rotate and end; otherwise there is one, which only records. */
  readonly isRestless: boolean
}

interface Stream {
  readonly handle: bigint
  readonly generator: SyntheticTrace.Generator
  next: number
}

class Life {
  readonly #control: Wire.Wire
  readonly #data: Wire.Wire
  readonly #options: Options
  readonly #told: Told
  readonly #streams: Array<Stream> = []
  #metadata = 0n
  #chunk = 0
  #nowNs = startNs

  constructor(control: Wire.Wire, data: Wire.Wire, options: Options, told: Told) {
    this.#control = control
    this.#data = data
    this.#options = options
    this.#told = told
  }

  begin(sessionId: number) {
    return Effect.gen({ self: this }, function* () {
      yield* this.#ask("VERSION", bytesOf(u32(2), u32(13)), 8)
      const session = { name: this.#told.name, sessionId, uuid: sessionId.toString(16).padStart(32, "0") }
      yield* this.#askForPath("CREATE_SESSION", Commands.createSession(13, session), 16)
      yield* this.#ask("CREATE_TRACE_CHUNK", Commands.createTraceChunk(0, Commands.start), 4)
      for (let cpu = 0; cpu < streamCount; cpu++) {
        const generator = SyntheticTrace.generator(traceUuid, cpu, this.#options.packetBytes, startNs)
        this.#streams.push({ handle: yield* this.#add(`ch_${cpu}`), generator, next: 0 })
      }
      this.#metadata = yield* this.#add("metadata")
      yield* this.#ask("STREAMS_SENT", Commands.none, 4)
      yield* this.#sendMetadata
    })
  }

  /** The answer ends with the length of a path, and the path. */
  #askForPath(name: Commands.Name, payload: Uint8Array, replyBytes: number) {
    return Effect.gen({ self: this }, function* () {
      const head = yield* this.#ask(name, payload, replyBytes)
      yield* this.#control.read(head.readUInt32BE(replyBytes - 4))
    })
  }

  #ask(name: Commands.Name, payload: Uint8Array, replyBytes: number) {
    return Effect.andThen(this.#control.send(message(numbers[name], payload)), this.#control.read(replyBytes))
  }

  #add(channel: string) {
    return Effect.map(this.#ask("ADD_STREAM", Commands.addStream(13, { channel }), 12), (reply) =>
      reply.readBigUInt64BE(0)
    )
  }

  get #sendMetadata() {
    return this.#ask("SEND_METADATA", bytesOf(u64(this.#metadata), u32(0), Buffer.from(text)), 0)
  }

  packet(cpu: number) {
    return Effect.gen({ self: this }, function* () {
      const stream = this.#streams[cpu] as Stream
      this.#nowNs += 1000n
      const { bytes, paddingBytes = 0, timestampBegin, timestampEnd } = stream.generator.next(this.#nowNs)
      const seq = stream.next++
      yield* this.#data.send(bytesOf(Commands.packetHeader(stream.handle, seq, bytes.length, paddingBytes), bytes))
      const bits = [this.#options.packetBytes * 8, bytes.length * 8]
      const fields = [stream.handle, seq, ...bits, timestampBegin, timestampEnd, 0, 0, cpu, seq]
      const reply = yield* this.#ask("SEND_INDEX", bytesOf(...fields.map((field) => u64(field))), 4)
      if (reply.readUInt32BE() !== 10) return yield* Effect.die(new Error("an index was refused"))
      this.#told.answered[cpu]?.push(clockMillis())
    })
  }

  /** As `lttng stop`. */
  get settle() {
    return Effect.gen({ self: this }, function* () {
      for (const [cpu, { handle, next }] of this.#streams.entries()) {
        const asked = bytesOf(u64(handle), u64(next - 1))
        while ((yield* this.#ask("DATA_PENDING", asked, 4)).readUInt32BE() === 1) yield* Effect.sleep("10 millis")
        this.#told.settled[cpu] = next
      }
    })
  }

  /** As `lttng rotate`. */
  get rotate() {
    return Effect.gen({ self: this }, function* () {
      const [old, counts] = [this.#chunk++, this.#streams.map(({ next }) => next)]
      const at = Commands.start + 10 * this.#chunk
      yield* this.#ask("CREATE_TRACE_CHUNK", Commands.createTraceChunk(this.#chunk, at), 4)
      const positions = this.#streams.map(({ handle, next }) => [handle, next] as const)
      yield* this.#ask("ROTATE_STREAMS", Commands.rotateStreams(this.#chunk, positions), 4)
      yield* this.#ask("ROTATE_STREAMS", Commands.rotateStreams(this.#chunk, [[this.#metadata, 0]]), 4)
      yield* this.#sendMetadata
      yield* this.#askForPath("CLOSE_TRACE_CHUNK", Commands.closeChunk(old, at, closeCommands.move), 8)
      while ((yield* this.#ask("TRACE_CHUNK_EXISTS", u64(old), 5)).readUInt8(4) === 1) yield* Effect.sleep("10 millis")
      this.#told.rotatedCount++
      for (const [cpu, count] of counts.entries()) this.#told.settled[cpu] = count
    })
  }

  get end() {
    return Effect.gen({ self: this }, function* () {
      for (const { handle, next } of this.#streams) {
        yield* this.#ask("CLOSE_STREAM", bytesOf(u64(handle), u64(next - 1)), 4)
      }
      yield* this.#ask("CLOSE_STREAM", bytesOf(u64(this.#metadata), u64(noSeq)), 4)
      this.#told.isOver = true
    })
  }
}

const one = (relay: Relay, sessionId: number, options: Options, onTold: (told: Told) => void) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { isRestless, random } = options
      const control = yield* Wire.connect(relay.controlPort, "127.0.0.1", patience)
      const data = yield* Wire.connect(relay.dataPort, "127.0.0.1", patience)
      const told: Told = { name: `p${sessionId}`, answered: [[], []], settled: [0, 0], rotatedCount: 0, isOver: false }
      const life = new Life(control, data, options, told)
      yield* life.begin(sessionId)
      onTold(told)
      for (let turn = 0; !isRestless || turn < 8; turn++) {
        const count = 1 + Math.floor(random.next() * 6)
        for (let at = 0; at < 2 * count; at++) yield* life.packet(at % 2)
        const what = random.next()
        if (isRestless && what < 0.3) yield* life.rotate
        else if (what < 0.5) yield* life.settle
        else if (isRestless && what < 0.65) break
      }
      yield* life.settle
      yield* life.end
    })
  )

interface Relay {
  readonly controlPort: number
  readonly dataPort: number
}

/** Lives one after the other; `first` numbers the first of them. Ends when the relay is gone. */
export const play = (relay: Relay, first: number, options: Options, onTold: (told: Told) => void) =>
  Effect.gen(function* () {
    for (let number = first; ; number++) yield* one(relay, number, options, onTold)
  }).pipe(Effect.ignore)

/** Where a packet's head has them (`SyntheticTrace`). */
const at = { bits: 56, sequence: 64, cpu: 80 }
const headBytes = 84
const magic = 0xc1fc1fc1

/** Of each stream of the session, the numbers of the packets that lie in its files, wherever below `directory`. */
export const packetsIn = (directory: string, name: string): ReadonlyArray<ReadonlySet<number>> => {
  const found = [new Set<number>(), new Set<number>()]
  if (!existsSync(directory)) return found
  const isOf = (path: string) => new RegExp(`(^|/)${name}(-|/)`).test(path)
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" })
  for (const path of files.filter((path) => isOf(path) && /\/ch_\d$/.test(path) && !path.includes("/.ch_"))) {
    const bytes = readFileSync(join(directory, path))
    for (let from = 0; from + headBytes <= bytes.length; ) {
      const size = Number(bytes.readBigUInt64LE(from + at.bits)) / 8
      if (bytes.readUInt32LE(from) !== magic || size < headBytes || from + size > bytes.length) break
      found[bytes.readUInt32LE(from + at.cpu)]?.add(Number(bytes.readBigUInt64LE(from + at.sequence)))
      from += size
    }
  }
  return found
}

/** One line for each stream of which one of the first `counts` packets is not there. */
export const missing = (directory: string, { name }: Told, counts: ReadonlyArray<number>): ReadonlyArray<string> =>
  packetsIn(directory, name).flatMap((found, cpu) => {
    const count = counts[cpu] ?? 0
    const gone = Array.from({ length: count }, (_, seq) => seq).filter((seq) => !found.has(seq))
    return gone.length === 0 ? [] : [`${name} stream ${cpu}: ${gone.length} of ${count} are gone, from ${gone[0]} on`]
  })

/** One line for each stream with packets behind one that is not there. */
export const holes = (directory: string, { name }: Told): ReadonlyArray<string> =>
  packetsIn(directory, name).flatMap((found, cpu) =>
    Math.max(-1, ...found) + 1 === found.size ? [] : [`${name} stream ${cpu}: holes between ${found.size} packets`]
  )
