/**
 * Field classes made up at random, values for them, and the straightforward writer: bit after bit, as the specification
 * says, without any idea of speed.
 */
import type { Value } from "../../src/ctf/decode/Values.ts"
import type { ByteOrder, FieldClass, Mapping, Member, Structure } from "../../src/ctf/model/FieldClass.ts"

export type Random = () => number

/** Numbers below 1 that repeat themselves for their seed. */
export const random = (seed: number): Random => {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 12), 0x297a2d39)
    mixed ^= mixed >>> 15
    return (mixed >>> 0) / 2 ** 32
  }
}

const below = (next: Random, count: number): number => Math.floor(next() * count)
const oneOf = <A>(next: Random, all: ReadonlyArray<A>): A => all[below(next, all.length)] as A

export class BitWriter {
  readonly bytes: Array<number> = []
  at = 0

  align(alignment: number): void {
    this.at = Math.ceil(this.at / alignment) * alignment
    while (this.bytes.length * 8 < this.at) this.bytes.push(0)
  }

  bits(value: bigint, size: number, order: ByteOrder, isReversed: boolean): void {
    for (let i = 0; i < size; i++) {
      const isFirstLow = (order === "little-endian") !== isReversed
      const bit = (value >> BigInt(isFirstLow ? i : size - 1 - i)) & 1n
      if (this.at % 8 === 0 && this.bytes.length * 8 <= this.at) this.bytes.push(0)
      const within = order === "little-endian" ? this.at % 8 : 7 - (this.at % 8)
      if (bit === 1n) this.bytes[this.at >> 3] = (this.bytes[this.at >> 3] ?? 0) | (1 << within)
      this.at++
    }
  }

  raw(bytes: Uint8Array): void {
    for (const byte of bytes) this.bits(BigInt(byte), 8, "little-endian", false)
  }
}

export interface Made {
  readonly write: (writer: BitWriter) => void
  readonly value: Value
}

export interface Kind {
  readonly fieldClass: FieldClass
  readonly make: (next: Random) => Made
}

const integerClass = (next: Random, order: ByteOrder, isSigned: boolean): Extract<FieldClass, { kind: "integer" }> => {
  const isWhole = next() < 0.6
  const size = isWhole ? oneOf(next, [8, 16, 32, 64]) : 1 + below(next, 64)
  const alignment = isWhole ? oneOf(next, [8, 8, 16, 32, 64]) : oneOf(next, [1, 1, 1, 2, 4, 8])
  // Neighbours inside of a byte must agree.
  const byteOrder = isWhole ? oneOf(next, ["little-endian", "big-endian"] as const) : order
  const isReversed = next() < 0.1
  return { kind: "integer", size, alignment, byteOrder, isReversed, isSigned, base: 10, mappings: undefined, roles: [] }
}

const typed = (value: bigint, bits: number): number | bigint => (bits > 53 ? value : Number(value))

const randomBits = (next: Random, size: number): bigint => {
  let value = 0n
  for (let i = 0; i < size; i += 16) value = (value << 16n) | BigInt(below(next, 65536))
  const edge = next()
  if (edge < 0.1) value = 0n
  if (edge > 0.9) value = (1n << BigInt(size)) - 1n
  return BigInt.asUintN(size, value)
}

/** Ranges with labels, some of which overlap. */
const mappings = (next: Random): ReadonlyArray<Mapping> =>
  ["low", "a b", "low too"].map((label) => {
    const lower = BigInt(below(next, 100) - 50)
    return { label, ranges: [{ lower, upper: lower + (1n << BigInt(below(next, 63))) }] }
  })

const labelled = (value: number | bigint, named: ReadonlyArray<Mapping> | undefined): Value =>
  named === undefined
    ? value
    : {
        value,
        labels: named
          .filter(({ ranges }) => ranges.some(({ lower, upper }) => value >= lower && value <= upper))
          .map(({ label }) => label)
      }

const integer = (next: Random, order: ByteOrder): Kind => {
  const plain = integerClass(next, order, next() < 0.5)
  const named = next() < 0.25 ? mappings(next) : undefined
  const fieldClass = { ...plain, mappings: named }
  const { alignment, byteOrder, isReversed, isSigned, size } = fieldClass
  return {
    fieldClass,
    make: (next) => {
      const bits = randomBits(next, size)
      return {
        write: (writer) => {
          writer.align(alignment)
          writer.bits(bits, size, byteOrder, isReversed)
        },
        value: labelled(typed(isSigned ? BigInt.asIntN(size, bits) : bits, size), named)
      }
    }
  }
}

