/**
 * What a scenario can do to a relay, and the record of all that the relay did in return.
 *
 * No step fails: a closed connection, a silence or a wait in vain is written into the transcript, so that two
 * relays always run the same steps and a difference shows where it began. Requests and replies are one line
 * each. Control and data connections are not ordered towards each other: a step that depends on the other
 * connection comes after a wait for a file or for DATA_PENDING.
 */
import { basename, join } from "node:path"
import { Effect, type Scope } from "effect"
import * as Commands from "./PeerBytes.ts"
import type { Place } from "./Tree.ts"
import * as Waiting from "./Waiting.ts"
import * as Wire from "./Wire.ts"

/** A step of a script. */
export type Step<A = void> = Effect.Effect<A>

/** Takes a line of the transcript. */
export type Note = (line: string) => void

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")

/** Each relay answers VERSION with its own minor: 13 for the installed reference, 15 for us. */
const ownVersion = /^00000002000000(0d|0f)$/
const shown = (label: string, bytes: Uint8Array) =>
  label === "VERSION" ? hex(bytes).replace(ownVersion, "2.<own minor>") : hex(bytes)

/** A scripted connection: what it reads goes into the transcript. */
export interface Connection {
  /** Sends these bytes. */
  readonly raw: (bytes: Uint8Array) => Step
  /** Reads `count` bytes into the transcript; fewer, with the reason, when they do not come. */
  readonly reply: (label: string, count: number) => Step<Buffer>
  /** Reads to the end of the connection: what came, and that it was closed. */
  readonly closes: (label?: string) => Step
  readonly end: Step
  readonly close: Step
  readonly reset: Step
}

const connection = (name: string, wire: Wire.Wire, note: Note): Connection => {
  const reply = (label: string, count: number) =>
    wire.read(count).pipe(
      Effect.tap((bytes) => Effect.sync(() => note(`${name} ${label} → ${shown(label, bytes)}`))),
      Effect.catch((failed) =>
        Effect.sync(() => {
          const how = failed._tag === "WireClosed" ? "closed" : "silent"
          note(`${name} ${label} → ${failed.received} ${how}`)
          return Buffer.alloc(count)
        })
      )
    )
  const closes = (label = "") =>
    wire.readToEnd.pipe(
      Effect.map((bytes) => note(`${name} ${label} → ${shown(label, bytes)} closed`)),
      Effect.catch((failed) => Effect.sync(() => note(`${name} ${label} → ${failed.received} still open`)))
    )
  return { raw: wire.send, reply, closes, end: wire.end, close: wire.close, reset: wire.reset }
}

/** What CREATE_SESSION answered. */
export interface Session {
  readonly id: bigint
  readonly path: string
}

/** A target's control connection (streaming.md §6): each command waits for its reply. */
export interface Control extends Connection {
  minor: number
  /** Any command with a reply of `replySize` bytes. */
  readonly command: (name: Commands.Name, payload: Uint8Array, replySize: number) => Step<Buffer>
  /** As `command`, with another one after it: a refused peer that says nothing more is let go (streaming.md §6.1). */
  readonly insist: (name: Commands.Name, payload: Uint8Array, replySize: number) => Step
  /** Any command after which the relay is expected to close: the reply, if any, and the end. */
  readonly refused: (name: Commands.Name, payload: Uint8Array) => Step
  /** Says its version, and reads the reply. */
  readonly version: (minor: number) => Step
  /** Asks for the configuration. */
  readonly configuration: (flags?: number | bigint) => Step
  /** Creates a session; where it is refused, its id is 0. */
  readonly createSession: (session?: Commands.Session) => Step<Session>
  /** Adds a stream; answers the relay's handle. */
  readonly addStream: (stream?: Commands.Stream) => Step<bigint>
  readonly streamsSent: Step
  /** Sends metadata, for which there is no reply. */
  readonly metadata: (stream: bigint, bytes: Uint8Array, padding?: number) => Step
  /** Begins the metadata again. */
  readonly resetMetadata: (stream: bigint, version?: number) => Step
  /** Sends the index of a packet. */
  readonly index: (stream: bigint, index: Commands.Index) => Step
  /** Closes a stream after the packet `last`. */
  readonly closeStream: (stream: bigint, last: number | bigint) => Step
  /** Asks whether packets up to `last` are still to be written. */
  readonly dataPending: (stream: bigint, last: number | bigint) => Step
  /** Says that nothing of the stream is under way. */
  readonly quiescent: (stream: bigint) => Step
  /** Begins the question whether data is pending. */
  readonly beginPending: (session: bigint) => Step
  /** Ends it, and reads the answer. */
  readonly endPending: (session: bigint) => Step
  /** Rotates streams to a trace chunk, each at its packet. */
  readonly rotate: (
    chunk: number | undefined,
    positions: ReadonlyArray<readonly [bigint, number | bigint]>,
    padding?: 0 | 3 | 7
  ) => Step
  /** Creates a trace chunk; `at` in seconds since the epoch. */
  readonly createChunk: (id: number, at: number, overrideName?: string) => Step
  /** Closes a trace chunk; `at` in seconds since the epoch. */
  readonly closeChunk: (id: number, at: number, command?: number) => Step
  /** Asks for a trace chunk. */
  readonly chunkExists: (id: number) => Step
  /** Polls until the chunk is gone; only the outcome is recorded. */
  readonly untilChunkGone: (id: number) => Step
  /** The connection is still served: any later refusal would show here. */
  readonly alive: Step
}

