/**
 * Types made up at random, each with its text in TSDL, its field class in CTF 2, and values for it, written
 * straightforwardly. Nothing of the decoder has a part in it.
 */
import type { BitWriter, Random } from "../encoding.ts"
import { isNew } from "./Reader.ts"

/** What a trace is written in. */
export interface Dialect {
  /** Of the trace: what `native` means. */
  readonly isLittle: boolean
}

export const below = (next: Random, count: number): number => Math.floor(next() * count)
export const oneOf = <A>(next: Random, all: ReadonlyArray<A>): A => all[below(next, all.length)] as A
export const chance = (next: Random, share: number): boolean => next() < share

export type Write = (writer: BitWriter) => void

/** Values of the fields that others refer to, by the target. */
export type Values = Map<Target, bigint>

export interface Type {
  readonly alignment: number
  /** A member of that name. */
  readonly tsdl: (name: string) => string
  readonly json: () => Json
  /** Draws a value; what is written then is always the same. */
  readonly make: (next: Random, values: Values) => Write
}

export type Json = { readonly [name: string]: unknown }

/** A field that lengths and tags may refer to: where it is, from the root of its scope on. */
export interface Target {
  readonly kind: "length" | "tag"
  readonly scope: string
  /** The structures around it; the last holds it. */
  readonly chain: ReadonlyArray<object>
  /** Of the original spelling, options included. */
  readonly path: ReadonlyArray<string>
  /** As CTF 2 has it: options are passed through without a name. */
  readonly jsonPath: ReadonlyArray<string>
  readonly labels: ReadonlyArray<Label>
  /** Of an element or an option: only a word finds it. */
  readonly isInside: boolean
}

export interface Label {
  readonly name: string
  readonly lower: bigint
  readonly upper: bigint
}

/** What is around a type that is being made. */
export interface Place {
  readonly dialect: Dialect
  readonly scope: string
  readonly chain: ReadonlyArray<object>
  readonly path: ReadonlyArray<string>
  readonly jsonPath: ReadonlyArray<string>
  readonly depth: number
  /** Those that may be referred to from here. */
  readonly targets: Array<Target>
  readonly isInside: boolean
  readonly named: () => string
}

/** CTF 2 shows names as they are, CTF 1.8 without their first underscore. */
export const shown = (name: string): string => (name.startsWith("_") ? name.slice(1) : name)

export interface IntegerShape {
  readonly size: number
  readonly alignment: number
  readonly isSigned: boolean
  readonly isLittle: boolean
  readonly base: 2 | 8 | 10 | 16
}

const bases = {
  2: ["2", "b", "binary"],
  8: ["8", "o", "oct", "octal"],
  10: ["10", "d", "i", "u", "dec", "decimal"],
  16: ["16", "x", "X", "p", "hex", "hexadecimal"]
} as const

export const integerShape = (next: Random, { isLittle }: Dialect, isSigned: boolean): IntegerShape => {
  const isWhole = chance(next, 0.55)
  const size = isWhole ? oneOf(next, [8, 16, 24, 32, 40, 56, 64]) : 1 + below(next, 64)
  const alignment = isWhole ? oneOf(next, [8, 8, 8, 16, 32, 64]) : oneOf(next, [1, 1, 1, 1, 2, 4, 8, 16])
  return {
    size,
    alignment,
    isSigned,
    isLittle: isWhole && chance(next, 0.3) ? !isLittle : isLittle,
    // Of 61 to 63 bits 2.0 shows as 0 in base 16: it moves a 64-bit mask by 64.
    base: oneOf(next, size > 60 && size < 64 ? [10, 2] : ([10, 10, 10, 2, 8, 16] as const))
  }
}

