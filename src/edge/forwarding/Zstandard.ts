/**
 * Frames of Zstandard, one after the other from one stream of zlib's: its tables are made once, and what it writes into
 * is used up before there is more. On zlib's threads.
 */
import { constants, createZstdCompress, type ZstdCompress } from "node:zlib"

/** Longer inputs find less of themselves, and memory does not grow with them. */
const windowLog = 19
const tableLog = 16

/** Of output: a frame or two. */
const chunkBytes = 256 * 1024

/** All of a frame is taken once it is there: more than any. */
const highWaterMark = 4 * 1024 * 1024

export class Zstandard {
  #stream: ZstdCompress | undefined

  /** Gives the pieces of one frame; undefined: it failed. One at a time. */
  frame(bytes: Uint8Array, done: (pieces: ReadonlyArray<Buffer> | undefined) => void): void {
    const stream = this.#open()
    const failed = () => {
      this.#stream = undefined
      done(undefined)
    }
    stream.once("error", failed)
    stream.write(bytes, (cause) => {
      if (cause) return
      stream.removeListener("error", failed)
      const pieces: Array<Buffer> = []
      for (let piece = stream.read(); piece !== null; piece = stream.read()) pieces.push(piece as Buffer)
      done(pieces)
    })
  }

  #open(): ZstdCompress {
    this.#stream ??= createZstdCompress({
      params: {
        [constants.ZSTD_c_compressionLevel]: 3,
        [constants.ZSTD_c_windowLog]: windowLog,
        [constants.ZSTD_c_hashLog]: tableLog,
        [constants.ZSTD_c_chainLog]: tableLog
      },
      flush: constants.ZSTD_e_end,
      chunkSize: chunkBytes,
      ...{ readableHighWaterMark: highWaterMark, writableHighWaterMark: highWaterMark }
    })
    return this.#stream
  }
}
