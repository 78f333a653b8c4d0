/**
 * A live scenario: a scripted tracer and scripted viewers at one relay, and the transcript of all answers.
 *
 * Two relays can be compared when the script waits for what they do in their own time: a packet is in its file before
 * its index is sent, and the record in the index file before the next step.
 */
import { Effect, type Scope } from "effect"
import type * as Commands from "../sidebyside/commands.ts"
import * as Script from "../sidebyside/script.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as Viewer from "./viewer.ts"

export interface PacketOptions {
  /** Bytes of payload; the packet is as long. */
  readonly bytes?: number
  /** The directory of the chunk the packet is expected in, below the session's. */
  readonly chunk?: string
  readonly index?: Partial<Commands.Index>
}

/** A stream being recorded, and how far its current files have come. */
export interface LiveStream {
  readonly id: bigint
  /** Sends a packet and its index, and waits for both to be in the files. */
  readonly packet: (seq: number, options?: PacketOptions) => Effect.Effect<void>
  /** The same without the index. */
  readonly data: (seq: number, options?: PacketOptions) => Effect.Effect<void>
  readonly index: (seq: number, options?: PacketOptions) => Effect.Effect<void>
  readonly beacon: (end: number) => Effect.Effect<void>
  /** The stream starts new files. */
  readonly restart: () => void
}

export interface Tracer extends Script.Recording {
  readonly stream: (channel: string, options?: Commands.Stream) => Effect.Effect<LiveStream>
  /** Whole metadata messages: `size` bytes of `byte`, then zeros; waits until the file has `total` bytes. */
  readonly metadata: (
    stream: LiveStream,
    byte: number,
    size: number,
    total: number,
    where?: string
  ) => Effect.Effect<void>
}

export interface LiveScript extends Script.Script {
  /** The minor that viewers of this run say. */
  readonly viewerMinor: number
  /** A line of the transcript that is nobody's answer. */
  readonly note: (line: string) => void
  readonly tracer: (
    options?: Commands.Session & { readonly minor?: number; readonly chunk?: number | "none" }
  ) => Effect.Effect<Tracer, never, Scope.Scope>
  /** A viewer without a word said. */
  readonly stranger: Effect.Effect<Viewer.Viewer, never, Scope.Scope>
  /** A connection to the viewer port that never reads. */
  readonly deaf: Effect.Effect<Viewer.Deaf, never, Scope.Scope>
  /** How many viewers a session shows in the listing; asked over a connection of its own, and not recorded. */
  readonly clients: (session: number) => Effect.Effect<number, never, Scope.Scope>
  /** A viewer that has connected and has a viewer session. */
  readonly viewer: Effect.Effect<Viewer.Viewer, never, Scope.Scope>
  /** The same, attached to the first session. */
  readonly viewing: (seek: "beginning" | "last") => Effect.Effect<Viewer.Viewer, never, Scope.Scope>
}

export interface Scenario {
  readonly name: string
  readonly args?: ReadonlyArray<string>
  readonly script: (s: LiveScript) => Effect.Effect<void, never, Scope.Scope>
  /** Where the installed lttng-relayd (2.13.9) does something else: the reason, and what is expected of us instead. */
  readonly oursOnly?: { readonly reason: string; readonly transcript: ReadonlyArray<string> }
}

export const scenario = (
  name: string,
  steps: (s: LiveScript) => Effect.gen.Return<void, never, Scope.Scope>,
  extra: Omit<Scenario, "name" | "script"> = {}
): Scenario => ({ name, ...extra, script: (s) => Effect.gen(() => steps(s)) })

/** How a transcript begins: a viewer that has a viewer session. */
export const greeted = ["V1 CONNECT → id 1, 2.<own minor>, type 0", "V1 CREATE → ok"] as const

/** The same, then attached to a session with one stream and its metadata. */
export const attached = (seek: "beginning" | "last", stream = "ch_0") =>
  [
    ...greeted,
    `V1 ATTACH 1 ${seek} → ok; 1 data of trace 1 ust/uid/0/64-bit/${stream}; 2 metadata of trace 1 ust/uid/0/64-bit/metadata`
  ] as const

const recordBytes = (minor: number) => (minor < 8 ? 56 : 72)

