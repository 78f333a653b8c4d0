/**
 * `lttng-relay edge`: answers the tracers of this host, keeps what they say on its disk, and brings it to a relay, for
 * as long as the network and the relay take. `edge status` says how it is.
 */
import { hostname } from "node:os"
import { resolve } from "node:path"
import { isDeepStrictEqual } from "node:util"
import { Console, Duration, Effect, Option, Queue, Result, Schedule } from "effect"
import { Command, Flag } from "effect/cli"
import { fileLimit } from "../../config/FileLimit.ts"
import * as Terminal from "../../config/Terminal.ts"
import * as TextFile from "../../config/TextFile.ts"
import * as Edge from "../../edge/Edge.ts"
import * as Pace from "../../edge/forwarding/Pace.ts"
import * as Packing from "../../edge/forwarding/Packing.ts"
import * as Bandwidth from "../../edge/forwarding/Schedule.ts"
import * as Report from "../../edge/Report.ts"
import * as Overflow from "../../edge/spool/Overflow.ts"
import { Counts, report } from "../../errors/Report.ts"
import * as SystemError from "../../errors/SystemError.ts"
import * as Capacity from "../../storage/Capacity.ts"
import * as DiskFiles from "../../storage/DiskFiles.ts"
import { Files } from "../../storage/Files.ts"
import * as Destination from "../../target/Destination.ts"
import * as Priority from "../../thread/Priority.ts"
import type * as Dial from "../../transport/Dial.ts"
import { tlsWanted, UrlRefused } from "../../transport/RelayUrl.ts"
import * as Diagnostics from "../Diagnostics.ts"
import * as Flags from "../Flags.ts"
import { Misused } from "../Misused.ts"
import * as Output from "../Output.ts"
import * as Paths from "../Paths.ts"
import * as Terms from "../Terms.ts"
import * as TlsFlags from "../TlsFlags.ts"
import { parseAge, parseSize } from "../Values.ts"
import * as EdgeCheck from "./EdgeCheck.ts"
import * as EdgeFlags from "./EdgeFlags.ts"
import * as EdgeLimits from "./EdgeLimits.ts"
import * as EdgeListen from "./EdgeListen.ts"
import { EdgeLog } from "./EdgeLog.ts"
import * as EdgePort from "./EdgePort.ts"
import * as EdgeSpool from "./EdgeSpool.ts"
import * as EdgeStatus from "./EdgeStatus.ts"

const relayMissing =
  "--to=tls://HOST[:PORT] or net://HOST[:CONTROL[:DATA]] says which relay, or --to-file, which file says that"

/** Sixteen of the smallest segments: in less, a session's first commands may leave no room for a packet. */
const spoolBytesMin = 1024 ** 2

const config = {
  to: Flag.String("to").pipe(
    Flag.optional,
    Flag.withDescription("The relay: net://HOST[:CONTROL[:DATA]], or the same with tls://, where one port is for both")
  ),
  listen: Flag.String("listen").pipe(
    Flag.withDefault(EdgeListen.listenDefault),
    Flag.withDescription(`HOST or HOST:CONTROL,DATA for tracers (default: ${EdgeListen.listenDefault})`)
  ),
  toFile: Paths.fileFlag("to-file").pipe(
    Flag.optional,
    Flag.withDescription("File with that URL instead; SIGHUP reads it again, and sessions go on where it says")
  ),
  spool: EdgeFlags.spool,
  spoolLimit: Flags.size("spool-limit").pipe(
    Flag.filter(
      (byteCount) => byteCount >= spoolBytesMin,
      () => "must be at least 1M, to have room for packets"
    ),
    Flag.withDefault(10 * 1024 ** 3),
    Flag.withDescription("Bytes of it, 1M or more; when full, tracers are held back (default: 10G)")
  ),
  spoolAge: Flag.String("spool-age").pipe(
    Flag.mapTryCatch(parseAge, SystemError.messageOf),
    Flag.optional,
    Flag.withDescription("Packets that have waited for longer, as 12h or 7d, are dropped (default: none are)")
  ),
  overflow: Flag.String("overflow").pipe(
    Flag.withDefault("hold"),
    Flag.mapTryCatch(Overflow.parse, SystemError.messageOf),
    Flag.withDescription(
      "When the spool is full: hold tracers, drop the oldest packets, or stop the session; by sessions: 'drop:HOST/debug*,hold' (default: hold)"
    )
  ),
  sync: Flag.Literals("sync", ["none", "always"]).pipe(
    Flag.withDefault("none" as const),
    Flag.withDescription(
      "always: tracers are answered when what they said outlives the machine's power (default: none)"
    )
  ),
  bandwidth: Flag.String("bandwidth").pipe(
    Flag.mapTryCatch((text) => Bandwidth.parse(text, parseSize), SystemError.messageOf),
    Flag.optional,
    Flag.withDescription(
      "Bytes a second towards the relay, as 250k, or by hours, as 'mon-fri 8-18=250k,22-6=none,2M' (default: no limit)"
    )
  ),
  compress: Flag.Literals("compress", Packing.modes).pipe(
    Flag.withDefault("auto" as const),
    Flag.withDescription(
      "Pack what goes to the relay, if it is one of ours; auto: where that is quicker than the link, or bandwidth is limited (default: auto)"
    )
  ),
  name: EdgeFlags.edgeName,
  priorityBoost: EdgeFlags.priorityBoost,
  check: Flags.toggle("check", "Say what would be wrong with a start, and do not start"),
  ...EdgeFlags.copies,
  ...EdgePort.flags,
  ...TlsFlags.flags
}

