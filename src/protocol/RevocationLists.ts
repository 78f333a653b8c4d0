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

const tags = { integer: 0x02, sequence: 0x30, utcTime: 0x17, time: 0x18 } as const

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

/** The names in what is signed, of a list or a certificate: all members that are sequences, as they lie there. */
const sequencesIn = (bytes: Buffer): ReadonlyArray<Buffer> => {
  const signed = elementAt(bytes, elementAt(bytes, 0).from)
  const found: Array<Buffer> = []
  for (let at = signed.from; at < signed.to; ) {
    const { tag, to } = elementAt(bytes, at)
    if (tag === tags.sequence) found.push(bytes.subarray(at, to))
    at = to
  }
  return found
}

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
  // Behind the algorithm of the signature.
  const issuers = ofEach(text, (bytes) => sequencesIn(bytes)[1])
  return authorities.filter(({ raw }) => {
    // Behind it, who has signed, and the dates.
    const subject = sequencesIn(raw)[3]
    return !issuers.some((issuer) => subject?.equals(issuer) === true)
  })
}