const pathBytesMax = 4096

const untilChunkGone = (wire: Wire.Wire, id: number, done: (outcome: string) => void): Step =>
  Waiting.until(
    "the chunk to be gone",
    Effect.gen(function* () {
      yield* wire.send(Commands.message(Commands.numbers.TRACE_CHUNK_EXISTS, Commands.u64(id)))
      return (yield* Effect.orDie(wire.read(5))).readUInt8(4) === 0
    })
  ).pipe(
    Effect.map(() => done("is gone")),
    Effect.catchCause(() => Effect.sync(() => done("is not gone")))
  )

const pendingAskCount = 8

/**
 * A relay may also say "pending" while its disk is behind. So it is asked a few times: what stays pending is what the
 * protocol means by it. Only the last answer is noted.
 */
const settled = (note: Note, ask: (note: Note) => Step<Buffer>): Step =>
  Effect.gen(function* () {
    let last = ""
    for (let asked = 0; asked < pendingAskCount; asked += 1) {
      const reply = yield* ask((line) => {
        last = line
      })
      if (reply.readUInt32BE(0) !== 1) break
      yield* Waiting.inRealTime(Effect.sleep("10 millis"))
    }
    note(last)
  })

const control = (name: string, wire: Wire.Wire, note: Note): Control => {
  const plain = connection(name, wire, note)
  const send = (command: Commands.Name, payload: Uint8Array) =>
    wire.send(Commands.message(Commands.numbers[command], payload))
  const command = (command: Commands.Name, payload: Uint8Array, replySize: number) =>
    Effect.andThen(send(command, payload), plain.reply(command, replySize))
  const generic = (name: Commands.Name, payload: Uint8Array): Step => Effect.asVoid(command(name, payload, 4))
  const pending = (label: Commands.Name, payload: Uint8Array): Step =>
    settled(note, (into) => Effect.andThen(send(label, payload), connection(name, wire, into).reply(label, 4)))
  const withPath = (label: Commands.Name, payload: Uint8Array, fixedSize: number) =>
    Effect.gen(function* () {
      const head = yield* command(label, payload, fixedSize)
      const length = Math.min(head.readUInt32BE(fixedSize - 4), pathBytesMax)
      const path =
        length === 0 ? "" : (yield* plain.reply(`${label} path`, length)).toString("latin1").replace("\0", "")
      if (path !== "") note(`${name} ${label} path = ${path}`)
      return { head, path }
    })
  const self: Control = {
    ...plain,
    minor: 13,
    command,
    insist: (name, payload, replySize) =>
      wire
        .send(
          Commands.join(
            Commands.message(Commands.numbers[name], payload),
            Commands.message(Commands.numbers.START_DATA, Commands.none)
          )
        )
        .pipe(
          Effect.andThen(plain.reply(name, replySize)),
          Effect.andThen(plain.reply("START_DATA", 4)),
          Effect.asVoid
        ),
    refused: (name, payload) => Effect.andThen(send(name, payload), plain.closes(name)),
    version: (minor) =>
      Effect.map(command("VERSION", Commands.join(Commands.u32(2), Commands.u32(minor)), 8), () => {
        self.minor = minor
      }),
    configuration: (flags = 0) => Effect.asVoid(command("GET_CONFIGURATION", Commands.u64(flags), 12)),
    createSession: (session = {}) =>
      Effect.suspend(() => {
        const payload = Commands.createSession(self.minor, session)
        return self.minor < 11
          ? Effect.map(command("CREATE_SESSION", payload, 12), (head) => ({ id: head.readBigUInt64BE(0), path: "" }))
          : Effect.map(withPath("CREATE_SESSION", payload, 16), ({ head, path }) => ({
              id: head.readBigUInt64BE(0),
              path
            }))
      }),
    addStream: (stream = {}) =>
      Effect.suspend(() =>
        Effect.map(command("ADD_STREAM", Commands.addStream(self.minor, stream), 12), (head) => head.readBigUInt64BE(0))
      ),
    streamsSent: generic("STREAMS_SENT", Commands.none),
    metadata: (stream, bytes, padding = 0) =>
      send("SEND_METADATA", Commands.join(Commands.u64(stream), Commands.u32(padding), bytes)),
    resetMetadata: (stream, version = 1) =>
      generic("RESET_METADATA", Commands.join(Commands.u64(stream), Commands.u64(version))),
    index: (stream, index) =>
      Effect.suspend(() => generic("SEND_INDEX", Commands.sendIndex(self.minor, stream, index))),
    closeStream: (stream, last) => generic("CLOSE_STREAM", Commands.join(Commands.u64(stream), Commands.u64(last))),
    dataPending: (stream, last) => pending("DATA_PENDING", Commands.join(Commands.u64(stream), Commands.u64(last))),
    quiescent: (stream) => generic("QUIESCENT_CONTROL", Commands.u64(stream)),
    beginPending: (session) => generic("BEGIN_DATA_PENDING", Commands.u64(session)),
    endPending: (session) => pending("END_DATA_PENDING", Commands.u64(session)),
    rotate: (chunk, positions, padding) => generic("ROTATE_STREAMS", Commands.rotateStreams(chunk, positions, padding)),
    createChunk: (id, at, overrideName) =>
      generic("CREATE_TRACE_CHUNK", Commands.createTraceChunk(id, at, overrideName)),
    closeChunk: (id, at, closeCommand) =>
      Effect.asVoid(withPath("CLOSE_TRACE_CHUNK", Commands.closeChunk(id, at, closeCommand), 8)),
    chunkExists: (id) => Effect.asVoid(command("TRACE_CHUNK_EXISTS", Commands.u64(id), 5)),
    untilChunkGone: (id) => untilChunkGone(wire, id, (outcome) => note(`${name} chunk ${id} ${outcome}`)),
    alive: Effect.asVoid(Effect.suspend(() => command("START_DATA", Commands.none, 4)))
  }
  return self
}

