/** A viewer of a simulated world: reads a live session from its beginning until every stream of it is over. */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { Control, Relay } from "../../connection/doubles.ts"
import { numbers, request } from "../../live/viewer.ts"
import * as Commands from "../../sidebyside/commands.ts"
import type { Random } from "../../support/Random.ts"

const { join, u32, u64 } = Commands
const streamBytes = 4371
const ok = 1
const hangUp = 3
const failed = 4
const flagMetadata = 1
const flagStreams = 2

interface Watched {
  readonly handle: bigint
  readonly isMetadata: boolean
  isOver: boolean
  last: number
}

/** Thrown where the relay has closed the connection. */
class Gone extends Error {}

export class Viewer {
  packetCount = 0
  readonly #streams: Array<Watched> = []
  readonly #random: Random
  readonly #v: Control

  private constructor(v: Control, random: Random) {
    this.#v = v
    this.#random = random
  }

  static readonly open = (relay: Relay, random: Random) =>
    Effect.map(relay.live, (v) => ({ viewer: new Viewer(v, random), peer: v.peer }))

  #ask(name: keyof typeof numbers, payload: Uint8Array, count: number): Effect.Effect<Buffer> {
    return Effect.suspend(() => {
      this.#v.peer.deliver(request(numbers[name], payload))
      return this.#read(count)
    })
  }

  #read(count: number): Effect.Effect<Buffer> {
    return Effect.flatMap(this.#v.take(count), (bytes) =>
      bytes.length === count ? Effect.succeed(bytes) : Effect.die(new Gone())
    )
  }

  /** Ends when the session is over, or the connection. */
  watch(sessionId: bigint): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      yield* this.#ask("CONNECT", join(u64(2n ** 64n - 1n), u32(2), u32(13), u32(1)), 20)
      yield* this.#ask("CREATE", Commands.none, 4)
      const status = yield* this.#take("ATTACH", join(u64(sessionId), u64(0), u32(1)))
      if (status !== ok) return
      while (!this.#streams.every((stream) => stream.isOver)) {
        let isNews = false
        for (const stream of this.#streams) if (!stream.isOver && (yield* this.#next(stream, sessionId))) isNews = true
        if (!isNews) yield* Effect.sleep(this.#random.between(1, 200))
      }
    }).pipe(Effect.catchDefect((defect) => (defect instanceof Gone ? Effect.void : Effect.die(defect))))
  }

  #take(name: "ATTACH" | "NEW_STREAMS", payload: Uint8Array): Effect.Effect<number> {
    return Effect.gen({ self: this }, function* () {
      const head = yield* this.#ask(name, payload, 8)
      for (let left = head.readUInt32BE(4); left > 0; left--) {
        const entry = yield* this.#read(streamBytes)
        const isMetadata = entry.readUInt32BE(16) === 1
        this.#streams.push({ handle: entry.readBigUInt64BE(0), isMetadata, isOver: isMetadata, last: -1 })
      }
      return head.readUInt32BE(0)
    })
  }

  /** Whether there was a packet. */
  #next(stream: Watched, sessionId: bigint): Effect.Effect<boolean> {
    return Effect.gen({ self: this }, function* () {
      const index = yield* this.#ask("NEXT", u64(stream.handle), 64)
      const status = index.readUInt32BE(56)
      const flags = index.readUInt32BE(60)
      if ((flags & flagMetadata) !== 0) {
        for (const { handle, isMetadata } of [...this.#streams]) if (isMetadata) yield* this.#metadata(handle)
      }
      if ((flags & flagStreams) !== 0) yield* this.#take("NEW_STREAMS", u64(sessionId))
      stream.isOver = status === hangUp || status === failed
      if (status !== ok) return false
      const size = Number(index.readBigUInt64BE(8)) / 8
      const packet = join(u64(stream.handle), index.subarray(0, 8), u32(size))
      const head = yield* this.#ask("PACKET", packet, 12)
      if (head.readUInt32BE(0) !== ok) return false
      const bytes = yield* this.#read(head.readUInt32BE(4))
      const seq = Number(bytes.readBigUInt64LE(64))
      if (seq <= stream.last) assert.fail(`a viewer sees packets in order: ${seq} after ${stream.last}`)
      stream.last = seq
      this.packetCount++
      return true
    })
  }

  #metadata(handle: bigint): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const head = yield* this.#ask("METADATA", u64(handle), 12)
      yield* this.#read(Number(head.readBigUInt64BE(0)))
    })
  }
}