type Input = Flags.Given<typeof config>

const addressesOf = (url: string, input: Input) =>
  Effect.gen(function* () {
    const destination = yield* Effect.fromResult(Destination.parse(url))
    const { basePath, controlPort, dataPort, family, host } = destination
    const given = yield* TlsFlags.identityOf(input)
    const { control } = yield* Effect.fromResult(EdgeListen.placesOf(input.listen))
    const refuse = (reason: string) => new UrlRefused({ url, reason })
    if (EdgeListen.leadsBack({ host, port: controlPort }, control)) {
      return yield* refuse("there this edge itself listens: --listen, or the relay's port, has to be another")
    }
    if (basePath !== "") return yield* refuse("an edge carries all sessions: no path")
    if (destination.tls === undefined && given !== undefined) return yield* refuse(tlsWanted)
    const tls = destination.tls === undefined ? undefined : (given ?? {})
    const address = (port: number) => ({ host, port, family, tls })
    return { control: address(controlPort), data: address(dataPort) }
  })

const urlOf = ({ to, toFile }: Input) => {
  if (Option.isSome(to) === Option.isSome(toFile)) return Effect.fail(new Misused(relayMissing))
  if (Option.isSome(to)) return Effect.succeed(to.value)
  const path = Option.getOrElse(toFile, () => "")
  return Paths.attempt("to-file", path, () => {
    const url = TextFile.textOf(path).trim()
    if (url === "") throw new Error("it is empty")
    const parsed = Destination.parse(url)
    if (Result.isFailure(parsed)) throw new Error(parsed.failure.message)
    return url
  })
}

/** SIGHUP ends an edge only where it says that the edge's terminal is closed; several at once are one. */
const hangups = Effect.gen(function* () {
  const heard = yield* Queue.sliding<void>(1)
  const endsWithTerminal = Terminal.isUsed() && Terminal.isThere()
  const hear = () => {
    if (endsWithTerminal && !Terminal.isThere()) process.kill(process.pid, "SIGTERM")
    else Queue.offerUnsafe(heard, undefined)
  }
  process.on("SIGHUP", hear)
  yield* Effect.addFinalizer(() => Effect.sync(() => process.removeListener("SIGHUP", hear)))
  return heard
})

/** Reads again, at each SIGHUP, where the relay is and what is shown to it. `onMove` is called before sessions move. */
const follow = ({ route }: Edge.Edge, input: Input, onMove: (url: string) => void) =>
  Effect.gen(function* () {
    const heard = yield* hangups
    const moved = Effect.gen(function* () {
      yield* Queue.take(heard)
      const url = yield* urlOf(input)
      const to = yield* addressesOf(url, input)
      if (isDeepStrictEqual(to, route.to)) return yield* Console.log(`goes on leading to ${url}`)
      onMove(url)
      route.redirect(to)
      yield* Console.log(`leads to ${url}`)
    })
    const lenient = Effect.catch(moved, (cause) => report("REDIRECT_REFUSED", cause.message))
    yield* Effect.forkScoped(Effect.forever(lenient))
  })

/** How old what `edge status` shows may be. */
const statusInterval = "1 second"

