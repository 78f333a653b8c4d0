/**
 * Files in memory of which one operation goes wrong: fails, is cut short, or stalls until it is let go; once, or it and
 * all after it. Only operations on paths with `part` in them count.
 */
import { Deferred, Effect } from "effect"
import { FileFailed, Files, type OpenFile } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"

export interface Oddity {
  /** The number of the first operation that goes wrong, from 1 on. */
  readonly at: number
  readonly isForEver: boolean
  /** The system's code; a write with it ends in the middle if it is `short`. */
  readonly code: string
  readonly isShort?: boolean
  readonly isStalled?: boolean
}

export class OddFiles {
  readonly memory: MemoryFiles
  operationCount = 0
  oddCount = 0
  readonly #part: string
  #oddity: Oddity | undefined
  readonly #gate = Deferred.makeUnsafe<void>()

  constructor(part: string, isImmediate: boolean, oddity?: Oddity) {
    this.memory = new MemoryFiles({ isImmediate })
    this.#part = part
    this.#oddity = oddity
  }

  /** From now on nothing goes wrong, and what stalls goes on. */
  get heal(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#oddity = undefined
      return Effect.asVoid(Deferred.succeed(this.#gate, undefined))
    })
  }

  get service(): Files["Service"] {
    const files = this.memory.service
    return Files.of({
      open: (path, mode) =>
        Effect.map(this.#run("open", path, files.open(path, mode)), (file) => this.#opened(file, path)),
      makeDirectory: (path) => this.#run("mkdir", path, files.makeDirectory(path)),
      rename: (from, to) => this.#run("rename", from, files.rename(from, to)),
      unlink: (path) => this.#run("unlink", path, files.unlink(path)),
      displace: (path) => this.#run("unlink", path, files.displace(path)),
      syncDirectory: (path) => this.#run("fsync", path, files.syncDirectory(path)),
      removeDirectory: (path) => this.#run("rmdir", path, files.removeDirectory(path)),
      list: (path) => this.#run("readdir", path, files.list(path)),
      size: files.size,
      resolve: (path) => this.#run("realpath", path, files.resolve(path))
    })
  }

  #opened(file: OpenFile, path: string): OpenFile {
    const { writeNow } = file
    return {
      device: file.device,
      inode: file.inode,
      // What is to go wrong goes wrong in `write`.
      writeNow:
        writeNow === undefined
          ? undefined
          : (bytes, from, to, position) => {
              if (this.#isNextOdd(path)) return 0
              this.#count(path)
              return writeNow(bytes, from, to, position)
            },
      writeBeside: undefined,
      write: (buffers, position) =>
        this.#run("write", path, file.write(buffers, position), { file, buffers, position }),
      read: (into, position) => this.#run("read", path, file.read(into, position)),
      truncate: (size) => this.#run("truncate", path, file.truncate(size)),
      sync: this.#run("fsync", path, file.sync),
      close: file.close
    }
  }

  #count(path: string): void {
    if (path.includes(this.#part)) this.operationCount++
  }

  #isNextOdd(path: string): boolean {
    return path.includes(this.#part) && this.#isOdd(this.operationCount + 1)
  }

  #isOdd(number: number): boolean {
    const odd = this.#oddity
    return odd !== undefined && (odd.isForEver ? number >= odd.at : number === odd.at)
  }

  #run<A>(
    operation: string,
    path: string,
    act: Effect.Effect<A, FileFailed>,
    write?: { readonly file: OpenFile; readonly buffers: ReadonlyArray<Uint8Array>; readonly position: number }
  ): Effect.Effect<A, FileFailed> {
    const step = Effect.suspend((): Effect.Effect<A, FileFailed> => {
      this.#count(path)
      const odd = this.#oddity
      if (odd === undefined || !path.includes(this.#part) || !this.#isOdd(this.operationCount)) return act
      this.oddCount++
      if (odd.isStalled === true) return Effect.andThen(Deferred.await(this.#gate), act)
      const failed = Effect.fail(new FileFailed({ operation, path, code: odd.code }))
      if (write === undefined || odd.isShort !== true) return failed
      const bytes = Buffer.concat(write.buffers)
      return Effect.andThen(write.file.write([bytes.subarray(0, bytes.length >> 1)], write.position), failed)
    })
    return Effect.uninterruptible(step)
  }
}
