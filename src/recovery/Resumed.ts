/**
 * How much of what is to be added to a file is there already, as a repair was killed while it added it: the longest end
 * of the file that is a beginning of what is to be added. Nothing is lost by that, even if the bytes are the same by
 * chance: all of them are in the file, in their order.
 */
import * as fs from "node:fs"
import type { Range } from "./Finding.ts"

const blockBytes = 1024 * 1024
/** A packet's magic, and the first bytes of its trace's UUID. Fewer bytes are not taken for added already. */
const keyBytes = 16
/** If more places than this begin alike, to add something twice costs less than to search on. */
const candidateCountMax = 64

/** The ranges without their first `count` bytes. */
export const after = (ranges: ReadonlyArray<Range>, count: number): ReadonlyArray<Range> => {
  let skipped = 0
  return ranges.flatMap(({ from, to }) => {
    const begin = Math.min(to, from + count - skipped)
    skipped += begin - from
    return begin === to ? [] : [{ from: begin, to }]
  })
}

const filled = (descriptor: number, block: Uint8Array, at: number): Uint8Array => {
  let done = 0
  while (done < block.length) {
    const count = fs.readSync(descriptor, block, done, block.length - done, at + done)
    if (count === 0) break
    done += count
  }
  return block.subarray(0, done)
}

/** Whether the bytes of `target` from `at` on are those with which the ranges begin. */
const isBegun = (source: number, ranges: ReadonlyArray<Range>, target: number, at: number, size: number): boolean => {
  const [mine, theirs] = [Buffer.allocUnsafe(blockBytes), Buffer.allocUnsafe(blockBytes)]
  let place = at
  for (const { from, to } of ranges) {
    for (let offset = from; offset < to && place < size; ) {
      const count = Math.min(blockBytes, to - offset, size - place)
      const wanted = filled(source, mine.subarray(0, count), offset)
      if (Buffer.compare(wanted, filled(target, theirs.subarray(0, count), place)) !== 0) return false
      offset += count
      place += count
    }
  }
  return place === size
}

/** How many bytes of the ranges of `source` are the end of `target`, which has `size` bytes. */
export const countOf = (source: number, ranges: ReadonlyArray<Range>, target: number, size: number): number => {
  const total = ranges.reduce((sum, { from, to }) => sum + to - from, 0)
  const [first] = ranges
  if (first === undefined || Math.min(first.to - first.from, size) < keyBytes) return 0
  const key = filled(source, Buffer.allocUnsafe(keyBytes), first.from)
  const block = Buffer.allocUnsafe(blockBytes)
  let candidateCount = 0
  for (let at = Math.max(0, size - total); at + keyBytes <= size; at += blockBytes - keyBytes + 1) {
    const read = block.subarray(0, filled(target, block, at).length)
    for (let found = read.indexOf(key); found >= 0; found = read.indexOf(key, found + 1)) {
      if (isBegun(source, ranges, target, at + found, size)) return size - at - found
      if (++candidateCount === candidateCountMax) return 0
    }
  }
  return 0
}
