/** Ranges of addresses, `10.0.0.0/8` or `2001:db8::/32`; an address alone is a range of one. Pure. */

const octets = (text: string): ReadonlyArray<number> | undefined => {
  const parts = text.split(".")
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined
  return parts.map(Number)
}

/** The bytes of an IPv6 address's groups; undefined: it has other text. `isLast`: an IPv4 address may be at the end. */
const groupsOf = (text: string, isLast: boolean): ReadonlyArray<number> | undefined => {
  if (text === "") return []
  const groups: Array<number> = []
  const parts = text.split(":")
  for (const [index, part] of parts.entries()) {
    const v4 = isLast && index === parts.length - 1 && part.includes(".") ? octets(part) : undefined
    if (v4 !== undefined) groups.push(...v4)
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 255)
    else return undefined
  }
  return groups
}

/** The 16 bytes of an IPv6 address; undefined: it is none. */
const bytesOf6 = (text: string): ReadonlyArray<number> | undefined => {
  const [head = "", tail, ...more] = text.split("::")
  const [before, after] = [groupsOf(head, tail === undefined), groupsOf(tail ?? "", true)]
  if (before === undefined || after === undefined || more.length > 0) return undefined
  const missing = 16 - before.length - after.length
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined
  return [...before, ...new Array<number>(missing).fill(0), ...after]
}

/** What comes before an IPv4 address as an IPv6 socket shows it. */
const mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255]

export interface Parsed {
  /** 4 or 16 bytes; an IPv4 address that an IPv6 socket shows counts as an IPv4 address. */
  readonly bytes: ReadonlyArray<number>
  /** How many bits of what was written are not in `bytes`. */
  readonly mappedBits: number
  /** The interface at which a link-local address is seen, as `eth0`. */
  readonly zone: string | undefined
}

/** Undefined: it is no address. */
export const parse = (address: string): Parsed | undefined => {
  const [text = "", zone, ...more] = address.split("%")
  const bytes = text.includes(":") ? bytesOf6(text) : octets(text)
  if (bytes === undefined || zone === "" || more.length > 0) return undefined
  const isMapped = bytes.length === 16 && mapped.every((byte, index) => bytes[index] === byte)
  if (zone !== undefined && (isMapped || bytes.length !== 16)) return undefined
  return isMapped
    ? { bytes: bytes.slice(mapped.length), mappedBits: mapped.length * 8, zone }
    : { bytes, mappedBits: 0, zone }
}

/** Whether an address is in a range. */
type Test<Address> = (address: Address) => boolean

/** A test for addresses that are parsed already; undefined: `text` is no range. */
export const parsedRange = (text: string): Test<Parsed | undefined> | undefined => {
  const [address = "", length, ...more] = text.split("/")
  const parsed = parse(address)
  if (parsed === undefined || more.length > 0 || (length !== undefined && !/^(0|[1-9]\d{0,2})$/.test(length)))
    return undefined
  const { bytes: prefix, mappedBits, zone } = parsed
  const bitCount = length === undefined ? prefix.length * 8 : Number(length) - mappedBits
  if (bitCount < 0 || bitCount > prefix.length * 8) return undefined
  return (peer) => {
    if (peer?.bytes.length !== prefix.length || (zone !== undefined && peer.zone !== zone)) return false
    const { bytes } = peer
    for (let bit = 0; bit < bitCount; bit += 8) {
      const mask = bitCount - bit >= 8 ? 255 : (255 << (8 - (bitCount - bit))) & 255
      if ((((bytes[bit >> 3] as number) ^ (prefix[bit >> 3] as number)) & mask) !== 0) return false
    }
    return true
  }
}

/** A test whether an address is in the range; undefined: `text` is none. Without a zone it holds at any interface. */
export const range = (text: string): Test<string> | undefined => {
  const test = parsedRange(text)
  return test && ((address) => test(parse(address)))
}

const networkBytes = 8

/** Stands for an address's owner: the address itself, of IPv6 its /64, since the owner of one address there has all. */
export const networkOf = (address: string): string => {
  const bytes = parse(address)?.bytes
  if (bytes === undefined) return address
  if (bytes.length === 4) return bytes.join(".")
  const network = Buffer.from(bytes.slice(0, networkBytes))
  return `${[0, 2, 4, 6].map((at) => network.readUInt16BE(at).toString(16)).join(":")}::/64`
}
