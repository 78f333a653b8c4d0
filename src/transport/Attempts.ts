/**
 * A TCP connection to the first of a host's addresses that answers. They are tried in the order in which they were
 * found, each a little after the one before or as soon as that has refused, and none is given up while another may
 * still answer: neither one that is dead nor one that is far away keeps the others from being reached. (The runtime's
 * own way gives all but the last 250 ms, which is less than a slow link takes, or one that lost a packet.)
 */
import type * as dns from "node:dns"
import * as net from "node:net"
import { Effect } from "effect"
import * as SystemError from "../errors/SystemError.ts"
import { clearTimeout, setTimeout } from "../Machine.ts"

export interface Place {
  readonly host: string
  readonly port: number
  readonly family?: 4 | 6 | undefined
}

export interface Options {
  /** We can go on sending after the peer has ended its side. */
  readonly isHalfOpen: boolean
  readonly lookup?: typeof dns.lookup
  /** Called at once with the socket: whoever waits for the effect may be interrupted before it has it. */
  readonly onConnected?: (socket: net.Socket) => void
}

/** Loaded only when a name is looked up: most daemons look up none. */
export const systemLookup = () => process.getBuiltinModule("node:dns").lookup

const connectTimeoutMillis = 10_000

/** Connecting takes at most this long within a continent; the next address is tried only then. */
const headStartMillis = 250

/** Connects within 10 s. Fails with the reason, or with that of each address if there are several. */
export const connect = (
  { family, host, port }: Place,
  { isHalfOpen, lookup = systemLookup(), onConnected }: Options
): Effect.Effect<net.Socket, string> =>
  Effect.callback((resume) => {
    // The runtime would throw for such a port, in a call that no code of ours is in.
    if ((port & 0xffff) !== port) return resume(Effect.fail(`${port} is no port`))
    const underWay = new Set<net.Socket>()
    const reasons: Array<readonly [address: string, reason: string]> = []
    let left: Array<dns.LookupAddress> | undefined
    let next: NodeJS.Timeout | undefined
    let isOver = false
    const end = (result: Effect.Effect<net.Socket, string>, connected?: net.Socket) => {
      isOver = true
      clearTimeout(next)
      clearTimeout(limit)
      for (const socket of underWay) if (socket !== connected) socket.destroy()
      if (connected !== undefined) onConnected?.(connected)
      resume(result)
    }
    const fail = (...more: ReadonlyArray<string>) => {
      const isOne = reasons.length === 1 && more.length === 0
      const told = reasons.map(([address, reason]) => (isOne ? reason : `${address}: ${reason}`))
      end(Effect.fail([...told, ...more].join("; ")))
    }
    const attempt = ({ address }: dns.LookupAddress) => {
      const socket = net.connect({ host: address, port, noDelay: true, allowHalfOpen: isHalfOpen })
      underWay.add(socket)
      // Stays for later errors, which "close" tells: without a listener they would end the process.
      socket.on("error", (cause) => {
        if (isOver) return
        underWay.delete(socket)
        reasons.push([address, SystemError.reasonOf(cause)])
        advance()
      })
      socket.once("connect", () => end(Effect.succeed(socket), socket))
    }
    const advance = () => {
      clearTimeout(next)
      const place = left?.shift()
      if (place !== undefined) {
        attempt(place)
        next = setTimeout(advance, headStartMillis)
      } else if (underWay.size === 0) fail(...(reasons.length === 0 ? ["it has no address"] : []))
    }
    const limit = setTimeout(
      () => fail(left === undefined ? "its address is not found in time" : "no answer"),
      connectTimeoutMillis
    )
    lookup(host, { all: true, family: family ?? 0 }, (error, found) => {
      if (isOver) return
      if (error !== null) return fail(SystemError.reasonOf(error))
      left = found
      advance()
    })
    return Effect.sync(() => end(Effect.interrupt))
  })
