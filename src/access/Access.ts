/**
 * Who may record and watch what: the file of `--access` as a value, and what it answers. Pure. What no rule allows is
 * not allowed; a peer that is nobody the file names is still met by rules for `*`.
 */
import { Schema } from "effect"
import * as Addresses from "./Addresses.ts"
import * as Glob from "./Glob.ts"

const list = <S extends Schema.Schema<unknown>>(item: S) => Schema.optionalKey(Schema.Array(item))

const Range = Schema.String.check(
  Schema.makeFilter((text: string) => Addresses.range(text) !== undefined || "an address, or a range like 10.0.0.0/8")
)
const KeyHash = Schema.String.check(
  Schema.makeFilter((text: string) => /^[0-9a-f]{64}$/i.test(text) || "the SHA-256 of a public key, 64 digits")
)

/** Somebody: whoever has any of these. */
export const Principal = Schema.Struct({
  name: Schema.NonEmptyString,
  /** Patterns for the alternative names of a certificate: `URI:lttng://target/web1`, `DNS:*.example`, `email:…`. */
  names: list(Schema.NonEmptyString),
  /** Patterns for its subject: `CN=web1`, parts joined by `, ` in its order. */
  subjects: list(Schema.NonEmptyString),
  /** SHA-256 of its public key, in hexadecimal digits. */
  keys: list(KeyHash),
  /** Where a peer without a certificate comes from. */
  addresses: list(Range)
})
/** Who a peer is, by its certificate or its address; values as the file has them. */
export interface Principal extends Schema.Schema.Type<typeof Principal> {}

/** Sessions by the names their target gives them; a name that is left out is any. */
export const Sessions = Schema.Struct({
  host: Schema.optionalKey(Schema.NonEmptyString),
  session: Schema.optionalKey(Schema.NonEmptyString)
})
/** Globs of host and session names. */
export interface Sessions extends Schema.Schema.Type<typeof Sessions> {}

/** What a principal may record and view. */
export const Rule = Schema.Struct({
  /** Names of principals; `*` is everybody, also who has none. */
  principals: Schema.Array(Schema.NonEmptyString),
  record: list(Sessions),
  view: list(Sessions)
})
/** What a principal may record and view. */
export interface Rule extends Schema.Schema.Type<typeof Rule> {}

/** The file of `--access`. */
export const AccessFile = Schema.Struct({
  $schema: Schema.optionalKey(Schema.String),
  principals: Schema.Array(Principal),
  rules: Schema.Array(Rule)
}).check(
  Schema.makeFilter(({ principals, rules }: { principals: ReadonlyArray<Principal>; rules: ReadonlyArray<Rule> }) => {
    const known = new Set(["*", ...principals.map(({ name }) => name)])
    const unknown = rules.flatMap((rule) => rule.principals).find((name) => !known.has(name))
    return unknown === undefined || `a principal of that name: ${unknown}`
  })
)
/** The whole of `--access`: principals and rules. */
export interface AccessFile extends Schema.Schema.Type<typeof AccessFile> {}

/** A peer, as far as it is known. */
export interface Identity {
  readonly address: string
  readonly certificate:
    | { readonly subject: string; readonly alternativeNames: ReadonlyArray<string>; readonly keyHash: string }
    | undefined
}

/** A session's names, as its target gave them. */
export interface Names {
  readonly hostname: string
  readonly sessionName: string
}

/** What a peer may do. */
export interface Rights {
  /** A session of these names may be created. */
  readonly mayRecord: (names: Names) => boolean
  /** A session of these names is listed, and may be attached to. */
  readonly mayView: (names: Names) => boolean
}

const isPrincipal = ({ addresses = [], keys = [], names = [], subjects = [] }: Principal, peer: Identity): boolean => {
  const { address, certificate } = peer
  if (certificate === undefined) return addresses.some((text) => Addresses.range(text)?.(address) === true)
  const subject = certificate.subject.split("\n").join(", ")
  return (
    keys.some((key) => key.toLowerCase() === certificate.keyHash) ||
    subjects.some((pattern) => Glob.matches(pattern, subject)) ||
    names.some((pattern) => certificate.alternativeNames.some((name) => Glob.matches(pattern, name)))
  )
}

const covers =
  (sessions: ReadonlyArray<Sessions>) =>
  ({ hostname, sessionName }: Names): boolean =>
    sessions.some(({ host = "*", session = "*" }) => Glob.matches(host, hostname) && Glob.matches(session, sessionName))

/** What the file allows that peer. */
export const rightsOf = ({ principals, rules }: AccessFile, peer: Identity): Rights => {
  const own = new Set(["*", ...principals.filter((one) => isPrincipal(one, peer)).map(({ name }) => name)])
  const met = rules.filter((rule) => rule.principals.some((name) => own.has(name)))
  return {
    mayRecord: covers(met.flatMap(({ record = [] }) => record)),
    mayView: covers(met.flatMap(({ view = [] }) => view))
  }
}
