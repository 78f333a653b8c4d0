/**
 * How connections come to the operator's port, which the program around the relay serves: through a port of its own, or
 * through any port of the relay, where they name their protocol; behind a proxy or not, with TLS or without. And what
 * the access rules allow them.
 */
import { Effect, type Scope } from "effect"
import type { Code } from "../errors/Catalogue.ts"
import type { Permissions } from "../relay/party/Party.ts"
import type { Viewpoint } from "../relay/party/Viewpoint.ts"
import type { Service } from "../relay/Registry.ts"
import * as Door from "../transport/Door.ts"
import * as Refusals from "../transport/Refusals.ts"
import type { Mode } from "../transport/tls/Tls.ts"

/** A connection that is ready for HTTP. */
export interface Visitor {
  readonly socket: Door.Accepted
  /** It came to the program's own port, not by a balancer, which connects for others and may not know for whom. */
  readonly isDirect: boolean
  /** What the rules allow it, as they are at the call; undefined: its certificate gives it no right to the port. */
  readonly viewpoint: () => Viewpoint | undefined
}

export interface Options {
  readonly mode: Mode
  readonly entrances: Door.Entrances
  readonly admits: (address: string) => boolean
  readonly onRefused: Refusals.Options["onRefused"]
  /** Called with what is logged although nobody is refused. */
  readonly onReported: (code: Code) => void
  readonly serve: (visitor: Visitor) => void
}

const viewpointOf = (permissions: Permissions, arrival: Door.Arrival) => {
  const certificate = Door.certificateOf(arrival)
  const address = Door.addressOf(arrival)
  let rules: Permissions["rightsOf"]
  let viewpoint: Viewpoint | undefined
  return (): Viewpoint | undefined => {
    if (certificate === undefined || rules === permissions.rightsOf) return viewpoint
    rules = permissions.rightsOf
    const rights = rules?.({ address, certificate })
    viewpoint = rights?.mayAdminister === true ? rights : undefined
    return viewpoint
  }
}

/** Answers what takes connections of the program's own port. Those of the relay's ports need not be given to it. */
export const open = (
  { background, permissions }: Service,
  { admits, entrances, mode, onRefused, onReported, serve }: Options
): Effect.Effect<(accepted: Door.Accepted) => void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const own = new WeakSet<Door.Accepted>()
    const { refuse, say } = Refusals.make({ name: "http", onRefused, run: background })
    const welcome = (arrival: Door.Arrival) => {
      const { accepted, first, secured, told } = arrival
      if (secured?.refused !== undefined) {
        onReported("TLS_FAILED")
        say(Door.nameOf(arrival), "TLS_FAILED", `${secured.refused}; it goes on without one`)
      }
      if (first !== undefined) accepted.unshift(first)
      serve({
        socket: secured?.socket ?? accepted,
        isDirect: own.has(accepted) && told?.isOwn !== false,
        viewpoint: viewpointOf(permissions, arrival)
      })
      // The door has paused a socket that it looked at, and listeners alone do not resume it.
      if (secured === undefined) accepted.resume()
    }
    const door = yield* Door.open({ mode, purpose: "http", entrances, welcome, admits, refuse })
    return (accepted) => {
      own.add(accepted)
      if (admits(accepted.remoteAddress ?? "")) door.enter(accepted)
      else refuse({ accepted }, "HOST_REFUSED", "")
    }
  })