export const integerTsdl = (next: Random, { isLittle }: Dialect, shape: IntegerShape): string => {
  const { alignment, base, isSigned, size } = shape
  const natural = size % 8 === 0 ? 8 : 1
  const attributes = [`size = ${chance(next, 0.1) ? `0x${size.toString(16)}` : size};`]
  if (alignment !== natural || chance(next, 0.3)) attributes.push(`align = ${alignment};`)
  if (isSigned || chance(next, 0.3))
    attributes.push(`signed = ${oneOf(next, isSigned ? ["true", "1", "TRUE"] : ["false", "0"])};`)
  if (base !== 10 || chance(next, 0.2)) attributes.push(`base = ${oneOf<string>(next, bases[base])};`)
  if (shape.isLittle !== isLittle)
    attributes.push(`byte_order = ${shape.isLittle ? "le" : oneOf(next, ["be", "network"])};`)
  else if (chance(next, 0.2)) attributes.push("byte_order = native;")
  attributes.sort(() => next() - 0.5)
  return `integer { ${attributes.join(" ")} }`
}

export const integerJson = ({ alignment, base, isLittle, isSigned, size }: IntegerShape): Json => ({
  type: isSigned ? "fixed-length-signed-integer" : "fixed-length-unsigned-integer",
  length: size,
  "byte-order": isLittle ? "little-endian" : "big-endian",
  alignment,
  "preferred-display-base": base
})

export const integerWrite =
  ({ alignment, isLittle, size }: IntegerShape, value: bigint): Write =>
  (writer) => {
    writer.align(alignment)
    writer.bits(BigInt.asUintN(size, value), size, isLittle ? "little-endian" : "big-endian", false)
  }

const anyInteger = (next: Random, { isSigned, size }: IntegerShape): bigint => {
  let value = 0n
  for (let i = 0; i < size; i += 16) value = (value << 16n) | BigInt(below(next, 65_536))
  const edge = next()
  if (edge < 0.1) value = 0n
  else if (edge < 0.2) value = -1n
  else if (edge < 0.3) value = 1n << BigInt(size - 1)
  else if (edge < 0.5) value = BigInt(below(next, 20))
  return isSigned ? BigInt.asIntN(size, value) : BigInt.asUintN(size, value)
}

const integer = (next: Random, { dialect }: Place): Type => {
  const shape = integerShape(next, dialect, chance(next, 0.5))
  const text = integerTsdl(next, dialect, shape)
  return {
    alignment: shape.alignment,
    tsdl: (name) => `${text} ${name}`,
    json: () => integerJson(shape),
    make: (next) => integerWrite(shape, anyInteger(next, shape))
  }
}

const anyTexts = ["A", "B", "idle", "a b", 'q"q', "back\\slash", "ü", "", "{", "variant", "__proto__", "0", "Z;"]
const labelTexts = isNew ? anyTexts.filter((text) => text !== "") : anyTexts

const quoted = (text: string): string => `"${text.replace(/[\\"]/g, "\\$&")}"`

/** Ranges may overlap, and labels stand several times. */
const labelsOf = (next: Random, shape: IntegerShape): ReadonlyArray<Label> =>
  Array.from({ length: 1 + below(next, 6) }, () => {
    const one = anyInteger(next, shape)
    const other = chance(next, 0.5) ? one : anyInteger(next, shape)
    const name = oneOf(next, labelTexts)
    return one < other ? { name, lower: one, upper: other } : { name, lower: other, upper: one }
  })

export const enumerators = (next: Random, labels: ReadonlyArray<Label>): string => {
  const words = labels.map(({ lower, name, upper }) => {
    const isWord = /^[A-Za-z_]\w*$/.test(name)
    const label = isWord && chance(next, 0.5) ? name : quoted(name)
    return lower === upper ? `${label} = ${lower}` : `${label} = ${lower} ... ${upper}`
  })
  return `{ ${words.join(", ")}${chance(next, 0.3) ? "," : ""} }`
}

export const mappingsOf = (labels: ReadonlyArray<Label>): Json => {
  const mappings = new Map<string, Array<ReadonlyArray<bigint>>>()
  for (const { lower, name, upper } of labels) {
    const own = mappings.get(name) ?? []
    own.push([lower, upper])
    mappings.set(name, own)
  }
  // Names such as `__proto__` are names.
  return Object.assign(Object.create(null), { mappings }) as Json
}