const variableInteger = (next: Random): Kind => {
  const isSigned = next() < 0.5
  return {
    fieldClass: { kind: "variable-integer", isSigned, base: 10, mappings: undefined, roles: [], alignment: 8 },
    make: (next) => {
      const size = 1 + below(next, 63)
      const bits = randomBits(next, size)
      const value = isSigned ? BigInt.asIntN(size, bits) : bits
      return {
        write: (writer) => {
          writer.align(8)
          let left = value
          for (let isOver = false; !isOver; ) {
            const low = left & 0x7fn
            left >>= 7n
            isOver = isSigned ? left === ((low & 0x40n) === 0n ? 0n : -1n) : left === 0n
            writer.bits(isOver ? low : low | 0x80n, 8, "little-endian", false)
          }
        },
        value
      }
    }
  }
}

const float = (next: Random): Kind => {
  const size = next() < 0.5 ? 32 : 64
  const byteOrder = oneOf(next, ["little-endian", "big-endian"] as const)
  return {
    fieldClass: { kind: "float", size, alignment: 8, byteOrder, isReversed: false },
    make: (next) => {
      const view = new DataView(new ArrayBuffer(8))
      const value = size === 32 ? Math.fround(next() * 1e6 - 5e5) : (next() - 0.5) * 10 ** below(next, 40)
      if (size === 32) view.setFloat32(4, value)
      else view.setFloat64(0, value)
      const bits = size === 32 ? BigInt(view.getUint32(4)) : view.getBigUint64(0)
      return {
        write: (writer) => {
          writer.align(8)
          writer.bits(bits, size, byteOrder, false)
        },
        value
      }
    }
  }
}

const letters = ["a", "B", "7", " ", '"', "\\", "\n", "ü", "€", "😀", "\u0001"]

const randomText = (next: Random, countMax: number): string => {
  const count = next() < 0.05 ? countMax * 20 : below(next, countMax)
  return Array.from({ length: count }, () => oneOf(next, letters)).join("")
}

const string = (): Kind => ({
  fieldClass: { kind: "string", encoding: "utf-8", alignment: 8 },
  make: (next) => {
    const value = randomText(next, 12)
    return {
      write: (writer) => {
        writer.align(8)
        writer.raw(Buffer.from(`${value}\0`))
      },
      value
    }
  }
})

const staticBytes = (next: Random): Kind => {
  const length = below(next, 9)
  const isText = next() < 0.5
  return {
    fieldClass: isText
      ? { kind: "static-string", length, encoding: "utf-8", alignment: 8 }
      : { kind: "static-blob", length, mediaType: "application/octet-stream", roles: [], alignment: 8 },
    make: (next) => {
      const bytes = Uint8Array.from({ length }, () => below(next, isText ? 128 : 256))
      const zero = bytes.indexOf(0)
      const text = Buffer.from(zero === -1 ? bytes : bytes.subarray(0, zero)).toString()
      return {
        write: (writer) => {
          writer.align(8)
          writer.raw(bytes)
        },
        value: isText ? text : bytes
      }
    }
  }
}

const leaf = (next: Random, order: ByteOrder): Kind => {
  const choice = next()
  if (choice < 0.55) return integer(next, order)
  if (choice < 0.65) return variableInteger(next)
  if (choice < 0.75) return float(next)
  return choice < 0.9 ? string() : staticBytes(next)
}

interface Place {
  readonly path: ReadonlyArray<number>
  readonly depth: number
  readonly order: ByteOrder
}

const staticArray = (next: Random, place: Place): Kind => {
  const element = field(next, { ...place, depth: place.depth + 1 })
  const length = below(next, 4)
  return {
    fieldClass: {
      kind: "static-array",
      length,
      element: element.fieldClass,
      alignment: Math.max(element.fieldClass.alignment, next() < 0.2 ? 32 : 1)
    },
    make(next) {
      const made = Array.from({ length }, () => element.make(next))
      return {
        write: (writer) => {
          writer.align(this.fieldClass.alignment)
          for (const { write } of made) write(writer)
        },
        value: made.map(({ value }) => value)
      }
    }
  }
}

const field = (next: Random, place: Place): Kind => {
  if (place.depth > 3 || next() < 0.7) return leaf(next, place.order)
  return next() < 0.5 ? staticArray(next, place) : structure(next, { ...place, depth: place.depth + 1 })
}

/** Members that come together: a length or selector, and what it is for. */
interface Group {
  readonly fieldClasses: ReadonlyArray<FieldClass>
  readonly make: (next: Random) => ReadonlyArray<Made>
}

