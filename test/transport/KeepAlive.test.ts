/** Keep-alive: what is given, what the system has for the rest, and what the socket is told. */
import type * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as KeepAlive from "../../src/transport/KeepAlive.ts"

const system: Record<string, string> = {
  tcp_keepalive_time: "600\n",
  tcp_keepalive_intvl: "60\n",
  tcp_keepalive_probes: "6\n"
}
const read = (name: string) => system[name] as string
const unreadable = (): string => {
  throw new Error("no /proc")
}

describe("keep-alive", () => {
  it.each([
    ["nothing", {}, [600, 60, 6]],
    ["idle time", { idleSeconds: 30 }, [30, 60, 6]],
    ["interval", { probeIntervalSeconds: 5, idleSeconds: undefined }, [600, 5, 6]],
    ["count", { maxProbeCount: 2 }, [600, 60, 2]]
  ] as const)("given %s leaves the system its defaults", (_, given, expected) => {
    const { idleSeconds, maxProbeCount, probeIntervalSeconds } = KeepAlive.complete(given, read)
    assert.deepStrictEqual([idleSeconds, probeIntervalSeconds, maxProbeCount], [...expected])
  })

  it("is the usual where the system does not say, or says nonsense", () => {
    const usual = { idleSeconds: 7200, probeIntervalSeconds: 75, maxProbeCount: 9 }
    assert.deepStrictEqual(KeepAlive.complete({}, unreadable), usual)
    assert.deepStrictEqual(
      KeepAlive.complete({}, () => "many"),
      usual
    )
  })

  it("is told to the socket in milliseconds", () => {
    const told: Array<unknown> = []
    const socket = { setKeepAlive: (...values: ReadonlyArray<unknown>) => void told.push(...values) }
    const keepAlive = { idleSeconds: 30, probeIntervalSeconds: 5, maxProbeCount: 3 }
    KeepAlive.apply(socket as unknown as net.Socket, keepAlive)
    assert.deepStrictEqual(told, [true, 30_000, 5000, 3])
  })
})