/** A target's data connection (streaming.md §7). */
export interface Data extends Connection {
  /** Sends a packet of `size` bytes. */
  readonly packet: (stream: bigint, seq: number | bigint, size?: number, padding?: number) => Step
}

const data = (name: string, wire: Wire.Wire, note: Note): Data => ({
  ...connection(name, wire, note),
  packet: (stream, seq, size = 16, padding = 0) =>
    wire.send(Commands.join(Commands.packetHeader(stream, seq, size, padding), Commands.payload(size, seq)))
})

/** A session with its connections, ready for streams. */
export interface Recording {
  readonly c: Control
  readonly d: Data
  readonly session: Session
  /** Path of a stream's file of this session, below the output directory. */
  readonly file: (name: string, chunk?: string, streamPath?: string) => string
}

/** Connections to one relay, and waits for what it writes. */
export interface Script {
  readonly control: Effect.Effect<Control, never, Scope.Scope>
  readonly data: Effect.Effect<Data, never, Scope.Scope>
  /**
   * A session on a pair of connections. The daemon's session number defaults to the one the relay will give,
   * since 2.13.9 looks chunks up by its own number in TRACE_CHUNK_EXISTS.
   */
  readonly recording: (
    options?: Commands.Session & { readonly minor?: number; readonly chunk?: number | "none" }
  ) => Effect.Effect<Recording, never, Scope.Scope>
  /** Waits until the file below the output directory has exactly this size. */
  readonly fileSize: (path: string, bytes: number) => Step
  /** Waits until the files of that name, wherever a rotation put them, have this many bytes together. */
  readonly totalBytes: (name: string, bytes: number) => Step
  /** Waits until there is such a file or directory. */
  readonly exists: (path: string) => Step
  /** Waits until the relay no longer knows the stream, asking over a session of its own. */
  readonly untilClosed: (stream: bigint) => Effect.Effect<void, never, Scope.Scope>
  /** Waits until there is no such file or directory. */
  readonly gone: (path: string) => Step
  /** Writes a file, for instance one that is in the way. */
  readonly write: (path: string, text: string) => Step
  /** Puts the output directory, as it is now, into the transcript. */
  readonly tree: (label: string) => Step
  readonly note: Note
}

