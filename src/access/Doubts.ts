/** Finds what cannot be meant in access rules: rules for nobody, patterns that match nothing. Pure. */
import type { AccessFile, Principal, Rule } from "./Access.ts"

/** What a certificate's alternative names begin with; a pattern may have only a part of it. */
const kinds = ["URI:", "DNS:", "email:", "IP Address:", "DirName:", "Registered ID:", "othername:"]

/** The pattern up to its first wildcard. */
const beginOf = (pattern: string): string => /^[^*?]*/.exec(pattern)?.[0] ?? ""

const mayBegin = (pattern: string, wanted: string): boolean => {
  const begin = beginOf(pattern)
  return begin.startsWith(wanted) || (begin !== pattern && wanted.startsWith(begin))
}

const doubtsOf = ({ addresses = [], keys = [], name, names = [], subjects = [] }: Principal): ReadonlyArray<string> => [
  ...(addresses.length + keys.length + names.length + subjects.length === 0 ? [`nobody can be ${name}`] : []),
  ...names
    .filter((pattern) => !kinds.some((kind) => mayBegin(pattern, kind)))
    .map((pattern) => `no certificate has such a name: ${pattern} of ${name}; they begin with URI:, DNS: or email:`),
  ...subjects
    .filter((pattern) => !/^[A-Za-z0-9.]*=|[*?]/.test(pattern))
    .map((pattern) => `no certificate has such a subject: ${pattern} of ${name}; they begin with CN= or the like`),
  ...subjects
    .filter((pattern) => /,(?![ *?])/.test(pattern))
    .map(
      (pattern) =>
        `no certificate has such a subject: ${pattern} of ${name}; behind a comma is a space, in a name it is \\2C`
    )
]

/** Names that are there more than once, each once. */
const repeated = (names: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...new Set(names.filter((name, index) => names.indexOf(name) !== index))
]

/** Brackets that have a meaning in other programs' patterns, but not in ours. */
const foreign = /\[.+\]|\{.+,.+\}/

const doubtsOfRule = ({ admin, principals, quota, record = [], view = [] }: Rule, index: number) => [
  ...(principals.length === 0 ? [`rule ${index + 1} is for nobody`] : []),
  ...(record.length + view.length === 0 && admin !== true && quota === undefined
    ? [`rule ${index + 1} allows nothing`]
    : []),
  ...[...record, ...view]
    .flatMap(({ host, session }) => [host, session])
    .flatMap((pattern = "") => [
      ...(pattern.includes("/") ? [`no host or session has a / in its name: ${pattern} of rule ${index + 1}`] : []),
      ...(foreign.test(pattern)
        ? [`brackets stand for themselves, patterns have * and ? only: ${pattern} of rule ${index + 1}`]
        : [])
    ])
]

const allows = ({ admin, principals, record = [], view = [] }: Rule): boolean =>
  principals.length > 0 && (admin === true || record.length + view.length > 0)

/** Whether the principal is known by addresses only: no rule makes a peer without a certificate an operator. */
const isPlain = ({ keys = [], names = [], subjects = [] }: Principal) =>
  keys.length + names.length + subjects.length === 0

/** What is doubtful in the file: a text for each, for the operator. */
export const of = ({ principals, rules }: AccessFile): ReadonlyArray<string> => {
  const met = new Set(rules.flatMap((rule) => rule.principals))
  return [
    ...principals.flatMap(doubtsOf),
    ...principals.filter(({ name }) => !met.has(name)).map(({ name }) => `no rule is for ${name}`),
    ...repeated(principals.map(({ name }) => name)).map((name) => `who is any of those called ${name} is all of them`),
    ...principals
      .filter(
        (one) => isPlain(one) && rules.some(({ admin, principals: of }) => admin === true && of.includes(one.name))
      )
      .map(({ name }) => `${name} shows no certificate, so no rule makes it an operator`),
    ...rules.flatMap(doubtsOfRule),
    ...(rules.some(allows) ? [] : ["nobody may do anything: no rule allows it"])
  ]
}

/** What peers can be known by, as the relay is started. */
export interface Shown {
  /** Some are asked for a certificate. */
  readonly maybe: boolean
  /** None is let in without. */
  readonly always: boolean
}

/** Principals that no peer can be, whatever it does. In words, one a line. */
export const ofPeers = ({ principals }: AccessFile, certificate: Shown): ReadonlyArray<string> =>
  principals.flatMap((one) => {
    const hasAddresses = (one.addresses ?? []).length > 0
    if (!certificate.maybe && !hasAddresses && !isPlain(one)) {
      return [`nobody is ${one.name}: peers are asked for no certificate without --tls-client-ca`]
    }
    return certificate.always && hasAddresses && isPlain(one)
      ? [`nobody is ${one.name}: who comes without a certificate is not let in, and who has one is known by that`]
      : []
  })
