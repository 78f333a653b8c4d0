/**
 * Generates straight code that finds the end of an event record: what the closures of `Skip` do, with constant offsets
 * where alignment allows, and nothing done for fields that nobody asks for. Rare fields are left to those closures.
 *
 * The text contains nothing of a trace but numbers: sizes, offsets, slots, and indexes into tables of closures. A
 * position is `b + k`: a variable, known to be a multiple of `grain` bits, and a constant.
 */
import type {
  DynamicArray,
  DynamicString,
  FieldClass,
  Integer,
  Scope,
  Structure,
  Variant
} from "../model/FieldClass.ts"
import * as Choice from "./Choice.ts"
import { checkedLength, grainBytes, moveClockLow } from "./Cursor.ts"
import { type Fault, short } from "./Fault.ts"
import { emptyElements, fixedBits, leastBits, roundUp } from "./Layout.ts"
import { isBytes } from "./Numbers.ts"
import { fewBits, unsigned32, wholeBytes } from "./NumberText.ts"
import { zeroIn } from "./Regions.ts"
import * as Skip from "./Skip.ts"
import { below, type Place, root, type Slots } from "./Slots.ts"

/** False where the runtime forbids code from strings. */
export const canGenerate: boolean = (() => {
  try {
    return new Function("return true")() === true
  } catch {
    return false
  }
})()

/** More fields make functions that the runtime does not optimise. */
const fieldCountMax = 300
/** How deep structures and variants may be nested; deeper ones are left to the closures. */
const depthMax = 24
/** Alignment of a window's first bit in the packet: larger ones cannot be computed from a position in the window. */
const alignmentMax = grainBytes * 8
/** A variant with at most so many choices becomes a row of comparisons, one with more a call and a `switch`. */
const inlineChoiceMax = 4

/** Binds the text to everything that it refers to. */
type Bind = (
  skips: ReadonlyArray<Skip.Skip>,
  chooses: ReadonlyArray<Choice.Choose>,
  short: Fault,
  zero: typeof zeroIn,
  checked: typeof checkedLength,
  moveLow: typeof moveClockLow,
  noOption: typeof Choice.noOption
) => Skip.Skip

/**
 * Writes the text of one function, and keeps what it refers to. An event header of a 32-bit class id and a 64-bit
 * timestamp, little-endian, becomes
 *
 *     b = (b + 7) & -8
 *     if (b + 32 > end) throw short
 *     const v0 = (view.getInt32((b >> 3) + 0, true) >>> 0)
 *     c.eventId = v0
 *     if (b + 96 > end) throw short
 *     const v1h = (view.getInt32((b >> 3) + 8, true) >>> 0)
 *     const v1l = (view.getInt32((b >> 3) + 4, true) >>> 0)
 *     c.clockHigh = v1h; c.clockLow = v1l; c.isClockSet = true
 *     if (b + 96 > end) throw short
 *     c.at = b + 96
 */
class Emitter {
  readonly #slots: Slots
  readonly #lines: Array<string> = []
  readonly #skips: Array<Skip.Skip> = []
  readonly #chooses: Array<Choice.Choose> = []
  /** `b` is known to be a multiple of this many bits. */
  #grain = 1
  /** The constant added to `b`, in bits. */
  #offset = 0
  /** Byte order of the bit field before, if it is known here: 1 little-endian, 2 big-endian; else 0. */
  #order = 0
  #fieldCount = 0
  #nameCount = 0

  constructor(slots: Slots) {
    this.#slots = slots
  }

