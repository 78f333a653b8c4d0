/**
 * What an edge runs through with every packet, done a few thousand times before there are any, so that it is compiled:
 * an edge of its own, on loopback, records a session of its own, and forwards it to a relay of its own. A relay that an
 * edge is near to does the same. Nothing of it is seen, and no file is made.
 */
import { Context, Effect, Layer, type Scope } from "effect"
import { defaults } from "../config/RelayDefaults.ts"
import type { Tap } from "../Ports.ts"
import * as Relay from "../Relay.ts"
import { Files, type OpenFile } from "../storage/Files.ts"
import { bottomless, loopback, play, type Rehearsal, unseen } from "../Warmup.ts"
import { upstream } from "./Edge.ts"
import * as Pace from "./forwarding/Pace.ts"
import { Chunks } from "./journal/Chunks.ts"
import * as DiscardFiles from "./tap/DiscardFiles.ts"

/** More than one edge: code that was compiled for the objects of a single one is thrown away with the next. */
const rehearsals: ReadonlyArray<Rehearsal> = [
  { packetBytes: 36_864, roundCount: 1500, packetsAtOnce: 1 },
  { packetBytes: 4096, roundCount: 300, packetsAtOnce: 6 },
  { packetBytes: 262_144, roundCount: 150, packetsAtOnce: 1 },
  { packetBytes: 36_864, roundCount: 1500, packetsAtOnce: 1 }
]

/** So much of a file can be read back: what is written before there is a link. */
const keptBytesMax = 64 * 1024

const keeping = (file: OpenFile): OpenFile => {
  const kept = Buffer.alloc(keptBytesMax)
  const keep = (bytes: Uint8Array, position: number) => {
    if (position < keptBytesMax) kept.set(bytes.subarray(0, keptBytesMax - position), position)
  }
  const { write, writeNow } = file
  return {
    ...file,
    write: (buffers, position) => {
      keep(Buffer.concat(buffers), position)
      return write(buffers, position)
    },
    writeNow:
      writeNow &&
      ((bytes, from, to, position) => {
        keep(bytes.subarray(from, to), position)
        return writeNow(bytes, from, to, position)
      }),
    read: (into, position) => Effect.sync(() => kept.copy(into, 0, position))
  }
}

const spoolFiles = Effect.map(Files, (files) =>
  Files.of({ ...files, open: (at, mode) => Effect.map(files.open(at, mode), keeping) })
)

const relayOf = (config: Partial<typeof defaults>, tap?: Tap) =>
  Effect.map(
    Layer.build(
      Layer.fresh(
        Relay.layerTapped(
          { ...defaults, output: "/dev/null", control: loopback, data: loopback, live: loopback, ...config },
          tap
        )
      )
    ),
    (context) => Context.get(context, Relay.Relay)
  )

const once = (memory: Chunks, rehearsal: Rehearsal, isOver: Effect.Effect<boolean>) =>
  Effect.gen(function* () {
    const relay = yield* relayOf({})
    const { link, tap } = yield* Effect.provideService(
      upstream({
        to: relay.addresses,
        directory: "/dev/null/rehearsal",
        bytesMax: 1024 ** 3,
        policyOf: () => "hold",
        ageMillisMax: undefined,
        isSynced: false,
        pace: Pace.unlimited,
        compression: "off",
        name: "rehearsal",
        memory
      }),
      Files,
      yield* spoolFiles
    )
    const edge = yield* Effect.provideService(relayOf({ liveCacheBytes: 0 }, tap), Files, DiscardFiles.service)
    const isUp = Effect.sync(() => link.connectedCount > 0)
    const ready = Effect.repeat(Effect.delay(isUp, "1 millis"), { until: (up) => up })
    return yield* play(edge, rehearsal, isOver, Effect.asVoid(ready))
  })

/** A link that does not come about. */
const patience = "10 seconds"

/** Answers how many packets there were. `memory` is that of the process's edge, which is used, not taken twice. */
export const rehearse = (isOver = Effect.succeed(false), memory = new Chunks()): Effect.Effect<number> =>
  Effect.gen(function* () {
    let count = 0
    for (const rehearsal of rehearsals) {
      if (yield* isOver) return count
      const played: Effect.Effect<number, unknown, Files | Scope.Scope> = once(memory, rehearsal, isOver)
      count += yield* Effect.scoped(played).pipe(
        Effect.timeout(patience),
        Effect.provide(bottomless("memory")),
        Effect.provide(unseen),
        Effect.catchCause(() => Effect.succeed(0))
      )
    }
    return count
  })
