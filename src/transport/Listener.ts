/**
 * Listens on one port and runs a fiber per connection. A connection's defect ends that connection; running out of
 * descriptors or connections refuses the newest; all connections are interrupted together when the scope closes.
 */
import * as net from "node:net"
import { Cause, Effect, FiberSet, Schema, type Scope } from "effect"
import type { Code } from "../errors/Catalogue.ts"
import { line, report } from "../errors/Report.ts"
import * as SystemError from "../errors/SystemError.ts"
import * as AcceptedPeer from "./AcceptedPeer.ts"
import { systemLookup } from "./Attempts.ts"
import type { Arrival } from "./Door.ts"
import * as Door from "./Door.ts"
import type { Peer } from "./Peer.ts"
import { descriptorOf } from "./ReceiveInto.ts"
import * as Refusals from "./Refusals.ts"
import { SenderThread } from "./Sender.ts"
import type { Shortage } from "./Shortage.ts"

/** A port cannot be listened on: `port` names one of the three, `code` is the system's (`EADDRINUSE`, `EACCES`). */
export class ListenFailed extends Schema.TaggedError<ListenFailed>()("ListenFailed", {
  port: Schema.String,
  code: Schema.String,
  message: Schema.String
}) {}

export interface Address {
  readonly host: string
  readonly port: number
  /** Which of a host name's addresses to take; 4 if absent. */
  readonly family?: 4 | 6 | undefined
  /** Descriptor of a socket that listens there already: it is taken over, and nothing is bound. */
  readonly descriptor?: number | undefined
}

export interface Options extends AcceptedPeer.Options {
  /** "control", "data" or "live", for logs. */
  readonly name: string
  readonly address: Address
  /** Counted over all listeners that share it. */
  readonly limit: ConnectionLimit
  /** True: a thread may send large answers. Otherwise the loop sends everything. */
  readonly hasSender?: boolean
  readonly admission?: Admission
  /** Looks at what arrives before it is served; undefined: nothing needs to be looked at. */
  readonly door?: Pick<Door.Options, "mode" | "purpose" | "entrances"> | undefined
}

/** Decides who is let in, as far as the limit allows, and hears of those who are not. */
export interface Admission {
  readonly admits: (address: string) => boolean
  readonly onRefused: Refusals.Options["onRefused"]
  /** Called with the codes of other failures, which are logged. */
  readonly onReported: (code: Code) => void
}

/** How many connections may be open, and are; `onChange` is told of each difference. */
export interface ConnectionLimit {
  countMax: number
  count: number
  readonly onChange: (difference: number) => void
  /** Whether others hold so many descriptors that there is none for one more. */
  readonly isShort?: () => boolean
  readonly shortage?: Shortage
  /** Where those wait that it counts, and that may have to make room. */
  readonly doors: Set<Door.Door>
}

/** At the limit one of so many is left to those whose handshake is not over: they may be silent for ever. */
const strangersPart = 8

/** Connections that a limit counts already. */
const counted = new WeakSet<net.Socket>()

const leave = (limit: ConnectionLimit, accepted: net.Socket): void => {
  if (!counted.delete(accepted)) return
  limit.count--
  limit.onChange(-1)
}

const isFull = ({ count, countMax, isShort }: ConnectionLimit): boolean => count >= countMax || isShort?.() === true

/** Whether there is room for one more, perhaps in place of one that is no peer yet. */
const hasRoom = (limit: ConnectionLimit): boolean => {
  if (!isFull(limit)) return true
  const doors = [...limit.doors].sort((one, other) => other.strangerCount - one.strangerCount)
  const strangerCount = doors.reduce((sum, door) => sum + door.strangerCount, 0)
  const dismissed = strangerCount > limit.countMax / strangersPart ? doors[0]?.dismiss() : undefined
  if (dismissed !== undefined) leave(limit, dismissed)
  return !isFull(limit)
}

/** Counts a connection until it is closed, unless it is counted already; false: it is one too many. */
const enter = (limit: ConnectionLimit, accepted: net.Socket): boolean => {
  if (counted.has(accepted) || accepted.closed) return true
  if (!hasRoom(limit)) return false
  counted.add(accepted)
  limit.count++
  limit.onChange(1)
  accepted.once("close", () => leave(limit, accepted))
  return true
}

/**
 * How many connections the kernel completes before they are accepted; it has a limit of its own for this. Beyond it a
 * peer tries again after a second, so a burst of targets, as when a site's power comes back, should fit.
 */
export const backlog = 4096