const check = (input: Input, to: Dial.Address, { control, data }: { control: Dial.Address; data: Dial.Address }) =>
  Effect.gen(function* () {
    const http = yield* EdgePort.portOf(input)
    const copy = yield* EdgeFlags.copyOf(input)
    yield* EdgeCheck.check({
      to,
      spool: resolve(input.spool),
      spoolLimit: input.spoolLimit,
      copy: copy?.directory,
      ports: [
        { name: "control", ...control },
        { name: "data", ...data },
        ...(copy === undefined ? [] : [{ name: "live", ...copy.live }]),
        ...(http?._tag === "Tcp" ? [{ name: "http", ...http }] : [])
      ]
    })
  })

/** Compiles the code that packets will run through. The relay does so, too, as it has heard that an edge is near. */
const warmUp = ({ spool }: Edge.Edge) =>
  Effect.gen(function* () {
    if (process.env.LTTNG_RELAY_WARM_UP === "0") return
    const { rehearse } = yield* Effect.promise(() => import("../../edge/Rehearsal.ts"))
    // Once tracers send they need the processor, and do what a rehearsal would do.
    const isLate = Effect.sync(() => spool.heardByteCount > 0)
    yield* rehearse(isLate, spool.memory)
  })

const run = (input: Input, log = new EdgeLog()) =>
  Effect.gen(function* () {
    // Flags cannot demand a relay: the subcommand, which has none, has the flags of this command, too.
    let url = yield* urlOf(input)
    const to = yield* addressesOf(url, input)
    const places = yield* Effect.fromResult(EdgeListen.placesOf(input.listen))
    const directory = resolve(input.spool)
    const copied = yield* EdgeFlags.copyOf(input)
    yield* EdgePort.portOf(input)
    if (input.check) return yield* check(input, to.control, places)
    yield* EdgeLimits.suffice
    const { copy, ...listened } = yield* Effect.fromResult(EdgeListen.activated({ ...places, copy: copied }))
    yield* EdgeSpool.claim(directory)
    yield* EdgeSpool.fits(directory)
    const files = yield* Files
    const edge = yield* Edge.make({
      to,
      ...listened,
      directory,
      bytesMax: input.spoolLimit,
      descriptorCount: fileLimit(),
      isSynced: input.sync === "always",
      policyOf: Overflow.policyOf(input.overflow),
      ageMillisMax: Option.getOrUndefined(Option.map(input.spoolAge, Duration.toMillis)),
      pace: Option.match(input.bandwidth, { onNone: () => Pace.unlimited, onSome: Pace.scheduled }),
      compression: input.compress,
      copy,
      capacity: Capacity.of(directory),
      name: Option.getOrElse(input.name, hostname)
    })
    yield* EdgePort.serve(edge, { given: input, log, relay: () => url, spool: directory })
    const { control, data } = edge.relay.addresses
    yield* Console.log(`${control.host}:${control.port} and ${data.port} lead to ${url}, by ${directory}`)
    yield* Effect.forkScoped(Terms.watch(() => edge.route.to.control.tls))
    const goFirst = Effect.sync(() => Priority.make(input.priorityBoost).raise())
    yield* Effect.forkScoped(Effect.andThen(warmUp(edge), goFirst))
    const moved = (now: string) => {
      url = now
    }
    yield* follow(edge, input, moved)
    const status = Report.writing(files, directory, () => Report.of(edge, url))
    yield* Effect.repeat(status, Schedule.spaced(statusInterval))
    return yield* Effect.never
  }).pipe(Effect.provide(log.layer), Effect.provideService(Counts, new Map()))

export const command = Command.make("edge", config, (input) =>
  Output.reported(Effect.scoped(input.check ? run(input) : Diagnostics.service(run(input)))).pipe(
    Effect.provide(DiskFiles.layer)
  )
).pipe(
  Command.withDescription(
    "Record on this host what its tracers send, and bring it to a relay whatever the network does"
  ),
  Command.withExamples([
    {
      command: "lttng-relay edge --to=tls://relay.example:5342 --spool=/var/spool/lttng-edge --spool-limit=10G",
      description: "Then: lttng create demo --live --set-url=net://localhost"
    },
    { command: "lttng-relay edge status", description: "Spool, sessions, link" }
  ]),
  Command.withSubcommands([EdgeStatus.command])
)