/** Undefined when a file moved while they were counted. */
const totalOf = (place: Place, name: string): number | undefined => {
  try {
    const sizes = place.files().map((path) => (basename(path) === name ? (place.size(path) ?? Number.NaN) : 0))
    return sizes.reduce((sum, size) => sum + size, 0)
  } catch {
    return undefined
  }
}

/** Where a relay listens. */
export interface Ports {
  readonly host: string
  readonly controlPort: number
  readonly dataPort: number
}

/** Plays to `relay`, which writes to `place`; what it does in return is told to `note`, a line at a time. */
export const make = (relay: Ports, place: Place, note: Note): Script => {
  let controls = 0
  let datas = 0
  let recordings = 0
  const awaited = (what: string, condition: () => boolean): Step =>
    Waiting.until(what, condition, { everyMillis: 2 }).pipe(
      Effect.catch(() => Effect.sync(() => note(`waited in vain for ${what}`)))
    )
  const openControl = Effect.suspend(() => {
    controls += 1
    const name = `C${controls}`
    return Effect.map(Effect.orDie(Wire.connect(relay.controlPort, relay.host)), (wire) => control(name, wire, note))
  })
  const openData = Effect.suspend(() => {
    datas += 1
    const name = `D${datas}`
    return Effect.map(Effect.orDie(Wire.connect(relay.dataPort, relay.host)), (wire) => data(name, wire, note))
  })
  return {
    note,
    control: openControl,
    data: openData,
    recording: (options = {}) =>
      Effect.gen(function* () {
        const c = yield* openControl
        const d = yield* openData
        recordings += 1
        const { minor = 13, chunk = 0 } = options
        yield* c.version(minor)
        // Each session begins in a second of its own: the name of another one with the same would be taken.
        const creationTime = Commands.start + (options.sessionId ?? recordings) - 1
        const session = yield* c.createSession({ sessionId: recordings, creationTime, ...options })
        if (minor >= 11 && chunk !== "none") yield* c.createChunk(chunk, Commands.start)
        const file = (name: string, chunkPath = "", streamPath = "ust/uid/0/64-bit") =>
          join(session.path, chunkPath, streamPath, name)
        return { c, d, session, file }
      }),
    fileSize: (path, bytes) => awaited(`${path} of ${bytes} bytes`, () => place.size(path) === bytes),
    totalBytes: (name, bytes) => awaited(`${bytes} bytes in all files ${name}`, () => totalOf(place, name) === bytes),
    exists: (path) => awaited(path, () => place.exists(path)),
    untilClosed: (stream) =>
      Effect.gen(function* () {
        const wire = yield* Effect.orDie(Wire.connect(relay.controlPort, relay.host))
        const c = control("observer", wire, () => {})
        yield* c.version(13)
        yield* c.createSession({ name: "observer", host: "observer", basePath: `of-${stream}`, sessionId: 1000 })
        const request = Commands.join(Commands.u64(stream), Commands.u64(0))
        yield* Waiting.until(
          "an unknown stream",
          c.command("DATA_PENDING", request, 4),
          (reply) => reply.readUInt32BE(0) === 0xffffffff,
          { everyMillis: 2 }
        ).pipe(Effect.catch(() => Effect.sync(() => note(`stream ${stream} is still open`))))
      }),
    gone: (path) => awaited(`${path} to go`, () => !place.exists(path)),
    write: (path, text) => Effect.sync(() => place.write(path, text)),
    tree: (label) =>
      Effect.sync(() => {
        for (const line of place.tree()) note(`${label}: ${line}`)
      })
  }
}
