/**
 * A project that exports what it makes of the package, with declarations: every type that a public signature mentions
 * must have a name that the project can reach. Compiled from the tarball, never run.
 */
import { Console, Effect, Layer, Result, Schedule, Stream } from "effect"
import * as Root from "lttng-relay"
import {
  CtfTrace,
  Files,
  LiveViewer,
  Load,
  MemoryFiles,
  Record,
  Relay,
  RelayConfig,
  Replay,
  SyntheticTrace,
  Target,
  ViewerUrl
} from "lttng-relay"
import * as Admin from "lttng-relay/admin"
import * as Ctf from "lttng-relay/ctf"
import * as Protocol from "lttng-relay/protocol"
import * as Testing from "lttng-relay/testing"

export const config = { ...RelayConfig.defaults, output: "/tmp/traces" }
export const relay = Relay.layer(config)
export const relayNoDeps = Relay.layerNoDeps(config)
export const relayInMemory = Relay.layerNoDeps(config).pipe(Layer.provide(MemoryFiles.layer()))
export const audited = Layer.effect(
  Files.Files,
  Effect.map(Files.Files, (files) => ({
    ...files,
    open: (path: string, mode: Files.OpenMode) => Effect.tap(files.open(path, mode), () => Console.log(mode, path))
  }))
)
export const file: Files.OpenFile = {
  device: 1,
  inode: 1,
  write: () => Effect.void,
  read: () => Effect.succeed(0),
  truncate: () => Effect.void,
  sync: Effect.void,
  close: Effect.void
}
export const relayFromEnvironment = Relay.layerConfig()
export const environment = RelayConfig.config
export const checked = RelayConfig.check(config)
export const service = Effect.flatMap(Relay.Relay, ({ sessions }) => sessions)
export const counters = Effect.flatMap(Relay.Relay, ({ counters }) => counters)
export const events = Stream.unwrap(Effect.map(Relay.Relay, ({ events }) => events))
export const ends = Effect.flatMap(Relay.Relay, ({ endSession }) => endSession(1))

export const target = Target.make({ url: "net://localhost" })
export const session = Effect.flatMap(target, (one) => one.session({ name: "s" }))
/** Each reason there is, and no other: nothing that is not open yet can be closed already. */
export const reasons: Record<Target.SessionFailed["_tag"], string> = {
  DialFailed: "nobody is there",
  TlsFailed: "somebody else is there",
  LinkLost: "it went away",
  ReplyMalformed: "it is no relay",
  RelayRefused: "it does not want to",
  RequestInvalid: "it cannot be asked for this",
  NotNegotiated: "it is too old",
  TargetDisabled: "it was not to be asked"
}
export const stream = Effect.flatMap(session, (one) => one.stream({ path: "p", channel: "c" }))
export const metadata = Effect.flatMap(session, (one) => one.metadata("p"))
export const sent = Effect.flatMap(stream, ({ packet }) => packet(SyntheticTrace.generator("", 0, 4096, 0n).next(1n)))
export const rotated = Effect.flatMap(session, (one) => one.rotate())
export const closed = Effect.flatMap(session, (one) => one.close())
export const load = Effect.flatMap(target, (one) =>
  Load.run(one, { sessionCount: 1, streamCount: 1, packetBytes: 4096 })
)

/** A schedule may look at what failed. */
export const again = Effect.flatMap(target, (one) =>
  Target.reconnecting(
    one,
    { name: "s" },
    (session: Target.Session) => session.close(),
    Schedule.spaced("1 second").pipe(
      Schedule.setInputType<{ readonly message: string }>(),
      Schedule.tap(({ input }) => Console.error(input.message))
    )
  )
)

export const viewed = LiveViewer.fromUrl("net://localhost")
export const attached = Effect.flatMap(viewed, ({ viewer, session }) =>
  session === undefined ? Effect.undefined : viewer.attachAll(session)
)
export const viewerUrl = ViewerUrl.parse("net://localhost")
export const recording = CtfTrace.open("/tmp/trace")
export const replayed = Effect.flatMap(Effect.all([recording, target]), ([one, to]) => Replay.replay(one, to))

export const fieldsOf = (metadataBytes: Uint8Array, packetBytes: Uint8Array) => {
  const metadata = Ctf.Metadata.parse(metadataBytes)
  if (Result.isFailure(metadata)) throw metadata.failure
  const stream = new Ctf.DataStream.DataStream("name", new Ctf.TracePlan(metadata.success))
  if (!stream.open(Ctf.DataStream.inMemory(packetBytes))) throw new Error(stream.failure?.message)
  return stream.next() === Ctf.DataStream.event ? new Ctf.Events.Event(stream, "name").fields : undefined
}

export const routes = Admin.AdminRoutes.layer({ config, token: "secret" })
export const client = Admin.AdminClient.make({ url: "http://localhost:5345" })

export const testRelay = Testing.TestRelay.make()
export const testLayer = Testing.TestRelay.layer()
export const script = Effect.flatMap(testRelay, (one) => one.script().recording())
export const wire = Testing.Wire.connect(1)

/** Namespaces as they are: each member has to be nameable in a declaration. */
export const everything = { Root, Admin, Ctf, Protocol, Testing, Record }
