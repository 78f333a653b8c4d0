/**
 * Who may record and view what: the file of `--access` as a value, and the rights that it gives a peer. Pure. What no
 * rule allows is not allowed; rules for `*` are also for peers that are none of the file's principals.
 */
import { Schema } from "effect"
import * as Addresses from "../protocol/Addresses.ts"
import { AddressRange } from "./AddressRange.ts"
import * as Glob from "./Glob.ts"

const list = <S extends Schema.Schema<unknown>>(item: S) => Schema.optionalKey(Schema.Array(item))

const KeyHash = Schema.String.check(
  Schema.isPattern(/^[0-9a-fA-F]{64}$/u, { expected: "the SHA-256 of a public key, 64 digits" })
)

/** A principal: a peer is it if any of these members fits. */
export const Principal = Schema.Struct({
  name: Schema.NonEmptyString,
  /** Patterns for the alternative names of a certificate: `URI:lttng://target/web1`, `DNS:*.example`, `email:…`. */
  names: list(Schema.NonEmptyString),
  /** Patterns for its subject: `CN=web1`, its parts in order, joined by `, `; in one, `\2C` is a comma, `\2B` a +. */
  subjects: list(Schema.NonEmptyString),
  /** SHA-256 of its public key, in hexadecimal digits. */
  keys: list(KeyHash),
  /** Addresses or ranges from which a peer without a certificate comes. */
  addresses: list(AddressRange)
})
/** Who a peer is, by its certificate or its address, as the file says it. */
export interface Principal extends Schema.Schema.Type<typeof Principal> {}

/** Sessions by the names their target gives them; a name that is left out is any. */
export const Sessions = Schema.Struct({
  host: Schema.optionalKey(Schema.NonEmptyString),
  session: Schema.optionalKey(Schema.NonEmptyString)
})
/** Patterns for host and session names: `*` is any text, `?` any character; absent: any name. */
export interface Sessions extends Schema.Schema.Type<typeof Sessions> {}

const bound = Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })))

/** What each principal of a rule may use, over all its connections; what is left out is not bounded. */
export const Quota = Schema.Struct({
  /** Connections open at once, over the three ports. */
  connections: bound,
  /** Sessions recorded at once. */
  sessions: bound,
  /** Bytes received per second: the peer is not read from faster. */
  bytesPerSecond: bound,
  /** Bytes on the disk of the sessions that it recorded while it had this bound, as far as they are still there. */
  bytesOnDisk: bound
})
/** Bounds of what a principal may use. */
export interface Quota extends Schema.Schema.Type<typeof Quota> {}

/** What a principal may record and view, and how much. */
export const Rule = Schema.Struct({
  /** Names of principals; `*` is everybody, also a peer that is none of the principals. */
  principals: Schema.Array(Schema.NonEmptyString),
  record: list(Sessions),
  view: list(Sessions),
  /** True: with its certificate it may use the HTTP port as with the token, for the sessions that it may view. */
  admin: Schema.optionalKey(Schema.Boolean),
  quota: Schema.optionalKey(Quota)
})
/** What a principal may record and view, and how much. */
export interface Rule extends Schema.Schema.Type<typeof Rule> {}

/** The file of `--access`. */
export const AccessFile = Schema.Struct({
  $schema: Schema.optionalKey(Schema.String),
  principals: Schema.Array(Principal),
  rules: Schema.Array(Rule)
}).check(
  Schema.makeFilter(({ principals, rules }: { principals: ReadonlyArray<Principal>; rules: ReadonlyArray<Rule> }) => {
    const known = new Set(["*", ...principals.map(({ name }) => name)])
    if (principals.some(({ name }) => name === "*")) return "no principal may be called *, which is everybody"
    const unknown = rules.flatMap((rule) => rule.principals).find((name) => !known.has(name))
    return unknown === undefined || `no principal is called ${unknown}`
  })
)
/** The whole of `--access`: principals and rules. */
export interface AccessFile extends Schema.Schema.Type<typeof AccessFile> {}

/** What is known of a peer: its address, and its certificate if it showed one. */
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

/** What one principal may use; `Infinity` where there is no bound. */
export interface Bounds extends Required<Quota> {
  /** The principal's name; for a peer that is none, made from its network or its key. */
  readonly principal: string
}

/** What a peer may do. */
export interface Rights {
  /** Whether the peer may create a session of these names. */
  readonly mayRecord: (names: Names) => boolean
  /** False: there are no names for which `mayRecord` is true. */
  readonly mayRecordAny: boolean
  /** Whether a session of these names is listed for the peer, and can be attached to. */
  readonly mayView: (names: Names) => boolean
  /** True: `mayView` hides no session. */
  readonly mayViewAll: boolean
  readonly mayAdminister: boolean
  /** The bounds of each principal that the peer is. */
  readonly bounds: ReadonlyArray<Bounds>
}

/** Characters that inside a part would look like its end or like an escape, and how they are written there. */
const hidden: Readonly<Record<string, string>> = { "\\": "\\5C", ",": "\\2C", "+": "\\2B" }

