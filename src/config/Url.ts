/**
 * Listener URLs: `tcp://HOST[:PORT][/ignored]`, with the reference's other schemes and messages.
 *
 * Pure: names are resolved by the caller. `tcp://[::1]` is taken as IPv6, which the reference refuses.
 */
import { isIP } from "node:net"

export interface ListenUrl {
  readonly host: string
  /** 0 if absent or empty, and if it is written as 0 (`isZero`), by which the system is asked to choose one. */
  readonly port: number
  readonly isZero: boolean
  readonly family: 4 | 6
}

export type ParsedUrl =
  | { readonly _tag: "Url"; readonly url: ListenUrl }
  | { readonly _tag: "Refused"; readonly message: string }

const schemes: ReadonlyMap<string, { readonly family?: 4 | 6; readonly ports: 1 | 2 }> = new Map([
  ["tcp", { ports: 1 }],
  ["tcp4", { family: 4, ports: 1 }],
  ["tcp6", { family: 6, ports: 1 }],
  ["net", { ports: 2 }],
  ["net4", { family: 4, ports: 2 }],
  ["net6", { family: 6, ports: 2 }]
])

/** The address family of a numeric host, 4 or 6; 0: it is a name. */
export const literalFamily = (host: string): number => isIP(host)

const refused = (message: string): ParsedUrl => ({ _tag: "Refused", message })

/** Splits the host from what follows it; a text says why that cannot be. */
const splitHost = (text: string): { readonly host: string; readonly rest: string } | string => {
  if (!text.startsWith("[")) {
    const end = text.search(/[:/]/)
    return end < 0 ? { host: text, rest: "" } : { host: text.slice(0, end), rest: text.slice(end) }
  }
  const end = text.indexOf("]", 2)
  if (end < 0) return `Broken IPv6 address ${text.slice(1)}`
  const rest = text.slice(end + 1)
  if (rest !== "" && !/^[:/]/.test(rest)) return `Unknown symbol after IPv6 address: ${rest}`
  return { host: text.slice(1, end), rest }
}

const longMax = 2n ** 63n - 1n

/** C's `atoi`: leading digits with a sign, otherwise 0; read as a long, of which the lower 32 bits count. */
const atoi = (text: string): number => {
  const [, sign, digits = "0"] = /^\s*([+-]?)([0-9]+)/.exec(text) ?? []
  const read = BigInt(digits)
  const magnitude = read > longMax ? longMax : read
  return Number(BigInt.asIntN(32, sign === "-" ? -magnitude : magnitude))
}

export const parse = (text: string): ParsedUrl => {
  const [, schemeText = "", location = ""] = /^([^:]*):\/\/(.*)$/s.exec(text) ?? []
  if (schemeText.toLowerCase() === "file") {
    return refused(location.startsWith("/") ? `Not an address to listen on ${text}` : "Missing destination full path.")
  }
  const scheme = schemes.get(schemeText.toLowerCase())
  if (scheme === undefined) return refused(`URI parse unknown protocol ${text}`)
  const split = splitHost(location)
  if (typeof split === "string") return refused(split)
  if (split.host === "") return refused("No address or hostname detected.")
  const [, ...ports] = (split.rest.split("/", 1)[0] ?? "").split(":")
  for (const port of ports.slice(0, scheme.ports)) {
    const number = atoi(port)
    const isText = number === 0 && port !== "" && !/^0+$/.test(port)
    if (number < 0 || number > 65535 || isText) return refused(`Invalid port number ${number}`)
  }
  if (ports.length > scheme.ports) {
    return refused(
      `Trailing characters not recognized: :${split.rest
        .split(":")
        .slice(1 + scheme.ports)
        .join(":")}`
    )
  }
  const family = scheme.family ?? (literalFamily(split.host) === 6 ? 6 : 4)
  const [port = ""] = ports
  return {
    _tag: "Url",
    url: { host: split.host, port: atoi(port), isZero: ports.some((text) => /^0+$/.test(text)), family }
  }
}
