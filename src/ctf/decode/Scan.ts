/**
 * Moves from the end of an event record's header to its end, and notes where each scope begins: what every record
 * costs. Records of fixed size share one function. For others code is generated once they turn out to be many; until
 * then closures do.
 */
import type { Scope, Structure } from "../model/FieldClass.ts"
import { align, type Cursor, need } from "./Cursor.ts"
import { generateEvent } from "./Generated.ts"
import { emptyElements, emptyVisits, emptyVisitsMax, fixedBits } from "./Layout.ts"
import * as Skip from "./Skip.ts"
import { root, type Slots } from "./Slots.ts"

/** The parts of an event record after its header. */
export interface Record {
  readonly common: Structure | undefined
  readonly own: Structure | undefined
  readonly payload: Structure | undefined
}

/** After so many records of one class, generating code for it pays. */
const manyRecords = 200

interface Fixed {
  readonly alignment: number
  readonly bits: number
}

/** With three of these a position still fits 31 bits. */
const bitsMax = 2 ** 28

const nothing: Fixed = { alignment: 1, bits: 0 }

const fixedOf = (structure: Structure | undefined, scope: Scope, slots: Slots): Fixed | undefined => {
  if (structure === undefined) return nothing
  const bits = slots.isWithin(root(scope)) || emptyElements(structure) > 0 ? undefined : fixedBits(structure)
  const isSmall = bits !== undefined && bits < bitsMax && structure.alignment < bitsMax
  return isSmall ? { alignment: structure.alignment, bits } : undefined
}

/** Undefined if the size depends on the record's contents. */
const fixed = ({ common, own, payload }: Record, slots: Slots): Skip.Skip | undefined => {
  const first = fixedOf(common, "event-record-common-context", slots)
  const second = fixedOf(own, "event-record-specific-context", slots)
  const third = fixedOf(payload, "event-record-payload", slots)
  if (first === undefined || second === undefined || third === undefined) return undefined
  const { alignment: firstAlignment, bits: firstBits } = first
  const { alignment: secondAlignment, bits: secondBits } = second
  const { alignment: thirdAlignment, bits: thirdBits } = third
  return (cursor) => {
    cursor.commonAt = cursor.at
    align(cursor, firstAlignment)
    cursor.at += firstBits
    cursor.ownAt = cursor.at
    align(cursor, secondAlignment)
    cursor.at += secondBits
    cursor.payloadAt = cursor.at
    align(cursor, thirdAlignment)
    need(cursor, thirdBits)
    cursor.at += thirdBits
  }
}

const closures = ({ common, own, payload }: Record, slots: Slots): Skip.Skip => {
  const skipCommon = common && Skip.skip(common, root("event-record-common-context"), slots)
  const skipOwn = own && Skip.skip(own, root("event-record-specific-context"), slots)
  const skipPayload = payload && Skip.skip(payload, root("event-record-payload"), slots)
  return (cursor) => {
    cursor.commonAt = cursor.at
    skipCommon?.(cursor)
    cursor.ownAt = cursor.at
    skipOwn?.(cursor)
    cursor.payloadAt = cursor.at
    skipPayload?.(cursor)
  }
}

/** `replace` is called with a faster scan, once the records are many. */
export const scan = (record: Record, slots: Slots, replace: ((scan: Skip.Skip) => void) | undefined): Skip.Skip => {
  const isHuge = [record.common, record.own, record.payload].some((one) => one && emptyVisits(one) > emptyVisitsMax)
  if (replace === undefined || isHuge) return closures(record, slots)
  const short = fixed(record, slots)
  if (short !== undefined) return short
  const plain = closures(record, slots)
  let count = 0
  return (cursor: Cursor) => {
    if (++count === manyRecords) replace(generateEvent(record.common, record.own, record.payload, slots))
    plain(cursor)
  }
}