/** Handles connections until the scope closes; answers the address the port is bound to. */
export const listen = <R>(
  options: Options,
  handle: (peer: Peer) => Effect.Effect<void, never, R>
): Effect.Effect<net.AddressInfo, ListenFailed, R | Scope.Scope> =>
  Effect.gen(function* () {
    const connections = yield* FiberSet.make<void>()
    const run = yield* FiberSet.runtime(connections)<R>()
    const { admission, limit, name } = options
    const { refuse } = Refusals.make({ name, onRefused: (...told) => admission?.onRefused(...told), run })
    const lost = () => void run(report("WRITER_LOST", `it sent what ${name} connections are answered`))
    const thread = yield* Effect.acquireRelease(
      Effect.sync(() => (options.hasSender === true ? new SenderThread(lost) : undefined)),
      (senders) => Effect.sync(() => senders?.thread.stop())
    )
    const onReported = (code: Code) => admission?.onReported(code)
    const tooMany = (arrival: Arrival) =>
      refuse(arrival, "CONNECTION_LIMIT", `${limit.count} connections are open already`)
    const welcome = (arrival: Arrival) => {
      // A connection that came by the operator's port is not counted yet.
      if (enter(limit, arrival.accepted))
        run(supervise(AcceptedPeer.make(arrival, options, thread), name, handle, onReported))
      else tooMany(arrival)
    }
    const { door: wanted } = options
    const admits = (address: string) => admission?.admits(address) !== false
    const door = wanted === undefined ? undefined : yield* Door.open({ ...wanted, admits, welcome, refuse })
    if (door !== undefined) {
      yield* Effect.acquireRelease(
        Effect.sync(() => limit.doors.add(door)),
        () => Effect.sync(() => limit.doors.delete(door))
      )
    }
    const accept = (accepted: net.Socket) => {
      const descriptor = descriptorOf(accepted)
      const { shortage } = limit
      if (descriptor !== undefined && shortage?.begins(descriptor)) {
        onReported("DESCRIPTORS_SHORT")
        run(shortage.line("DESCRIPTORS_SHORT"))
      }
      if (!admits(accepted.remoteAddress ?? "")) return refuse({ accepted }, "HOST_REFUSED", "")
      if (!hasRoom(limit)) return tooMany({ accepted })
      enter(limit, accepted)
      if (door === undefined) welcome({ accepted })
      else door.enter(accepted)
    }
    const numeric = yield* numericOf(options)
    const server = yield* Effect.acquireRelease(bind(options, numeric, accept), (bound) =>
      Effect.sync(() => bound.close())
    )
    server.on("error", (cause) => {
      onReported("ACCEPT_FAILED")
      run(line("ACCEPT_FAILED", `${name}: ${SystemError.reasonOf(cause)}`))
    })
    return server.address() as net.AddressInfo
  })

/** Runs what serves one connection; whatever happens in it ends this connection only. */
export const supervise = <R>(
  peer: Peer,
  name: string,
  handle: (peer: Peer) => Effect.Effect<void, never, R>,
  onReported: (code: Code) => void
) =>
  handle(peer).pipe(
    Effect.catchCause((cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.void
      onReported("CONNECTION_DEFECT")
      return line("CONNECTION_DEFECT", undefined, cause)
    }),
    Effect.ensuring(Effect.sync(peer.destroy)),
    Effect.annotateLogs({ [name]: peer.name })
  )

/** Says why a port cannot be listened on: which port, where, and the system's reason in its own words. */
export const bindRefusal = (name: string, { host, port }: Pick<Address, "host" | "port">, cause: Error): string =>
  `cannot listen on ${host.includes(":") ? `[${host}]` : host}:${port} (${name}): ${SystemError.reasonOf(cause)}`

/** The port that the server listens on; undefined: it is no TCP socket. */
export const portOf = (server: net.Server): number | undefined => {
  const address = server.address()
  return address !== null && typeof address === "object" ? address.port : undefined
}

const listenFailed = ({ address, name }: Options, cause: NodeJS.ErrnoException) =>
  new ListenFailed({ port: name, code: cause.code ?? "", message: bindRefusal(name, address, cause) })

/** The host as an address. Whoever gives up a start does not wait for a name that is still looked up. */
const numericOf = (options: Options): Effect.Effect<string, ListenFailed> => {
  const { descriptor, family = 4, host } = options.address
  if (descriptor !== undefined || net.isIP(host) !== 0) return Effect.succeed(host)
  return Effect.callback((resume) => {
    // The runtime itself would take the first address of either family.
    systemLookup()(host, { family }, (cause, found) =>
      resume(cause === null ? Effect.succeed(found) : Effect.fail(listenFailed(options, cause)))
    )
  })
}

const bind = (
  options: Options,
  host: string,
  accept: (socket: net.Socket) => void
): Effect.Effect<net.Server, ListenFailed> =>
  Effect.callback((resume) => {
    const { descriptor, port } = options.address
    const server = net.createServer({ pauseOnConnect: true, noDelay: true, allowHalfOpen: true }, accept)
    const onError = (cause: NodeJS.ErrnoException) => {
      server.close()
      resume(Effect.fail(listenFailed(options, cause)))
    }
    server.once("error", onError)
    // An IPv6 wildcard serves IPv4 peers too, as the reference's does.
    const place = descriptor === undefined ? { host, port, ipv6Only: false } : { fd: descriptor }
    // The backlog as a member of `place` would not hold for a descriptor.
    server.listen(place, backlog, () => {
      server.off("error", onError)
      // A unix socket has no port.
      if (portOf(server) === undefined) return onError({ name: "Error", code: "EINVAL", message: "no TCP socket" })
      resume(Effect.succeed(server))
    })
  })
