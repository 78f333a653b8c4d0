/** Rates, sizes and times as a person writes them on a command line. Pure; what is wrong is thrown, in one line. */
import { Duration } from "effect"
import { parseDuration } from "../src/cli/Values.ts"

const units: ReadonlyMap<string, number> = new Map([
  ["B/s", 8],
  ["kB/s", 8e3],
  ["MB/s", 8e6],
  ["GB/s", 8e9],
  ["bit/s", 1],
  ["kbit/s", 1e3],
  ["Mbit/s", 1e6],
  ["Gbit/s", 1e9]
])

/** Bits a second. */
const rate = (text: string): number => {
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)([A-Za-z]+\/s)$/.exec(text) ?? []
  const factor = units.get(unit)
  const bits = Number(digits) * (factor ?? 0)
  if (factor === undefined || !(bits >= 8)) throw new Error(`${text} is not a rate like 5MB/s or 20Mbit/s`)
  return bits
}

export const bitsPerSecond = (text: string): number => Math.round(rate(text))
export const bytesPerSecond = (text: string): number => Math.round(rate(text) / 8)

/** Whole milliseconds: a number alone has no unit here. */
export const milliseconds = (text: string): number => {
  if (/^\d+$/.test(text)) throw new Error(`${text} is not a duration like 500ms or 2s`)
  return Math.round(Duration.toMillis(parseDuration(text)))
}

export interface Recurring {
  readonly lastsMs: number
  readonly everyMs: number
}

/** `2s@10s`: the last two of every ten seconds. */
export const recurring = (text: string): Recurring => {
  const [lasts = "", every = "", ...rest] = text.split("@")
  if (every === "" || rest.length > 0) throw new Error(`${text} is not like 2s@10s: two of every ten seconds`)
  const found = { lastsMs: milliseconds(lasts), everyMs: milliseconds(every) }
  if (found.lastsMs < 1 || found.lastsMs >= found.everyMs) {
    throw new Error(`${text}: ${lasts} is no part of ${every}`)
  }
  return found
}

const cuts = ["reset", "half-open", "half-close"] as const

export interface Cut {
  readonly how: (typeof cuts)[number]
  readonly atMs: number
}

/** `reset@3s`: what happens to the connections, and when. */
export const cut = (text: string): Cut => {
  const [how, at = ""] = text.split("@")
  const known = cuts.find((one) => one === how)
  if (known === undefined) throw new Error(`${text} is not like reset@3s, half-open@3s or half-close@3s`)
  return { how: known, atMs: milliseconds(at) }
}

export type Extent = { readonly host: string } | { readonly every: number } | Record<string, never>

/** `all`, `host:NAME`, `every:N`: which sessions have the slow disk. */
export const extent = (text: string): Extent => {
  const [, host] = /^host:(.+)$/.exec(text) ?? []
  const [, every] = /^every:([1-9]\d*)$/.exec(text) ?? []
  if (host !== undefined) return { host }
  if (every !== undefined) return { every: Number(every) }
  if (text !== "all") throw new Error(`${text} is not like all, host:NAME or every:3`)
  return {}
}
