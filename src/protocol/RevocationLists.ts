/** The issuers and terms of the revocation lists in a PEM text (RFC 5280, §5.1). Pure. */
import { listsOf } from "./PemBlocks.ts"

/** A certificate, by its DER bytes. */
interface Raw {
  readonly raw: Buffer
}

interface Element {
  readonly tag: number
  /** The content is the bytes `[from, to)`. */
  readonly from: number
  readonly to: number
}

const tags = { integer: 0x02, sequence: 0x30, utcTime: 0x17, time: 0x18, extensions: 0xa0 } as const

/** DER of the OID of the extension `authorityKeyIdentifier`, which says whose key has signed. */
const keyIdentifier = Buffer.from("0603551d23", "hex")

/** The DER element at `at`; throws if it does not lie in `bytes`. */
const elementAt = (bytes: Buffer, at: number): Element => {
  const first = bytes.readUInt8(at + 1)
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f
  const from = at + 2 + lengthBytes
  const to = from + (lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes))
  if (to > bytes.length) throw new Error("it is cut off")
  return { tag: bytes.readUInt8(at), from, to }
}

/** The ms since 1970 of a time `YYMMDDHHMMSSZ`, from 1950 to 2049, or of one with four digits for the year. */
const millisOf = (text: string, tag: number): number => {
  const century = Number(text.slice(0, 2)) < 50 ? "20" : "19"
  const digits = tag === tags.time ? text : `${century}${text}`
  return Date.parse(digits.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"))
}

/** From when to when a list is good, in ms since 1970. */
export interface Term {
  readonly begin: number
  /** `Infinity`: the list names no time for the next one. */
  readonly end: number
}

/** When the list was made, and when the next one is due: two times in a row, of which the second is optional. */
const termOf = (bytes: Buffer): Term => {
  const list = elementAt(bytes, elementAt(bytes, 0).from)
  const times: Array<number> = []
  for (let at = list.from; at < list.to && times.length < 2; ) {
    const { from, tag, to } = elementAt(bytes, at)
    const isTime = tag === tags.utcTime || tag === tags.time
    if (isTime) times.push(millisOf(bytes.toString("latin1", from, to), tag))
    else if (times.length > 0 || (tag !== tags.integer && tag !== tags.sequence)) break
    at = to
  }
  const [begin = 0, end = Number.POSITIVE_INFINITY] = times
  return { begin, end }
}

/** The members with this tag, in the signed part of a list or certificate, as bytes with their heads. */
const membersIn = (bytes: Buffer, wanted: number): ReadonlyArray<Buffer> => {
  const signed = elementAt(bytes, elementAt(bytes, 0).from)
  const found: Array<Buffer> = []
  for (let at = signed.from; at < signed.to; ) {
    const { tag, to } = elementAt(bytes, at)
    if (tag === wanted) found.push(bytes.subarray(at, to))
    at = to
  }
  return found
}

/** A list's issuer is its second sequence, behind the signature's algorithm. */
const issuerOf = (bytes: Buffer): Buffer | undefined => membersIn(bytes, tags.sequence)[1]

/** A certificate's subject is its fourth sequence, behind algorithm, issuer and dates. */
const subjectOf = ({ raw }: Raw): Buffer | undefined => membersIn(raw, tags.sequence)[3]

/** A certificate's public key is the sequence behind its subject. */
const keyOf = ({ raw }: Raw): Buffer | undefined => membersIn(raw, tags.sequence)[4]

/** Calls `of` with each list of a text. Lists that cannot be read are left out: others find out if they are no use. */
const ofEach = <A>(text: string, of: (bytes: Buffer) => A | undefined): ReadonlyArray<A> => {
  return listsOf(text).flatMap((block) => {
    try {
      return of(Buffer.from(block.replaceAll(/-----[^-]*-----/g, ""), "base64")) ?? []
    } catch {
      return []
    }
  })
}

export const termsOf = (text: string): ReadonlyArray<Term> => ofEach(text, termOf)

/** When the lists end, in ms since 1970; without those that do not end. */
export const endsOf = (text: string): ReadonlyArray<number> =>
  termsOf(text).flatMap(({ end }) => (end < Number.POSITIVE_INFINITY ? end : []))

/** The authorities without a list: certificates that they signed are refused if lists are asked for. */
export const unlisted = <A extends Raw>(text: string, authorities: ReadonlyArray<A>): ReadonlyArray<A> => {
  const issuers = ofEach(text, issuerOf)
  return authorities.filter((one) => !issuers.some((issuer) => subjectOf(one)?.equals(issuer) === true))
}

const saysWhoseKey = (list: Buffer): boolean =>
  membersIn(list, tags.extensions).some((extensions) => extensions.includes(keyIdentifier))

/**
 * Authorities that share their name with another of another key, if a list of that name does not say whose it is: it
 * may be taken for the other's, whose certificates are refused then. Answers one of each name.
 */
export const confused = <A extends Raw>(text: string, authorities: ReadonlyArray<A>): ReadonlyArray<A> => {
  const unsaid = ofEach(text, (list) => (saysWhoseKey(list) ? undefined : issuerOf(list)))
  return authorities.filter((one, index) => {
    const [subject, key] = [subjectOf(one), keyOf(one)]
    if (subject === undefined || key === undefined || !unsaid.some((issuer) => subject.equals(issuer))) return false
    const isNamesake = (other: A) => subjectOf(other)?.equals(subject) === true
    const others = authorities.filter((other) => isNamesake(other) && keyOf(other)?.equals(key) === false)
    return authorities.findIndex(isNamesake) === index && others.length > 0
  })
}