const tracerOf = (recording: Script.Recording, s: Script.Script, minor: number): Tracer => {
  const { c, d, file } = recording
  const stream = (channel: string, options: Commands.Stream = {}) =>
    Effect.map(c.addStream({ channel, ...options }), (id): LiveStream => {
      let bytesInFile = 0
      let records = 0
      const at = (name: string, chunk = "") =>
        minor < 11 ? `${(options.path ?? "").replace(/^\//, "")}/${name}` : file(name, chunk, options.path)
      const data = (seq: number, { bytes = 16, chunk }: PacketOptions = {}) =>
        Effect.gen(function* () {
          yield* d.packet(id, seq, bytes)
          bytesInFile += bytes
          yield* s.fileSize(at(channel, chunk), bytesInFile)
        })
      const index = (seq: number, { bytes = 16, chunk, index }: PacketOptions = {}) =>
        Effect.gen(function* () {
          yield* c.index(id, { seq, bytes, ...index })
          records += 1
          yield* s.fileSize(at(`index/${channel}.idx`, chunk), 16 + records * recordBytes(minor))
        })
      return {
        id,
        data,
        index,
        packet: (seq, packetOptions) => Effect.andThen(data(seq, packetOptions), index(seq, packetOptions)),
        beacon: (end) => c.index(id, { seq: 0, bytes: 0, begin: 0, end, streamClass: 5 }),
        restart: () => {
          bytesInFile = 0
          records = 0
        }
      }
    })
  const metadata = (target: LiveStream, byte: number, size: number, total: number, where = file("metadata")) =>
    Effect.andThen(c.metadata(target.id, Buffer.alloc(size, byte)), s.fileSize(where, total))
  return { ...recording, stream, metadata }
}

export interface Run {
  readonly transcript: ReadonlyArray<string>
  readonly exit: string
}

/** Everything a relay needs to be for a script. */
export type Target = Omit<Relays.Relay, "process">

/** A session with a data and a metadata stream, of which viewers may be told. */
export const begun = function* (s: LiveScript, options: Parameters<LiveScript["tracer"]>[0] = {}) {
  const tracer = yield* s.tracer(options)
  const stream = yield* tracer.stream("ch_0")
  const meta = yield* tracer.stream("metadata")
  yield* tracer.c.streamsSent
  return { tracer, stream, meta }
}

export const scriptOf = (relay: Target, note: (line: string) => void, viewerMinor: number): LiveScript => {
  const script = Script.make({ ...relay, process: undefined as never }, note)
  const stranger = Viewer.of(relay, note)
  const viewer = Effect.gen(function* () {
    const viewer = yield* stranger
    yield* viewer.connect(viewerMinor)
    yield* viewer.create
    return viewer
  })
  return {
    ...script,
    viewerMinor,
    note,
    stranger,
    deaf: Viewer.deaf(relay),
    clients: (session) =>
      Effect.gen(function* () {
        const lines: Array<string> = []
        const observer = yield* Viewer.of(relay, (line) => lines.push(line))
        yield* observer.connect(15)
        yield* observer.list
        yield* observer.close
        const found = new RegExp(`[ ;]${session} [^;]* clients (\\d+)`).exec(lines.at(-1) ?? "")
        return Number(found?.[1] ?? 0)
      }),
    viewer,
    viewing: (seek) => Effect.tap(viewer, ({ attach }) => attach(1, seek)),
    tracer: (options = {}) =>
      Effect.map(script.recording({ liveTimer: 1_000_000, ...options }), (recording) =>
        tracerOf(recording, script, options.minor ?? 13)
      )
  }
}

export const run = (kind: Relays.Kind, scenario: Scenario, viewerMinor: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const relay = yield* Relays.start(kind, scenario.args === undefined ? {} : { args: scenario.args })
      const transcript: Array<string> = []
      const note = (line: string) => {
        transcript.push(line)
      }
      yield* Effect.scoped(scenario.script(scriptOf(relay, note, viewerMinor)))
      const exit = yield* Process.stopped(relay.process)
      const result: Run = { transcript, exit }
      return result
    })
  )

/** The transcript without what differs by version everywhere: the flag for new streams (live.md §7.4). */
export const comparable = ({ transcript, exit }: Run): Run => ({
  exit,
  transcript: transcript.map((line) => line.replace(" +streams", ""))
})

/** The viewers' lines: what a table of expectations says; and what did not come in time, which explains the others. */
export const viewerLines = ({ transcript }: Run): ReadonlyArray<string> =>
  transcript.filter((line) => line.startsWith("V") || line.includes("in vain") || line.endsWith(" silent"))
