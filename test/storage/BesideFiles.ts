/**
 * `Files` with another thread to write to them, but without the thread: what is handed over is written one turn later,
 * or when it is settled, and told another turn later.
 */
import { Effect } from "effect"
import * as Machine from "../../src/Machine.ts"
import type { Piece } from "../../src/memory/Piece.ts"
import type { Files, OpenFile } from "../../src/storage/Files.ts"

export class BesideFiles {
  readonly #files: Files["Service"]
  /** Writes handed over so far, and how many of them were still to be written when they were settled. */
  handedOverCount = 0
  settledEarlyCount = 0
  settledCount = 0
  /** Every so many writes one is short by half; 0: none. */
  cutEvery = 0

  constructor(files: Files["Service"]) {
    this.#files = files
  }

  get service(): Files["Service"] {
    return { ...this.#files, open: (path, mode) => Effect.map(this.#files.open(path, mode), this.#opened) }
  }

  readonly #opened = (file: OpenFile): OpenFile => {
    const { writeNow } = file
    if (writeNow === undefined) return file
    // A file is no plain object: its operations are not its own properties.
    return {
      device: file.device,
      inode: file.inode,
      write: (buffers, position) => file.write(buffers, position),
      writeNow,
      hasBesideRoom: () => true,
      writeBeside: (pieces, position, onDone) => this.#write(writeNow, pieces, position, onDone),
      read: (into, position) => file.read(into, position),
      truncate: (size) => file.truncate(size),
      sync: file.sync,
      close: file.close
    }
  }

  #write(
    writeNow: NonNullable<OpenFile["writeNow"]>,
    pieces: ReadonlyArray<Piece>,
    position: number,
    onDone: () => void
  ) {
    const isCut = ++this.handedOverCount % this.cutEvery === 0
    let writtenBytes: number | undefined
    let isSettled = false
    let isBegun = false
    const perform = () => {
      let at = position
      for (const { bytes, from, to } of pieces) {
        const count = writeNow(bytes, from, isCut ? (from + to) >> 1 : to, at)
        at += count
        if (count < to - from) break
      }
      return at - position
    }
    const tell = () => {
      if (!isSettled) onDone()
    }
    Machine.setImmediate(() => {
      isBegun = true
      writtenBytes ??= perform()
      Machine.setImmediate(tell)
    })
    return {
      get isBegun() {
        return isBegun || writtenBytes !== undefined
      },
      settle: () => {
        this.settledCount++
        if (writtenBytes === undefined) this.settledEarlyCount++
        isSettled = true
        writtenBytes ??= perform()
        return writtenBytes
      }
    }
  }
}
