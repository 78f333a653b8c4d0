/** What a tracer does, from a seed: packets and indexes in either order, rings, rotations, clears, metadata. */
import { Effect, type Scope } from "effect"
import * as Commands from "../../src/testing/PeerBytes.ts"
import type { Control, Data, Script } from "../../src/testing/Script.ts"

/** Numbers from 0 to 1, the same for the same seed. */
export const seeded = (seed: number): (() => number) => {
  let state = seed * 2654435761
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

interface Told {
  readonly handle: bigint
  next: number
}

const text = (size: number) => Buffer.alloc(size, "/* CTF 1.8 */ ")

class Story {
  readonly #random: () => number
  readonly #c: Control
  readonly #d: Data
  readonly #streams: Array<Told> = []
  #metadata = 0n
  #chunk = 0

  constructor(random: () => number, c: Control, d: Data) {
    this.#random = random
    this.#c = c
    this.#d = d
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count)
  }

  get begin(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const isRing = this.#below(3) === 0
      for (let cpu = 0; cpu < 2; cpu++) {
        const ring = isRing ? { fileSize: 300, fileCount: 3 } : {}
        this.#streams.push({ handle: yield* this.#c.addStream({ channel: `ch_${cpu}`, ...ring }), next: 0 })
      }
      this.#metadata = yield* this.#c.addStream({ channel: "metadata" })
      yield* this.#c.streamsSent
      yield* this.#c.metadata(this.#metadata, text(40), 4)
    })
  }

  get step(): Effect.Effect<void> {
    const kind = this.#below(10)
    if (kind < 7) return this.#packet
    if (kind === 7) return this.#c.metadata(this.#metadata, text(1 + this.#below(90)), this.#below(8))
    if (kind === 8) return this.#rotate
    return this.#beaconOrReset
  }

  get #packet(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const stream = this.#streams[this.#below(2)] as Told
      const seq = stream.next++
      const size = 8 + this.#below(300)
      const index = this.#c.index(stream.handle, {
        seq,
        packetSeq: seq,
        bytes: size,
        begin: 1000 + seq,
        end: 1010 + seq
      })
      const packet = this.#d.packet(stream.handle, seq, size, this.#below(16))
      const both = this.#below(4) === 0 ? [index, packet] : [packet, index]
      for (const half of both) yield* half
      yield* this.#c.dataPending(stream.handle, seq)
    })
  }

  get #beaconOrReset(): Effect.Effect<void> {
    const { handle } = this.#streams[0] as Told
    return this.#below(2) === 0
      ? this.#c.index(handle, { seq: 0, bytes: 0, end: 5000 })
      : Effect.andThen(this.#c.resetMetadata(this.#metadata), this.#c.metadata(this.#metadata, text(30)))
  }

  get #rotate(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const old = this.#chunk++
      const at = Commands.start + 10 * this.#chunk
      yield* this.#c.createChunk(this.#chunk, at)
      const ahead = this.#below(2)
      yield* this.#c.rotate(
        this.#chunk,
        this.#streams.map(({ handle, next }) => [handle, next + ahead] as const)
      )
      for (const stream of this.#streams) {
        for (let count = 0; count < ahead || stream.next === 0; count++) yield* this.#packetOf(stream)
      }
      yield* this.#c.rotate(this.#chunk, [[this.#metadata, 0]])
      yield* this.#c.metadata(this.#metadata, text(50))
      yield* this.#c.closeChunk(old, at, this.#below(3) === 0 ? 2 : 0)
      yield* this.#c.untilChunkGone(old)
    })
  }

  #packetOf(stream: Told): Effect.Effect<void> {
    const seq = stream.next++
    return Effect.gen({ self: this }, function* () {
      yield* this.#d.packet(stream.handle, seq, 40)
      yield* this.#c.index(stream.handle, { seq, packetSeq: seq, bytes: 40, begin: 1000 + seq, end: 1010 + seq })
      yield* this.#c.dataPending(stream.handle, seq)
    })
  }

  get end(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      for (const { handle, next } of this.#streams) {
        if (next > 0) yield* this.#c.dataPending(handle, next - 1)
        yield* this.#c.closeStream(handle, next === 0 ? Commands.noSeq : next - 1)
      }
      yield* this.#c.closeStream(this.#metadata, Commands.noSeq)
      yield* this.#c.closeChunk(this.#chunk, Commands.start + 900)
      yield* this.#c.alive
    })
  }
}

export const story =
  (seed: number, stepCount = 25) =>
  (script: Script): Effect.Effect<void, never, Scope.Scope> =>
    Effect.gen(function* () {
      const random = seeded(seed)
      const sessionCount = 1 + Math.floor(random() * 2)
      const stories: Array<Story> = []
      for (let number = 1; number <= sessionCount; number++) {
        const { c, d } = yield* script.recording({ name: `s${number}`, sessionId: number })
        const told = new Story(random, c, d)
        yield* told.begin
        stories.push(told)
      }
      for (let step = 0; step < stepCount; step++) yield* (stories[step % sessionCount] as Story).step
      for (const told of stories) yield* told.end
    })
