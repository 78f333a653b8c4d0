/** The members of a structure, printed one after the other: what both forms of printing share. */
import { align, type Cursor } from "../decode/Cursor.ts"
import type { Bytes } from "./Bytes.ts"
import type { Piece } from "./Piece.ts"

export type Write = (cursor: Cursor, out: Bytes) => void

export interface Step {
  /** What is written before the member; undefined: the member is only passed over. */
  readonly prefix: Piece | undefined
  readonly step: Write
}

export const inTurn = (alignment: number, steps: ReadonlyArray<Step>, end: Piece): Write => {
  const prefixes = steps.map(({ prefix }) => prefix)
  const writes = steps.map(({ step }) => step)
  return (cursor, out) => {
    align(cursor, alignment)
    for (let i = 0; i < writes.length; i++) {
      const prefix = prefixes[i]
      if (prefix !== undefined) out.write(prefix)
      ;(writes[i] as Write)(cursor, out)
    }
    out.write(end)
  }
}
