/** Memory that is filled once, written somewhere once, and given back; also by other threads. */

/** The bytes `[from, to)` of memory that belongs to somebody else. */
export interface Piece {
  readonly bytes: Buffer
  /** What is left to be written: `bytes[from, to)`. */
  from: number
  to: number
  /** Gives the memory back; called once, when nothing reads it any more. */
  readonly release: () => void
}

/** From so many bytes on it pays to hand them to another thread: fewer are copied here in the time that takes. */
export const besideBytesMin = 64 * 1024

/** Most pieces that go to another thread at once. */
export const besidePieceCountMax = 8

/** Pieces that another thread is writing. They must not change before this is settled. */
export interface BesideWrite {
  /** Ends the write now and answers how many bytes were written; the same if called again. */
  readonly settle: () => number
  /** Whether the other thread has begun: settling it may then take a while. */
  readonly isBegun: boolean
}

/** Whether other threads can read the memory. Slabs and the rings of packets are of this kind. */
export const isShared = (bytes: Uint8Array): boolean => bytes.buffer instanceof SharedArrayBuffer

/** Memory that other threads can read, all zero; undefined: there is not that much. */
export const allocateShared = (byteCount: number): Buffer | undefined => {
  try {
    return Buffer.from(new SharedArrayBuffer(byteCount))
  } catch {
    return undefined
  }
}