/**
 * Joins a subject's lines, one for each part, into one text. In the lines a backslash is before each character that RFC
 * 2253 gives a meaning, and before the two digits of a control character; the latter stays.
 */
const subjectOf = (lines: string): string =>
  lines
    .split("\n")
    .map((part) => part.replaceAll(/\\([^0-9A-F])|,/g, (text, mark = text) => hidden[mark] ?? mark))
    .join(", ")

/** Values by their texts. */
const grouped = <A>(pairs: ReadonlyArray<readonly [text: string, value: A]>): ReadonlyMap<string, ReadonlyArray<A>> => {
  const all = new Map<string, Array<A>>()
  for (const [text, value] of pairs) {
    const values = all.get(text)
    if (values === undefined) all.set(text, [value])
    else values.push(value)
  }
  return all
}

type Placed = readonly [text: string, place: number]

/** Whose pattern fits a text. Patterns without a wildcard are looked up: a fleet has one for each of its hosts. */
const patternsOf = (patterns: ReadonlyArray<Placed>) => {
  const isWild = ([pattern]: Placed) => /[*?]/.test(pattern)
  const exact = grouped(patterns.filter((one) => !isWild(one)))
  const wild = patterns.filter(isWild)
  return (text: string): ReadonlyArray<number> => [
    ...(exact.get(text) ?? []),
    ...wild.filter(([pattern]) => Glob.matches(pattern, text)).map(([, place]) => place)
  ]
}

/** Answers the names of the principals that a peer is, in the order of the file. */
const identified = (principals: ReadonlyArray<Principal>): ((peer: Identity) => ReadonlySet<string>) => {
  const all = (member: "names" | "subjects" | "keys" | "addresses"): ReadonlyArray<Placed> =>
    principals.flatMap(({ [member]: texts = [] }, place) => texts.map((text): Placed => [text, place]))
  const named = patternsOf(all("names"))
  const titled = patternsOf(all("subjects"))
  const keyed = grouped(all("keys").map(([key, place]): Placed => [key.toLowerCase(), place]))
  const ranges = all("addresses").map(([text, place]) => ({ place, has: Addresses.parsedRange(text) }))
  const places = ({ address, certificate }: Identity): ReadonlyArray<number> => {
    if (certificate === undefined) {
      const parsed = Addresses.parse(address)
      return ranges.filter(({ has }) => has?.(parsed) === true).map(({ place }) => place)
    }
    return [
      ...(keyed.get(certificate.keyHash) ?? []),
      ...titled(subjectOf(certificate.subject)),
      ...certificate.alternativeNames.flatMap(named)
    ]
  }
  const texts = principals.map(({ name }) => name)
  return (peer) =>
    new Set(
      places(peer)
        .toSorted((one, other) => one - other)
        .map((place) => texts[place] ?? "")
    )
}

const covers =
  (sessions: ReadonlyArray<Sessions>) =>
  ({ hostname, sessionName }: Names): boolean =>
    sessions.some(({ host = "*", session = "*" }) => Glob.matches(host, hostname) && Glob.matches(session, sessionName))

/** A principal's bounds: of each member, the smallest value of all rules for it. */
const boundsOf = (rules: ReadonlyArray<Rule>, principal: string): Bounds => {
  const least = (member: keyof Quota) =>
    rules.reduce(
      (smallest, { quota: { [member]: own = smallest } = {} }) => Math.min(smallest, own),
      Number.POSITIVE_INFINITY
    )
  return {
    principal,
    connections: least("connections"),
    sessions: least("sessions"),
    bytesPerSecond: least("bytesPerSecond"),
    bytesOnDisk: least("bytesOnDisk")
  }
}

/** The name of a peer that is none of the principals: no principal's name begins so. */
const nobody = ({ address, certificate }: Identity) =>
  certificate === undefined
    ? `\0address ${Addresses.networkOf(address)}`
    : `\0key ${certificate.keyHash || certificate.subject}`

/**
 * What the file allows a peer. The file is prepared once, since each connection asks, and after a change all of them
 * at about the same time.
 */
export const rightsOf = ({ principals, rules }: AccessFile): ((peer: Identity) => Rights) => {
  const principalsOf = identified(principals)
  const rulesOf = grouped(rules.flatMap((rule) => rule.principals.map((name) => [name, rule] as const)))
  const metBy = (names: Iterable<string>) => [...new Set([...names, "*"].flatMap((name) => rulesOf.get(name) ?? []))]
  const isAny = (pattern = "*") => /^\*+$/.test(pattern)
  return (peer) => {
    const names = principalsOf(peer)
    const met = metBy(names)
    const records = met.flatMap(({ record = [] }) => record)
    const views = met.flatMap(({ view = [] }) => view)
    return {
      mayRecord: covers(records),
      mayRecordAny: records.length > 0,
      mayView: covers(views),
      mayViewAll: views.some(({ host, session }) => isAny(host) && isAny(session)),
      mayAdminister: peer.certificate !== undefined && met.some(({ admin }) => admin === true),
      bounds: (names.size === 0 ? [nobody(peer)] : [...names]).map((name) => boundsOf(metBy([name]), name))
    }
  }
}