const enumeration = (next: Random, { dialect }: Place): Type => {
  const shape = integerShape(next, dialect, chance(next, 0.4))
  const labels = labelsOf(next, shape)
  const text = `enum : ${integerTsdl(next, dialect, shape)} ${enumerators(next, labels)}`
  return {
    alignment: shape.alignment,
    tsdl: (name) => `${text} ${name}`,
    json: () => ({ ...integerJson(shape), ...mappingsOf(labels) }),
    make: (next) => {
      const { lower, upper } = oneOf(next, labels)
      const value = chance(next, 0.5) ? oneOf(next, [lower, upper]) : anyInteger(next, shape)
      return integerWrite(shape, value)
    }
  }
}

const floats = [
  0,
  -0,
  1,
  -1.5,
  Number.NaN,
  Infinity,
  -Infinity,
  5e-324,
  1e-45,
  1e-39,
  1.7976931348623157e308,
  3.4e38,
  1e6,
  999_999.5,
  123_456_789,
  1e-4,
  1e-5,
  0.1
]

const float = (next: Random, { dialect: { isLittle: native } }: Place): Type => {
  const size = oneOf(next, [32, 64])
  const alignment = oneOf(next, [8, 8, 32, 64])
  const isLittle = chance(next, 0.3) ? !native : native
  const order = isLittle === native ? "" : ` byte_order = ${isLittle ? "le" : "be"};`
  const digits = size === 32 ? "exp_dig = 8; mant_dig = 24;" : "exp_dig = 11; mant_dig = 53;"
  return {
    alignment,
    tsdl: (name) => `floating_point { ${digits} align = ${alignment};${order} } ${name}`,
    json: () => ({
      type: "fixed-length-floating-point-number",
      length: size,
      "byte-order": isLittle ? "little-endian" : "big-endian",
      alignment
    }),
    make: (next) => {
      const view = new DataView(new ArrayBuffer(8))
      const value = chance(next, 0.6) ? oneOf(next, floats) : (next() - 0.5) * 10 ** (below(next, 60) - 30)
      if (size === 32) view.setFloat32(0, value)
      else view.setFloat64(0, value)
      const bits = size === 32 ? BigInt(view.getUint32(0)) : view.getBigUint64(0)
      return integerWrite({ size, alignment, isLittle, isSigned: false, base: 10 }, bits)
    }
  }
}

/** Escapes, controls, UTF-8 and what is none; never a zero. */
const anyBytes = (next: Random, count: number): Uint8Array =>
  Uint8Array.from({ length: count }, () => {
    const choice = next()
    if (choice < 0.7) return 32 + below(next, 95)
    return choice < 0.85 ? 1 + below(next, 31) : 127 + below(next, 129)
  })

const string: Type = {
  alignment: 8,
  tsdl: (name) => `string ${name}`,
  json: () => ({ type: "null-terminated-string" }),
  make: (next) => {
    const bytes = anyBytes(next, 1 + below(next, 12))
    return (writer) => {
      writer.align(8)
      writer.raw(bytes)
      writer.raw(Uint8Array.of(0))
    }
  }
}

export const character = (next: Random): string =>
  `integer { size = 8;${chance(next, 0.5) ? " align = 8;" : ""}${chance(next, 0.3) ? " signed = true;" : ""} encoding = ${oneOf(next, ["UTF8", "ASCII", "utf8", '"UTF-8"'])}; }`

/** With zeros behind, or without. */
export const textWrite = (next: Random, length: number): Write => {
  const bytes = anyBytes(next, length)
  if (length > 0 && chance(next, 0.5)) bytes.fill(0, 1 + below(next, length))
  return (writer) => {
    writer.align(8)
    writer.raw(bytes)
  }
}

const staticText = (next: Random): Type => {
  const length = 1 + below(next, 8)
  const element = character(next)
  return {
    alignment: 8,
    tsdl: (name) => `${element} ${name}[${length}]`,
    json: () => ({ type: "static-length-string", length }),
    make: (next) => textWrite(next, length)
  }
}

export const leaf = (next: Random, place: Place): Type => {
  const choice = next()
  if (choice < 0.5) return integer(next, place)
  if (choice < 0.7) return enumeration(next, place)
  if (choice < 0.8) return float(next, place)
  return choice < 0.9 ? string : staticText(next)
}
