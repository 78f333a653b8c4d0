/** The names that certificates are made for: those of clients, and those that a relay is reached by. */
import { isIP } from "node:net"
import { Effect } from "effect"
import { Misused } from "../Misused.ts"

/** A name becomes a part of a file's name, of a subject and of a URI. */
const isPlain = (name: string) => /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)

export const isAddress = (name: string) => isIP(name) !== 0 && !name.includes("%")

/** Parts of a name are not empty. Four numbers that are no address are no name either. */
const isHost = (name: string) => isPlain(name) && !name.includes("..") && !/^[\d.]+$/.test(name)

/** All hosts of a domain: of one with two parts at least, since no client takes it for `*.lan`. */
const isDomain = (name: string) => /^\*\.[^.]+\.[^.]/.test(name) && isHost(name.slice(2))

const refusal = (name: string, kind: "a name" | "a host"): Misused => {
  const has = `${kind} has letters, digits, dots, dashes and underscores (of others, what DNS has for them: xn--…)`
  const reason = name.startsWith("*.") ? "clients take a star for the hosts of a domain of two parts, *.a.example" : has
  return new Misused(`${name === "" ? '""' : name}: ${reason}`)
}

/** Why it is no client's name; undefined: it is one. */
export const refusalOfClient = (name: string): Misused | undefined =>
  isPlain(name) ? undefined : refusal(name, "a name")

/** Why these cannot be a relay's names, of which it has one at least; undefined: they can. */
export const refusalOfHosts = (names: ReadonlyArray<string>): Misused | undefined => {
  const wrong = names.length === 0 ? "" : names.find((name) => !(isAddress(name) || isHost(name) || isDomain(name)))
  return wrong === undefined ? undefined : refusal(wrong, "a host")
}

export const accepted = (refusal: Misused | undefined): Effect.Effect<void, Misused> =>
  refusal === undefined ? Effect.void : Effect.fail(refusal)
