/**
 * `lttng-relay tunnel`: a relay's ports on this host's loopback, for tracers and viewers that know no TLS. Plain bytes:
 * it understands nothing of what it carries.
 */
import { Console, type Context, Effect, Result, type Scope } from "effect"
import { Command, Flag } from "effect/cli"
import * as Activation from "../../config/Activation.ts"
import { minorOf } from "../../edge/forwarding/Greeting.ts"
import { clockMillis, wallMillis } from "../../Machine.ts"
import * as Dial from "../../transport/Dial.ts"
import { split, UrlRefused } from "../../transport/RelayUrl.ts"
import * as Tunnels from "../../transport/Tunnel.ts"
import { type ClientIdentity, type Role, roles } from "../../transport/tls/Tls.ts"
import * as LiveViewer from "../../viewer/LiveViewer.ts"
import { asked } from "../Asked.ts"
import * as Diagnostics from "../Diagnostics.ts"
import * as Flags from "../Flags.ts"
import { Misused } from "../Misused.ts"
import * as Output from "../Output.ts"
import * as Terms from "../Terms.ts"
import * as TlsFlags from "../TlsFlags.ts"
import * as TlsRenewal from "../TlsRenewal.ts"
import * as Background from "./Background.ts"

const portDefault = 5342
const listenDefault = "127.0.0.1:5342,5343,5344"

const config = {
  to: Flag.String("to").pipe(
    Flag.withDescription("tls://HOST[:PORT] of a relay, or tls://HOST:CONTROL:DATA:LIVE where each has its own port")
  ),
  listen: Flag.String("listen").pipe(
    Flag.withDefault(listenDefault),
    Flag.withDescription(`HOST or HOST:CONTROL,DATA,LIVE; an empty port is left out (default: ${listenDefault})`)
  ),
  check: Flags.toggle("check", "Only see whether the relay takes us: status 0 if it does"),
  background: Flags.toggle("background", "Return once it listens, and go on"),
  ...TlsFlags.flags
}

type Input = Flags.Given<typeof config>

/** Where each part is dialled. One port of our relay is enough, as parts are named; others may need one for each. */
const addressesOf = (url: string, identity: () => ClientIdentity | undefined) =>
  Result.flatMap(split(url), ({ family, host, path, ports, scheme }) => {
    const refuse = (reason: string) => Result.fail(new UrlRefused({ url, reason }))
    if (scheme !== "tls") return refuse("a tunnel leads to tls://HOST[:PORT]")
    if (path !== "") return refuse("a tunnel carries all sessions: no path")
    if (ports.length > roles.length) return refuse("more than three ports")
    const first = ports[0] ?? portDefault
    const address = (index: number) => (): Dial.Address => ({
      host,
      family,
      port: ports[index] ?? first,
      tls: identity() ?? {}
    })
    return Result.succeed(roles.map((role, index) => ({ role, address: address(index) })))
  })

const placesOf = (text: string): Result.Result<ReadonlyMap<Role, { host: string; port: number }>, Misused> => {
  const [, host = "", list = "5342,5343,5344"] = /^(\[[^\]]+\]|[^:]+)(?::([\d,]*))?$/.exec(text) ?? []
  const ports = list.split(",")
  const isPort = (port: string) => Number(port) <= 65_535
  const isNone = ports.every((port) => port === "")
  if (host === "" || ports.length !== roles.length || isNone || !ports.every(isPort)) {
    const expected = "expected HOST or HOST:CONTROL,DATA,LIVE, where an empty port is not listened on"
    return Result.fail(new Misused(`--listen=${text}: ${expected}`))
  }
  const plain = host.replace(/^\[|\]$/g, "")
  const places = roles.flatMap((role, index) =>
    ports[index] === "" ? [] : [[role, { host: plain, port: Number(ports[index]) }] as const]
  )
  return Result.succeed(new Map(places))
}

/** Nothing answers on a data port: if it does not refuse us within this time, it takes us. */
const silenceMillis = 1000

