/** An edge in this process, over files in memory, before a relay in this process. */
import { Effect, type Scope } from "effect"
import * as Edge from "../../src/edge/Edge.ts"
import * as Pace from "../../src/edge/forwarding/Pace.ts"
import type * as Packing from "../../src/edge/forwarding/Packing.ts"
import { Files } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Script from "../../src/testing/Script.ts"
import type * as TestRelays from "../../src/testing/TestRelay.ts"
import { inRealTime, until } from "../../src/testing/Waiting.ts"
import * as Stoppable from "../support/stoppable.ts"
import { Link } from "./Link.ts"
import * as Spools from "./spools.ts"

type TestRelay = TestRelays.TestRelay

/** What a disk would have, was the process killed now: in the order in which that lies there, or in the other one. */
export const imageOf = (memory: MemoryFiles, isReversed = false): MemoryFiles => {
  const image = new MemoryFiles()
  const paths = memory.paths("/")
  for (const path of isReversed ? paths.toReversed() : paths) {
    const bytes = memory.read(path)
    if (bytes !== undefined) image.write(path, Buffer.from(bytes))
  }
  return image
}

const anywhere = { host: "127.0.0.1", port: 0, family: 4 } as const

export interface Options {
  /** Where the relay is. */
  readonly controlPort: number
  readonly dataPort: number
  /** What an earlier edge left. */
  readonly files?: Files["Service"]
  readonly bytesMax?: number
  readonly isSynced?: boolean
  /** Where a copy is recorded. */
  readonly copy?: string
  readonly policyOf?: Edge.Options["policyOf"]
  readonly ageMillisMax?: number
  readonly compression?: Packing.Mode
  readonly capacity?: Edge.Options["capacity"]
  readonly goneMillisMax?: number
  readonly descriptorCount?: number
}

export interface Local {
  readonly edge: Edge.Edge
  readonly host: string
  readonly controlPort: number
  readonly dataPort: number
  /** The relay has everything, and the edge nothing. */
  readonly forwarded: Effect.Effect<void>
}

export const start = (options: Options): Effect.Effect<Local, never, Scope.Scope> =>
  Effect.gen(function* () {
    const address = (port: number) => ({ host: "127.0.0.1", port })
    const edge = yield* inRealTime(
      Edge.make({
        to: { control: address(options.controlPort), data: address(options.dataPort) },
        control: anywhere,
        data: anywhere,
        directory: "/spool",
        bytesMax: options.bytesMax ?? 64 * 1024 * 1024,
        isSynced: options.isSynced ?? false,
        policyOf: options.policyOf ?? (() => "hold"),
        ageMillisMax: options.ageMillisMax,
        pace: Pace.unlimited,
        copy: options.copy === undefined ? undefined : { directory: options.copy, live: anywhere },
        compression: options.compression ?? "auto",
        capacity: options.capacity,
        goneMillisMax: options.goneMillisMax,
        descriptorCount: options.descriptorCount,
        name: "here"
      })
    ).pipe(Effect.provideService(Files, options.files ?? new MemoryFiles().service), Effect.orDie)
    return {
      edge,
      host: "127.0.0.1",
      controlPort: edge.relay.addresses.control.port,
      dataPort: edge.relay.addresses.data.port,
      forwarded: Effect.orDie(until("everything to be forwarded", () => Spools.isEmpty(edge.spool)))
    }
  })

/** A session of one stream, `ch_0`, with one packet, from its begin to its end; answers where its files are. */
export const whole = (
  script: ReturnType<typeof Script.make>,
  options?: Parameters<ReturnType<typeof Script.make>["recording"]>[0]
) =>
  Effect.gen(function* () {
    const { c, d, file } = yield* script.recording(options)
    const stream = yield* c.addStream()
    yield* d.packet(stream, 0)
    yield* c.index(stream, { seq: 0 })
    yield* c.closeStream(stream, 0)
    yield* c.close
    yield* d.close
    return file
  })

/** An edge whose link may be cut, and lead to another relay; and what tracers say to it. */
export const linked = (relay: TestRelay, options: Partial<Options> = {}) =>
  Effect.gen(function* () {
    let { controlPort } = relay
    const link = yield* new Link(() => controlPort).open
    const local = yield* start({ ...options, controlPort: link.port, dataPort: relay.dataPort })
    const leadTo = (next: Pick<TestRelay, "controlPort">) => {
      controlPort = next.controlPort
    }
    return { leadTo, link, local, script: Script.make(local, relay.output, () => {}) }
  })

/** A session of one stream, `ch_0`, by such an edge. */
export const recording = (relay: TestRelay, options: Pick<Options, "bytesMax"> = {}) =>
  Effect.gen(function* () {
    const { leadTo, link, local, script } = yield* linked(relay, options)
    const { c, d, file } = yield* script.recording()
    const stream = yield* c.addStream()
    const path = file("ch_0")
    const packet = (seq: number, byteCount: number) =>
      Effect.andThen(d.packet(stream, seq, byteCount), c.index(stream, { seq }))
    return {
      c,
      d,
      link,
      local,
      script,
      stream,
      path,
      packet,
      leadTo,
      /** The same once more: both are in one file. */
      again: Effect.gen(function* () {
        const twin = yield* c.addStream()
        yield* d.packet(twin, 0, 16)
        yield* c.index(twin, { seq: 0 })
      }),
      /** Leads to a relay that has the first packet, and sends the second, as long: done when it has both. */
      goOnAt: (next: TestRelay, byteCount: number) =>
        Effect.gen(function* () {
          leadTo(next)
          yield* packet(1, byteCount)
          yield* Effect.orDie(until("both packets", () => next.output.size(path) === 2 * byteCount))
        })
    }
  })

/** The same at a relay of its own, which may be stopped. */
export const atRelay = (options?: TestRelays.Options) =>
  Effect.gen(function* () {
    const { relay, stop } = yield* Stoppable.make(options)
    return { ...(yield* recording(relay)), relay, stop }
  })

/** The same with a packet of `byteCount` bytes, which the relay has in its files, and has put down. */
export const begun = (byteCount: number, options?: TestRelays.Options) =>
  Effect.gen(function* () {
    const all = yield* atRelay(options)
    const { local, packet, path, script } = all
    yield* packet(0, byteCount)
    yield* script.fileSize(path, byteCount)
    yield* marked(local)
    return all
  })

/** All that the edge has is in the relay's files, and put down there. */
export const marked = ({ edge }: Local): Effect.Effect<void> =>
  Effect.orDie(
    until("the mark", () =>
      [...edge.spool.journals.values()].every(({ durable, last }) => durable > 0 && durable === last)
    )
  )

/** The relay has carried out the end of a session, in memory if not in its files. */
export const ended = ({ edge }: Local): Effect.Effect<void> =>
  Effect.orDie(
    until("its end to be carried out", () =>
      [...edge.spool.journals.values()].some(({ isFinished, last, received }) => isFinished && received === last)
    )
  )

/** The relay has no session any more, and remembers none: its files are complete. */
export const quiet = (relay: TestRelay, left = ".journals"): Effect.Effect<void> =>
  Effect.orDie(
    until(
      "the sessions to end",
      relay.relay.sessions,
      (sessions) => sessions.length === 0 && !relay.output.files().some((path) => path.includes(left))
    )
  )
