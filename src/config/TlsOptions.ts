/** The options for TLS while they are collected, and what they result in. Pure. */
import type { TlsFiles } from "./DaemonOptions.ts"

const ports = ["control", "data", "live"] as const
type Port = (typeof ports)[number]
type Mode = TlsFiles[Port]
type Modes = Pick<TlsFiles, Port | "http">

export interface TlsDraft {
  modes?: Modes
  certificate?: string
  key?: string
  clientCa?: string
  crl?: string
  minVersion?: "TLSv1.2" | "TLSv1.3"
}

const isMode = (text: string): text is Mode => text === "off" || text === "allow" || text === "require"

/**
 * Parses `MODE`, `PORT=MODE,…`, or both in that order. One of LTTng's ports that is not named has the first mode, or
 * `off` without one; `http` stays absent, which means `allow`.
 */
export const modes = (text: string): Modes | undefined => {
  const [first = "", ...others] = text.split(",")
  const rest = isMode(first) ? first : "off"
  const found: Record<Port, Mode> & { http?: Mode } = { control: rest, data: rest, live: rest }
  const named = new Set<string>()
  for (const part of isMode(first) ? others : [first, ...others]) {
    const [port, mode = "", ...more] = part.split("=")
    const known = ([...ports, "http"] as const).find((name) => name === port)
    // Twice, one of the two is not what is meant, and that may be the one that lets in fewer.
    if (known === undefined || !isMode(mode) || more.length > 0 || named.has(known)) return undefined
    named.add(known)
    found[known] = mode
  }
  return found
}

export const minVersion = (text: string): "TLSv1.2" | "TLSv1.3" | undefined =>
  text === "1.2" || text === "1.3" ? `TLSv${text}` : undefined

/** An option that has no effect without TLS: ignoring it would let in those whom it is to keep out. */
const idle = ({ clientCa, crl, key, minVersion }: TlsDraft): string | undefined =>
  Object.entries({ "tls-client-ca": clientCa, "tls-crl": crl, "tls-key": key, "tls-min-version": minVersion }).find(
    ([, value]) => value !== undefined
  )?.[0]

/** The files and modes; undefined: no TLS; a text says what is missing. */
export const finish = (draft: TlsDraft): TlsFiles | undefined | string => {
  const { certificate, clientCa, crl, minVersion } = draft
  const asking = draft.modes === undefined && certificate === undefined ? idle(draft) : undefined
  if (asking !== undefined) return `--${asking} needs --tls-cert`
  const standard = certificate === undefined ? "off" : "require"
  const modes = draft.modes ?? { control: standard, data: standard, live: standard }
  if (ports.every((port) => modes[port] === "off") && (modes.http ?? "off") === "off") return undefined
  if (certificate === undefined) return "--tls needs --tls-cert"
  if (crl !== undefined && clientCa === undefined) return "--tls-crl needs --tls-client-ca"
  return { ...modes, certificate, key: draft.key ?? certificate, clientCa, crl, minVersion }
}