const selector = (next: Random, order: ByteOrder) => {
  const fieldClass = { ...integerClass(next, order, false), isReversed: false }
  const size = Math.max(fieldClass.size, 4)
  const whole = { ...fieldClass, size }
  const made = (value: number): Made => ({
    write: (writer) => {
      writer.align(whole.alignment)
      writer.bits(BigInt(value), size, whole.byteOrder, false)
    },
    value: typed(BigInt(value), size)
  })
  return { fieldClass: whole, made }
}

const dynamic = (next: Random, place: Place, index: number): Group => {
  const { fieldClass, made } = selector(next, place.order)
  const length = { scope: "event-record-payload" as const, path: [...place.path, index], others: [] }
  const element = field(next, { ...place, path: [...place.path, index + 1], depth: place.depth + 1 })
  const array = { kind: "dynamic-array" as const, length, element: element.fieldClass }
  const alignment = element.fieldClass.alignment
  return {
    fieldClasses: [fieldClass, { ...array, alignment }],
    make: (next) => {
      const elements = Array.from({ length: below(next, 6) }, () => element.make(next))
      const write = (writer: BitWriter) => {
        writer.align(alignment)
        for (const one of elements) one.write(writer)
      }
      return [made(elements.length), { write, value: elements.map(({ value }) => value) }]
    }
  }
}

const dynamicText = (next: Random, place: Place, index: number): Group => {
  const { fieldClass, made } = selector(next, place.order)
  const length = { scope: "event-record-payload" as const, path: [...place.path, index], others: [] }
  return {
    fieldClasses: [fieldClass, { kind: "dynamic-string", length, encoding: "utf-8", alignment: 8 }],
    make: (next) => {
      const text = randomText(next, 3).slice(0, 3)
      const bytes = Buffer.from(text.replace(/[^\0-\x7f]/g, "x"))
      const write = (writer: BitWriter) => {
        writer.align(8)
        writer.raw(bytes)
      }
      return [made(bytes.length), { write, value: bytes.toString() }]
    }
  }
}

const variant = (next: Random, place: Place, index: number): Group => {
  const { fieldClass, made } = selector(next, place.order)
  const reference = { scope: "event-record-payload" as const, path: [...place.path, index], others: [] }
  const inner = (option: number): Place => ({
    ...place,
    path: [...place.path, index + 1, option],
    depth: place.depth + 1
  })
  const options = Array.from({ length: 1 + below(next, 7) }, (_, option) => field(next, inner(option)))
  return {
    fieldClasses: [
      fieldClass,
      {
        kind: "variant",
        selector: reference,
        options: options.map(({ fieldClass }, at) => ({ name: `o${at}`, declaredName: `o${at}`, fieldClass })),
        choices: options.map((_, option) => ({ lower: BigInt(option), upper: BigInt(option), option })),
        alignment: 1
      }
    ],
    make: (next) => {
      const chosen = below(next, options.length)
      return [made(chosen), (options[chosen] as Kind).make(next)]
    }
  }
}

export const structure = (next: Random, place: Place): Kind & { readonly fieldClass: Structure } => {
  const groups: Array<Group> = []
  let count = 0
  for (let left = below(next, 6); left > 0; left--) {
    const choice = next()
    const plain = (): Group => {
      const kind = field(next, { ...place, path: [...place.path, count] })
      return { fieldClasses: [kind.fieldClass], make: (next) => [kind.make(next)] }
    }
    const isDeep = place.depth > 3
    const group =
      choice < 0.6 || isDeep
        ? plain()
        : choice < 0.8
          ? dynamic(next, place, count)
          : choice < 0.9
            ? dynamicText(next, place, count)
            : variant(next, place, count)
    groups.push(group)
    count += group.fieldClasses.length
  }
  const members: ReadonlyArray<Member> = groups
    .flatMap(({ fieldClasses }) => fieldClasses)
    .map((fieldClass, at) => ({ name: `m${at}`, declaredName: `m${at}`, fieldClass }))
  const least = next() < 0.2 ? 16 : 1
  const alignment = members.reduce((most, { fieldClass }) => Math.max(most, fieldClass.alignment), least)
  return {
    fieldClass: { kind: "structure", members, alignment },
    make: (next) => {
      const made = groups.flatMap((group) => group.make(next))
      return {
        write: (writer) => {
          writer.align(alignment)
          for (const { write } of made) write(writer)
        },
        value: Object.fromEntries(made.map(({ value }, at) => [`m${at}`, value]))
      }
    }
  }
}