const questions: Readonly<Record<Role, (link: Dial.Link) => Effect.Effect<unknown, Error, Scope.Scope>>> = {
  // A relay of any version will do: what the tunnel carries is others' affair.
  control: minorOf,
  data: () => Effect.sleep(silenceMillis),
  live: LiveViewer.over
}

const check = ({ address, role }: { readonly role: Role; readonly address: () => Dial.Address }) =>
  asked(address(), role, questions[role])

const complaintMillis = 1000

/** One line a second: a relay that is gone is tried by every connection. */
const makeComplaint = (context: Context.Context<never>) => {
  let saidAt = Number.NEGATIVE_INFINITY
  return (role: Role) => (error: Error) => {
    if (clockMillis() - saidAt < complaintMillis) return
    saidAt = clockMillis()
    Effect.runForkWith(context)(Console.error(`${new Date(wallMillis()).toISOString()} ${role}: ${error.message}`))
  }
}

/** For each part the socket that a service manager has bound, if it has bound any, or where to listen. */
const listenersOf = Effect.fnUntraced(function* (text: string) {
  const bound = yield* Effect.fromResult(Activation.take(process.env, process.pid, roles))
  const places: ReadonlyMap<Role, Tunnels.Options["listen"]> =
    bound.size === 0
      ? yield* Effect.fromResult(placesOf(text))
      : new Map([...bound].map(([role, fd]) => [role, { fd }] as const))
  return places
})

const run = Effect.fnUntraced(function* (input: Input) {
  const identity = TlsRenewal.following(input, yield* TlsFlags.identityOf(input))
  const addresses = yield* Effect.fromResult(addressesOf(input.to, identity))
  const places = yield* listenersOf(input.listen)
  if (input.check) {
    for (const line of Terms.complaintsOf(identity())) yield* Console.error(`Warning: ${line}`)
    const wanted = addresses.filter(({ role }) => places.has(role))
    const ask = (some: typeof wanted) => Effect.forEach(some, check, { concurrency: roles.length })
    yield* ask(wanted.filter(({ role }) => role !== "data"))
    // Asked last: a busy relay, too, has had the time to refuse us by now.
    yield* ask(wanted.filter(({ role }) => role === "data"))
    return yield* Console.log(`${input.to} takes us: ${wanted.map(({ role }) => role).join(", ")}`)
  }
  yield* Effect.forkScoped(Terms.watch(identity))
  const complain = makeComplaint(yield* Effect.context<never>())
  for (const { role, address } of addresses) {
    const listen = places.get(role)
    if (listen === undefined) continue
    const port = yield* Tunnels.listen({ role, listen, to: address, onFailed: complain(role) })
    const at = "fd" in listen ? `socket:${port}` : Dial.nameOf({ ...listen, port })
    yield* Console.log(`${at} leads to ${role} of ${input.to}`)
  }
  yield* Background.announce
  return yield* Effect.never
})

export const command = Command.make("tunnel", config, (input) =>
  Output.reported(
    Effect.gen(function* () {
      if (input.check) return yield* Effect.scoped(run(input))
      if (!input.background) return yield* Effect.scoped(Diagnostics.service(run(input)))
      const bound = yield* Effect.fromResult(Activation.take(process.env, process.pid, roles))
      // The sockets belong to this process, and would not go on with the other.
      if (bound.size > 0) return yield* Effect.fail(new Misused("--background: the service manager's sockets are here"))
      const pid = yield* Background.start("--background")
      yield* Console.log(`process ${pid} goes on`)
    })
  )
).pipe(
  Command.withDescription("Carry plain connections of this host to a relay over TLS: for lttng and babeltrace2"),
  Command.withExamples([
    {
      command:
        "lttng-relay tunnel --to=tls://relay.example:5342 --tls-ca=ca.pem --tls-cert=web1.pem --tls-key=web1.key",
      description: "Then: lttng create demo --set-url=net://localhost"
    },
    { command: "lttng-relay tunnel --to=tls://relay.example --listen=127.0.0.1:,,5344", description: "For viewers" }
  ])
)
