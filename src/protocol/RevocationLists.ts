/** Whose lists of what is revoked there are, and until when they are good (RFC 5280, §5.1): of a PEM file. Pure. */
import { listsOf } from "./PemBlocks.ts"

/** A certificate, as its bytes. */
interface Raw {
  readonly raw: Buffer
}

interface Element {
  readonly tag: number
  /** Where its content is. */
  readonly from: number
  readonly to: number
}

const tags = { integer: 0x02, sequence: 0x30, utcTime: 0x17, time: 0x18, extensions: 0xa0 } as const

/** Its extension `authorityKeyIdentifier`, which says whose key has signed. */
const keyIdentifier = Buffer.from("0603551d23", "hex")

/** Throws where it does not lie in `bytes`. */
const elementAt = (bytes: Buffer, at: number): Element => {
  const first = bytes.readUInt8(at + 1)
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f
  const from = at + 2 + lengthBytes
  const to = from + (lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes))
  if (to > bytes.length) throw new Error("it is cut off")
  return { tag: bytes.readUInt8(at), from, to }
}

/** `YYMMDDHHMMSSZ` of 1950 to 2049, or with four digits of the year. */
const millisOf = (text: string, tag: number): number => {
  const century = Number(text.slice(0, 2)) < 50 ? "20" : "19"
  const digits = tag === tags.time ? text : `${century}${text}`
  return Date.parse(digits.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"))
}

/** From when to when a list is good, in ms since the epoch. */
export interface Term {
  readonly begin: number
  /** Infinite: there is no next list. */
  readonly end: number
}

/** When it was made, and when the next one is due: behind each other, the second if it is there. */
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

/** Members of what is signed, of a list or a certificate, that have this tag, as they lie there. */
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

/** Of a list: behind the algorithm of the signature. */
const issuerOf = (bytes: Buffer): Buffer | undefined => membersIn(bytes, tags.sequence)[1]

/** Of a certificate: behind that, who has signed, and the dates. */
const subjectOf = ({ raw }: Raw): Buffer | undefined => membersIn(raw, tags.sequence)[3]

/** Of a certificate: behind its subject. */
const keyOf = ({ raw }: Raw): Buffer | undefined => membersIn(raw, tags.sequence)[4]

/** Of each list in a text. Whether it is any use, others find out. */
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

/** In ms since the epoch; of those that end. */
export const endsOf = (text: string): ReadonlyArray<number> =>
  termsOf(text).flatMap(({ end }) => (end < Number.POSITIVE_INFINITY ? end : []))

/** Those that have no list: what they have signed is let in by nobody who asks for lists. */
export const unlisted = <A extends Raw>(text: string, authorities: ReadonlyArray<A>): ReadonlyArray<A> => {
  const issuers = ofEach(text, issuerOf)
  return authorities.filter((one) => !issuers.some((issuer) => subjectOf(one)?.equals(issuer) === true))
}

const saysWhoseKey = (list: Buffer): boolean =>
  membersIn(list, tags.extensions).some((extensions) => extensions.includes(keyIdentifier))

/**
 * Those of one name, of which a list does not say whose it is: it may be taken for the other's, whose certificates
 * nobody lets in then. One of each name.
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
