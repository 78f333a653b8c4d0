/** Until when lists of what is revoked are good (RFC 5280, §5.1): of a PEM file with any number of them. Pure. */

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

/** Undefined: for ever. The second time in it is that of the next list. */
const endOf = (bytes: Buffer): number | undefined => {
  const list = elementAt(bytes, elementAt(bytes, 0).from)
  let timeCount = 0
  for (let at = list.from; at < list.to && timeCount < 2; ) {
    const { from, tag, to } = elementAt(bytes, at)
    const isTime = tag === tags.utcTime || tag === tags.time
    if (isTime && ++timeCount === 2) return millisOf(bytes.toString("latin1", from, to), tag)
    if (!isTime && (timeCount > 0 || (tag !== tags.integer && tag !== tags.sequence))) return undefined
    at = to
  }
  return undefined
}

/** Of each, in ms since the epoch; of those that end. Whether they are any use, others find out. */
export const endsOf = (text: string): ReadonlyArray<number> => {
  const blocks = text.matchAll(/-----BEGIN X509 CRL-----([^-]*)-----END X509 CRL-----/g)
  return [...blocks].flatMap(([, base64 = ""]) => {
    try {
      return endOf(Buffer.from(base64, "base64")) ?? []
    } catch {
      return []
    }
  })
}
