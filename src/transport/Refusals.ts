/** Refuses connections: closes each, tells the port's owner, and logs at most one a second for each reason. */
import type { Effect } from "effect"
import type { Code } from "../errors/Catalogue.ts"
import { line } from "../errors/Report.ts"
import { clockMillis } from "../Machine.ts"
import { type Arrival, nameOf } from "./Door.ts"

export type Refusal = "too many connections" | "host refused" | "no TLS" | "TLS failed" | "no proxy header"

const refusals = {
  CONNECTION_LIMIT: "too many connections",
  HOST_REFUSED: "host refused",
  TLS_REQUIRED: "no TLS",
  TLS_FAILED: "TLS failed",
  PROXY_REFUSED: "no proxy header"
} as const satisfies Partial<Record<Code, Refusal>>

export type RefusalCode = keyof typeof refusals

export interface Options {
  /** The port's name, for logs. */
  readonly name: string
  readonly onRefused: (peer: string, reason: Refusal, code: RefusalCode) => void
  readonly run: (line: Effect.Effect<void>) => void
}

/** Refusals are reported once per this interval: a flood of connections must not become a flood of log lines. */
const logMillis = 1000

export const make = ({ name, onRefused, run }: Options) => {
  const saidAt = new Map<Code, number>()
  const say = (peer: string, code: RefusalCode, detail: string): void => {
    const now = clockMillis()
    if (now - (saidAt.get(code) ?? Number.NEGATIVE_INFINITY) < logMillis) return
    saidAt.set(code, now)
    run(line(code, `${name}: ${detail === "" ? peer : `${peer}: ${detail}`}`))
  }
  const refuse = (arrival: Arrival, code: RefusalCode, detail: string): void => {
    const peer = nameOf(arrival)
    onRefused(peer, refusals[code], code)
    // The TLS socket first: it lies on top of the accepted one.
    arrival.secured?.socket.destroy()
    arrival.accepted.destroy()
    say(peer, code, detail)
  }
  return { refuse, say }
}
