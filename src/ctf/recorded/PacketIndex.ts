/**
 * Finds where the wanted part of a data file begins, by the index file beside it (storage.md §5): the heads of earlier
 * packets are not read. An index is only a cache. It is ignored if it is missing or damaged, or if it contradicts the
 * packet that it leads to.
 */
import { closeSync, openSync, readSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { pathOf } from "../../protocol/Text.ts"
import { type Clock, compare, type Time } from "../decode/Clock.ts"
import { DataStream } from "../decode/DataStream.ts"
import { Fault } from "../decode/Fault.ts"
import type { TracePlan } from "../decode/Plan.ts"
import { FileWindow } from "./FileWindow.ts"
import type { DataFile } from "./TraceDirectories.ts"

/** Memory of the block that was read last: one index is read at a time, of thousands. */
const blockRead = new Uint8Array(64 * 1024)
const windowOptions = { windowBytes: 4096, isKept: false, isHeld: false, spare: [] }
const two32 = 0x1_0000_0000
// The layout of `protocol/CtfIndex` in numbers: a reader would load its codecs for nothing.
const magic = 0xc1f1dcc1
const majorAt = 4
const recordSizeAt = 12
const headerSize = 16
const recordSizeMin = 56
const offsetAt = 0
const packetBitsAt = 8
const beginAt = 24
const endAt = 32

/** What the index says of one packet: offset in bytes, size in bits, times in ns. */
interface Entry {
  readonly offset: number
  readonly bits: number
  readonly begin: Time
  readonly end: Time
}

function* blocks(path: string): Generator<DataView, void> {
  const descriptor = openSync(pathOf(path), "r")
  try {
    for (let at = 0; ; ) {
      const count = readSync(descriptor, blockRead, 0, blockRead.length, at)
      if (count === 0) return
      at += count
      yield new DataView(blockRead.buffer, 0, count)
    }
  } finally {
    closeSync(descriptor)
  }
}

/** The records of an index file, none if it is no index. Each block is joined with the rest of the one before. */
function* records(path: string): Generator<DataView, void> {
  let size = 0
  let rest = new Uint8Array(0)
  for (const block of blocks(path)) {
    const bytes = new Uint8Array(rest.length + block.byteLength)
    bytes.set(rest)
    bytes.set(new Uint8Array(block.buffer, 0, block.byteLength), rest.length)
    const view = new DataView(bytes.buffer)
    let at = 0
    if (size === 0) {
      if (bytes.length < headerSize) return
      size = view.getUint32(recordSizeAt)
      if (view.getUint32(0) !== magic || view.getUint32(majorAt) !== 1 || size < recordSizeMin) return
      at = headerSize
    }
    for (; at + size <= bytes.length; at += size) yield new DataView(bytes.buffer, at, size)
    rest = bytes.slice(at)
  }
}

const number = (view: DataView, at: number): number => view.getUint32(at) * two32 + view.getUint32(at + 4)

const timeOf = (view: DataView, at: number, clock: Clock): Time => {
  const time = { high: 0, low: 0 }
  clock.convert(view.getUint32(at), view.getUint32(at + 4), time)
  return time
}

/** The packet before the first one that may have events from `begin` on; undefined: there is none, or a gap. */
const search = (path: string, clock: Clock, begin: Time): Entry | undefined => {
  let last: Entry | undefined
  for (const record of records(path)) {
    const offset = number(record, offsetAt)
    const bits = number(record, packetBitsAt)
    if (offset !== (last === undefined ? 0 : last.offset + last.bits / 8) || bits === 0 || bits % 8 !== 0)
      return undefined
    const entry = { offset, bits, begin: timeOf(record, beginAt, clock), end: timeOf(record, endAt, clock) }
    if (compare(entry.end, begin) >= 0 || compare(entry.end, entry.begin) < 0) break
    last = entry
  }
  return last
}

/** Whether the file has the packet that the index tells of. */
const isThere = (file: DataFile, trace: TracePlan, { begin, bits, end, offset }: Entry): boolean => {
  if (offset + bits / 8 > file.byteCount) return false
  const window = new FileWindow(file, windowOptions)
  const stream = new DataStream(file.path, trace)
  const isOpen = stream.open(window.from(offset))
  window.release()
  if (!isOpen || stream.totalBits !== bits || !stream.hasBegin || !stream.hasEnd) return false
  return compare(stream.begin, begin) === 0 && compare(stream.end, end) === 0
}

/**
 * The byte offset to begin reading at: that of the last packet before `begin`, whose counters are needed to tell what
 * was lost after it. 0 if the index does not tell.
 */
export const offsetBefore = (file: DataFile, trace: TracePlan, clock: Clock | undefined, begin: Time): number => {
  if (clock === undefined) return 0
  try {
    const found = search(join(dirname(file.path), "index", `${basename(file.path)}.idx`), clock, begin)
    return found !== undefined && isThere(file, trace, found) ? found.offset : 0
  } catch (cause) {
    // A time that cannot be converted, or no index file.
    if (cause instanceof Fault || (cause instanceof Error && "code" in cause)) return 0
    throw cause
  }
}
