/** Memory that is filled once, written somewhere once, and given back. */

/** The bytes `[from, to)` of memory that is somebody else's. */
export interface Piece {
  readonly bytes: Buffer
  /** What is left of it. */
  from: number
  to: number
  /** Gives the memory back; called once, when nothing reads it any more. */
  readonly release: () => void
}

/** Bytes from which on it pays to hand them to another thread: fewer are copied here in the time that takes. */
export const besideBytesMin = 64 * 1024

/** At most so many pieces go to another thread at once. */
export const besidePieceCountMax = 8

/** Pieces that another thread is writing. They must not change before this is settled. */
export interface BesideWrite {
  /** Ends it now and answers how many bytes were written; the same when called again. */
  readonly settle: () => number
  /** The other thread is at it, or has done it: to settle it may take its time. */
  readonly isBegun: boolean
}

/** Whether another thread can read the memory: large packets lie in such. */
export const isShared = (bytes: Uint8Array): boolean => bytes.buffer instanceof SharedArrayBuffer

/** Memory for many bytes, all zero; undefined: there is not that much. */
export const allocateShared = (byteCount: number): Buffer | undefined => {
  try {
    return Buffer.from(new SharedArrayBuffer(byteCount))
  } catch {
    return undefined
  }
}
