/** Headers of event records: an id and a time in any sizes, or LTTng's two forms of both. */
import type { Random } from "../encoding.ts"
import { together, told } from "./Structures.ts"
import {
  below,
  chance,
  type Dialect,
  type IntegerShape,
  integerJson,
  integerTsdl,
  integerWrite,
  oneOf,
  type Place,
  type Target,
  type Type
} from "./Types.ts"

/** What is told while packets are written. */
export interface Now {
  total: bigint
  content: bigint
  begin: bigint
  end: bigint
  clock: bigint
  discarded: bigint
  sequence: bigint
  eventId: bigint
  instance: bigint
  isExtended: boolean
}

export interface Header {
  readonly type: Type
  readonly tsdl: string
  /** Ids that fit the short form. */
  readonly compactMax: number | undefined
}

export interface Clock {
  readonly name: string
  readonly frequency: bigint
  readonly offsetSeconds: bigint
  readonly offset: bigint
  readonly isAbsolute: boolean
  readonly hasUuid: boolean
}

export interface Shape {
  readonly dialect: Dialect
  readonly named: () => string
  readonly clock: Clock | undefined
  readonly next: Random
}

export const placeOf = (dialect: Dialect, scope: string, named: () => string, targets: Array<Target> = []): Place => ({
  dialect,
  scope,
  chain: [],
  path: [],
  jsonPath: [],
  depth: 0,
  targets,
  isInside: false,
  named
})

/** With the map attribute in the text. */
export const mapped = (type: Type, map: string): Type =>
  map === "" ? type : { ...type, tsdl: (name) => type.tsdl(name).replace("integer { ", `integer { ${map} `) }

export const mapOf = ({ clock, next }: Shape): string =>
  clock === undefined || chance(next, 0.3) ? "" : `map = clock.${clock.name}.value;`

export const plainHeader = (shape: Shape, now: Now, hasTimes: boolean, idMax: number): Header => {
  const { clock, dialect, named, next } = shape
  const place = placeOf(dialect, "event-record-header", named)
  const idBits = [1, 3, 5, 8, 16, 32, 64].filter((bits) => 2 ** bits > idMax)
  const clockBits = clock === undefined ? 0 : hasTimes ? oneOf(next, [8, 16, 27, 32, 45, 64]) : 64
  const members = [
    { name: "id", type: told(next, place, oneOf(next, idBits), "event-record-class-id", () => now.eventId) }
  ]
  if (clockBits > 0) {
    const type = told(next, place, clockBits, "default-clock-timestamp", () => now.clock)
    members.push({ name: "timestamp", type: mapped(type, mapOf(shape)) })
  }
  if (chance(next, 0.5)) members.reverse()
  const { tsdlBody, ...type } = together(members, oneOf(next, [1, 8, 8, 32]))
  return { type, tsdl: tsdlBody, compactMax: undefined }
}

/** `compact` and `large`: small ids with the low bits of the clock, others whole. */
export const compactHeader = (shape: Shape, now: Now): Header => {
  const { dialect, named, next } = shape
  const place = placeOf(dialect, "event-record-header", named)
  const isLarge = chance(next, 0.4)
  const [idBits, clockBits] = isLarge ? [16, 32] : [5, 27]
  const compactMax = 2 ** idBits - 2
  const isNatural = chance(next, 0.4)
  const idShape: IntegerShape = {
    size: idBits,
    alignment: isLarge ? (isNatural ? 16 : 8) : 1,
    isSigned: false,
    isLittle: dialect.isLittle,
    base: 10
  }
  const labels = `{ compact = 0 ... ${compactMax}, extended = ${compactMax + 1} }`
  const idText = `enum : ${integerTsdl(next, dialect, idShape)} ${labels}`
  const map = mapOf(shape)
  const time = (size: number): Type =>
    mapped(
      told(next, place, size, "default-clock-timestamp", () => now.clock),
      map
    )
  const compact = together([{ name: "timestamp", type: time(clockBits) }], 1)
  const whole = { name: "id", type: told(next, place, 32, "event-record-class-id", () => now.eventId) }
  const extended = together([whole, { name: "timestamp", type: time(64) }], 1)
  const id: Type = {
    alignment: idShape.alignment,
    tsdl: (name) => `${idText} ${name}`,
    json: () => ({ ...integerJson(idShape), roles: ["event-record-class-id"] }),
    make: () => (writer) => integerWrite(idShape, now.isExtended ? BigInt(compactMax + 1) : now.eventId)(writer)
  }
  const option = (name: string, type: Type, lower: number, upper: number) => ({
    name,
    "field-class": type.json(),
    "selector-field-ranges": [[lower, upper]]
  })
  const chosen: Type = {
    alignment: 1,
    tsdl: (name) => `variant <id> { ${compact.tsdl("compact")}; ${extended.tsdl("extended")}; } ${name}`,
    json: () => ({
      type: "variant",
      "selector-field-location": { path: ["id"] },
      options: [option("compact", compact, 0, compactMax), option("extended", extended, compactMax + 1, compactMax + 1)]
    }),
    make: (next, values) => {
      const [short, long] = [compact.make(next, values), extended.make(next, values)]
      return (writer) => (now.isExtended ? long : short)(writer)
    }
  }
  const { tsdlBody, ...type } = together(
    [
      { name: "id", type: id },
      { name: "v", type: chosen }
    ],
    8 << below(next, 3)
  )
  return { type, tsdl: tsdlBody, compactMax }
}
