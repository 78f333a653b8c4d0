/**
 * Makes Zstandard frames, all by one stream of zlib's, so that its tables and its memory are used again. The work is
 * done on zlib's threads.
 */
import { constants, createZstdCompress, type ZstdCompress } from "node:zlib"

/** Bounds the memory; matches further back are not found. */
const windowLog = 19
const tableLog = 16

/** Size of the output memory: a frame or two. */
const chunkBytes = 256 * 1024

/** Larger than any frame, so that all of it is taken at once. */
const highWaterMark = 4 * 1024 * 1024

export class Zstandard {
  #stream: ZstdCompress | undefined

  /** The pieces of one frame; undefined: it failed. To be called for one frame at a time. */
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
