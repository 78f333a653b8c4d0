/**
 * Streams of a journal that the relay cannot know by their handles: the ADD_STREAM is damaged, or the record with what
 * it was answered. Handles of a journal grow, so one that nobody saw given, above those that were known before the
 * damage, is that of a lost record.
 */
import * as RotateStreams from "../../protocol/control/RotateStreams.ts"
import * as Header from "../../protocol/Header.ts"
import { u64Max } from "../../protocol/Struct.ts"

export interface Altered {
  /** The lost record for which it is: a relay that had that one needs no other. */
  readonly cause: number
  /** Makes another payload of `bytes[from, to)`, in place, and answers where that ends. */
  readonly alter: (bytes: Buffer, from: number, to: number) => number
}

/** The answer to an ADD_STREAM as if that had been refused. */
export const refused = (cause: number): Altered => ({
  cause,
  alter: (bytes, from, to) => {
    bytes.writeBigUInt64BE(u64Max, from)
    return to
  }
})

const { offsets, size } = RotateStreams.position

/** ROTATE_STREAMS without those that have a cause, if it has any. */
export const withoutPositions = (
  command: Buffer,
  begin: number,
  end: number,
  causeOf: (stream: bigint) => number | undefined
): Altered | undefined => {
  const fields = begin + Header.size
  const count = end - fields < 4 ? 0 : command.readUInt32BE(fields)
  const first = end - count * size
  if (count === 0 || first < fields) return undefined
  const kept: Array<number> = []
  let cause = 0
  for (let at = first; at < end; at += size) {
    const of = causeOf(command.readBigUInt64BE(at + offsets.streamId))
    if (of === undefined) kept.push(at - begin)
    else cause = Math.max(cause, of)
  }
  if (kept.length === count) return undefined
  const alter = (bytes: Buffer, from: number) => {
    let to = from + first - begin
    for (const at of kept) to += bytes.copy(bytes, to, from + at, from + at + size)
    bytes.writeUInt32BE(kept.length, from + Header.size)
    bytes.writeBigUInt64BE(BigInt(to - from - Header.size), from + Header.offsets.dataSize)
    return to
  }
  return { cause, alter }
}

export class Unhandled {
  readonly #given = new Set<bigint>()
  /** The record in which the handle is, by stream. */
  readonly #lost = new Map<bigint, number>()
  readonly #told = new Set<bigint>()
  /** By connection: streams that were asked for, and not answered yet. */
  readonly #asked = new Map<number, number>()
  /** Connections of which a command is lost. */
  readonly #without = new Set<number>()
  #highest = -1n
  /** Records with handles that are lost, and the highest stream that was known before. */
  readonly #handles: Array<{ readonly number: number; readonly floor: bigint }> = []

  asked(connection: number): void {
    this.#asked.set(connection, (this.#asked.get(connection) ?? 0) + 1)
  }

  lostCommand(connection: number): void {
    this.#without.add(connection)
  }

  /** Whether the relay waits for the handle that comes now. What asked for it may have been freed. */
  isAsked(connection: number): boolean {
    const count = this.#asked.get(connection) ?? 0
    if (count > 0) this.#asked.set(connection, count - 1)
    return count > 0 || !this.#without.has(connection)
  }

  given(stream: bigint): void {
    if (stream === u64Max) return
    this.#given.add(stream)
    if (stream > this.#highest) this.#highest = stream
  }

  /** `isFromFirst`: nothing of the journal was freed before it was read. */
  lostHandle(number: number, isFromFirst: boolean): void {
    // Where no stream is known, nobody can tell the lost one from those before it.
    this.#handles.push({ number, floor: isFromFirst || this.#highest >= 0n ? this.#highest : u64Max })
  }

  lostStream(stream: bigint, number: number): void {
    if (stream !== u64Max) this.#lost.set(stream, number)
  }

  /** Something names the stream. Answers which record is lost that the relay would know it by. */
  causeOf(stream: bigint): number | undefined {
    const lost = this.#lost.get(stream)
    if (lost !== undefined || this.#given.has(stream)) return lost
    const cause = this.#handles.findLast(({ floor }) => floor < stream)?.number
    if (cause === undefined) this.given(stream)
    return cause
  }

  /** Answers once for each that it is new. */
  isNew(stream: bigint): boolean {
    if (this.#told.has(stream)) return false
    this.#told.add(stream)
    return true
  }
}
