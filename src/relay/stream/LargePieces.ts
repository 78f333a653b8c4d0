/**
 * Large memory for parts of files, a fixed number of pieces for all viewers together: once what a piece holds is sent,
 * it serves whichever viewer reads next.
 */
import { headBytesMax } from "../../memory/RecentPackets.ts"

/** Size of one read of the disk and one write to the socket; more makes neither faster. A reply's head fits besides. */
export const largeBytes = 256 * 1024
/** 8 MiB: what a few dozen viewers read at once. */
const largeCountMax = 32

const spare: Array<Buffer> = []
let lentCount = 0

/** Undefined: all are in use. */
export const lend = (): Buffer | undefined => {
  if (lentCount === largeCountMax) return undefined
  lentCount++
  return spare.pop() ?? Buffer.allocUnsafeSlow(headBytesMax + largeBytes)
}

export const giveBack = (memory: Buffer): void => {
  lentCount--
  spare.push(memory)
}

/** A lent piece is left to the garbage collector, as somebody may still write into it. */
export const lose = (): void => {
  lentCount--
}