  get #at(): string {
    return this.#offset === 0 ? "b" : `b + ${this.#offset}`
  }

  #name(): string {
    return `v${this.#nameCount++}`
  }

  line(text: string): void {
    this.#lines.push(text)
  }

  note(member: "commonAt" | "ownAt" | "payloadAt"): void {
    this.line(`c.${member} = ${this.#at}`)
  }

  /** Checks that so many bits from here on are there, before they are read. Fields passed over are checked later. */
  #need(bits: number): void {
    this.line(`if (b + ${this.#offset + bits} > end) throw short`)
  }

  /** Adds the constant to the variable: where branches meet, the constant must be the same for all of them. */
  #flush(): void {
    if (this.#offset === 0) return
    this.line(`b += ${this.#offset}`)
    this.#grain = this.#grainHere()
    this.#offset = 0
  }

  /** What the position is known to be a multiple of, in bits. */
  #grainHere(): number {
    let grain = this.#grain
    while (this.#offset % grain !== 0) grain /= 2
    return grain
  }

  #align(alignment: number): void {
    if (alignment <= this.#grain) {
      this.#offset = roundUp(this.#offset, alignment)
    } else if (alignment > 1) {
      this.line(`b = (${this.#at} + ${alignment - 1}) & ${-alignment}`)
      this.#grain = alignment
      this.#offset = 0
    }
  }

  /** Moves the cursor to the position: before a closure goes on from there, and at the end. */
  #leave(): void {
    this.line(`c.at = ${this.#at}`)
    if (this.#order !== 0) this.line(`c.order = ${this.#order}`)
  }

  /** Leaves the field to its closure. Afterwards nothing is known of the position. */
  #closure(fieldClass: FieldClass, place: Place): void {
    const index = this.#skips.push(Skip.skip(fieldClass, place, this.#slots)) - 1
    this.#leave()
    this.line(`skips[${index}](c)`)
    this.line("b = c.at")
    this.#grain = 1
    this.#offset = 0
    this.#order = 0
  }

  field(fieldClass: FieldClass, place: Place, depth: number): void {
    const isPlain = fieldClass.alignment <= alignmentMax && depth < depthMax
    const isChecked = "encoding" in fieldClass && fieldClass.encoding !== "utf-8"
    if (!isPlain || isChecked || this.#fieldCount++ > fieldCountMax) {
      this.#closure(fieldClass, place)
      return
    }
    const bits = this.#slots.isWithin(place) || emptyElements(fieldClass) > 0 ? undefined : fixedBits(fieldClass)
    if (bits !== undefined && bits < 2 ** 28) {
      this.#align(fieldClass.alignment)
      this.#offset += bits
      return
    }
    switch (fieldClass.kind) {
      case "integer":
        this.#integer(fieldClass, place)
        break
      case "structure":
        this.#structure(fieldClass, place, depth)
        break
      case "string":
        this.#string()
        break
      case "dynamic-string":
      case "dynamic-array":
        this.#dynamic(fieldClass, place)
        break
      case "variant":
        this.#variant(fieldClass, place, depth)
        break
      default:
        this.#closure(fieldClass, place)
    }
  }

  #structure({ alignment, members }: Structure, place: Place, depth: number): void {
    this.#align(alignment)
    members.forEach(({ fieldClass }, index) => {
      this.field(fieldClass, below(place, index), depth + 1)
    })
  }

  #string(): void {
    this.#align(8)
    this.#need(8)
    const name = this.#name()
    this.line(`const ${name} = zero(bytes, view, (${this.#at}) >> 3, end >> 3)`)
    this.line(`if (${name} >= end >> 3) throw short`)
    this.line(`b = (${name} + 1) << 3`)
    this.#grain = 8
    this.#offset = 0
  }

  /** A length times a size, if elements have one size, leave no gaps, and nobody refers to them; else a closure. */
  #dynamic(fieldClass: DynamicString | DynamicArray, place: Place): void {
    const element = fieldClass.kind === "dynamic-array" ? fieldClass.element : undefined
    const bits = element === undefined ? 8 : fixedBits(element)
    const isClosed =
      element !== undefined &&
      (emptyElements(element) > 0 || this.#slots.isWithin(place) || roundUp(bits ?? 0, element.alignment) !== bits)
    if (bits === undefined || bits === 0 || isClosed || (element?.alignment ?? 8) > fieldClass.alignment) {
      this.#closure(fieldClass, place)
      return
    }
    const least = element === undefined ? 8 : leastBits(element)
    this.#align(fieldClass.alignment)
    this.#need(0)
    this.line(`c.at = ${this.#at}`)
    this.line(`b = ${this.#at} + checked(c, refs[${this.#slots.of(fieldClass.length)}], ${least}) * ${bits}`)
    this.line("if (b > end) throw short")
    this.#grain = this.#grainHere()
    this.#offset = 0
    while (bits % this.#grain !== 0) this.#grain /= 2
  }

  /** Reads the integer if somebody refers to it, or if it is a class id or a timestamp; else passes over it. */
  #integer(fieldClass: Integer, place: Place): void {
    const { alignment, roles, size } = fieldClass
    const order = fieldClass.byteOrder === "little-endian" ? 1 : 2
    const slots = this.#slots.at(place)
    const isWhole = isBytes(fieldClass)
    const known = roles.every((role) => role === "default-clock-timestamp" || role === "event-record-class-id")
    const willBe = alignment <= this.#grain ? this.#grain : alignment
    if (!known || willBe < 8) {
      this.#closure(fieldClass, place)
      return
    }
    this.#align(alignment)
    const shift = this.#offset % 8
    if (!isWhole) {
      if (shift !== 0 && this.#order !== order) {
        this.#closure(fieldClass, place)
        return
      }
      if (fieldClass.isReversed && (slots.length > 0 || roles.length > 0)) {
        this.#closure(fieldClass, place)
        return
      }
    }
    if (slots.length === 0 && roles.length === 0) {
      this.#offset += size
      if (!isWhole) this.#order = order
      return
    }
    if (size === 64 && isWhole) {
      this.#wide(fieldClass, slots, order)
      return
    }
    const value = isWhole ? wholeBytes(fieldClass, this.#offset) : fewBits(fieldClass, this.#offset)
    if (value === undefined) {
      this.#closure(fieldClass, place)
      return
    }
    this.#need(size)
    const name = this.#name()
    this.line(`const ${name} = ${value}`)
    for (const slot of slots) this.line(`refs[${slot}] = ${name}`)
    for (const role of roles) {
      if (role === "event-record-class-id") this.line(`c.eventId = ${name}`)
      else this.line(`moveLow(c, ${name}, ${2 ** size})`)
    }
    this.#offset += size
    if (!isWhole) this.#order = order
  }

  /** Reads 64 bits in whole bytes as two halves, which is what the clock needs. */
  #wide(fieldClass: Integer, slots: ReadonlyArray<number>, order: number): void {
    const at = this.#offset / 8
    const [low, high] = order === 1 ? [at, at + 4] : [at + 4, at]
    const isLittle = order === 1
    const roles = fieldClass.roles
    this.#need(64)
    const name = this.#name()
    this.line(`const ${name}h = ${unsigned32(`(b >> 3) + ${high}`, isLittle)}`)
    this.line(`const ${name}l = ${unsigned32(`(b >> 3) + ${low}`, isLittle)}`)
    const isJoined = slots.length > 0 || roles.includes("event-record-class-id")
    const top = fieldClass.isSigned ? `(${name}h | 0)` : `${name}h`
    if (isJoined) {
      const exact = `${top} < 2097152 && ${top} >= -2097152`
      this.line(
        `const ${name} = ${exact} ? ${top} * 4294967296 + ${name}l : (BigInt(${top}) << 32n) | BigInt(${name}l)`
      )
    }
    for (const slot of slots) this.line(`refs[${slot}] = ${name}`)
    for (const role of roles) {
      if (role === "event-record-class-id") this.line(`c.eventId = ${name}`)
      else this.line(`c.clockHigh = ${name}h; c.clockLow = ${name}l; c.isClockSet = true`)
    }
    this.#offset += 64
  }

  /** After the branches, only what is true for all of them is known of the position. */
  #variant(fieldClass: Variant, place: Place, depth: number): void {
    const selector = `refs[${this.#slots.of(fieldClass.selector)}]`
    const isInline =
      fieldClass.choices.length <= inlineChoiceMax &&
      fieldClass.choices.every(({ lower, upper }) => lower >= -(2n ** 52n) && upper <= 2n ** 52n)
    const name = this.#name()
    this.#need(0)
    this.line(`const ${name} = ${selector}`)
    for (const slot of this.#slots.within(place)) this.line(`refs[${slot}] = undefined`)
    const start = { grain: this.#grain, offset: this.#offset, order: this.#order }
    let grain = alignmentMax
    let order = -1
    const branch = (index: number): void => {
      this.#grain = start.grain
      this.#offset = start.offset
      this.#order = start.order
      const { fieldClass: content } = fieldClass.options[index] ?? Choice.noOption(index)
      this.field(content, below(place, index), depth + 1)
      if (this.#order !== 0) this.line(`c.order = ${this.#order}`)
      this.#flush()
      grain = Math.min(grain, this.#grain)
      order = order === -1 || order === this.#order ? this.#order : 0
    }
    if (isInline) {
      for (const { lower, option, upper } of fieldClass.choices) {
        this.line(`if (${name} >= ${lower} && ${name} <= ${upper}) {`)
        branch(option)
        this.line("} else")
      }
      this.line(`noOption(${name})`)
    } else {
      const index = this.#chooses.push(Choice.option(fieldClass)) - 1
      this.line(`switch (chooses[${index}](${name})) {`)
      fieldClass.options.forEach((_, option) => {
        this.line(`case ${option}: {`)
        branch(option)
        this.line("break }")
      })
      this.line(`default: noOption(${name}) }`)
    }
    this.#grain = grain
    this.#offset = 0
    this.#order = Math.max(order, 0)
  }

  compile(): Skip.Skip {
    this.#need(0)
    this.#leave()
    const parameters = ["skips", "chooses", "short", "zero", "checked", "moveLow", "noOption"]
    const start = "let b = c.at; const end = c.end, bytes = c.bytes, view = c.view, refs = c.refs;"
    const body = `"use strict"; return function (c) { ${start}\n${this.#lines.join("\n")}\n}`
    const bind = new Function(...parameters, body) as Bind
    return bind(this.#skips, this.#chooses, short, zeroIn, checkedLength, moveClockLow, Choice.noOption)
  }
}

/** Generates what `Skip.skip` does for one structure: an event record's header. */
export const generateHeader = (structure: Structure, scope: Scope, slots: Slots): Skip.Skip => {
  const emitter = new Emitter(slots)
  emitter.field(structure, root(scope), 0)
  return emitter.compile()
}

/** Generates a walk from the end of a record's header to its end, which notes where each scope begins. */
export const generateEvent = (
  common: Structure | undefined,
  own: Structure | undefined,
  payload: Structure | undefined,
  slots: Slots
): Skip.Skip => {
  const emitter = new Emitter(slots)
  emitter.note("commonAt")
  if (common !== undefined) emitter.field(common, root("event-record-common-context"), 0)
  emitter.note("ownAt")
  if (own !== undefined) emitter.field(own, root("event-record-specific-context"), 0)
  emitter.note("payloadAt")
  if (payload !== undefined) emitter.field(payload, root("event-record-payload"), 0)
  return emitter.compile()
}
