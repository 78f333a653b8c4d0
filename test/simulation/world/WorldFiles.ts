/** A disk of a simulated world: it takes its time, stalls, fails and is full at times, until it is healed. */
import { Effect } from "effect"
import { FileFailed, Files, type OpenFile } from "../../../src/storage/Files.ts"
import { MemoryFiles } from "../../../src/storage/MemoryFiles.ts"
import type { Random } from "./Random.ts"

const codes = ["EIO", "ENOSPC", "EMFILE", "EACCES", "EDQUOT"]
const stallMillisMax = 5000

export interface Rates {
  /** Operations that fail, that stall. */
  readonly failing: number
  readonly stalling: number
  readonly latencyMillis: number
}

export class WorldFiles {
  readonly memory: MemoryFiles
  faultCount = 0
  readonly #random: Random
  #rates: Rates

  constructor(random: Random, rates: Rates) {
    this.memory = new MemoryFiles({ isImmediate: random.chance(0.5) })
    this.#random = random
    this.#rates = rates
  }

  heal(): void {
    this.#rates = { failing: 0, stalling: 0, latencyMillis: this.#rates.latencyMillis }
  }

  get service(): Files["Service"] {
    const files = this.memory.service
    return Files.of({
      ...files,
      open: (path, mode) =>
        Effect.map(this.#run("open", path, files.open(path, mode)), (file) => this.#opened(file, path)),
      makeDirectory: (path) => this.#run("mkdir", path, files.makeDirectory(path)),
      rename: (from, to) => this.#run("rename", from, files.rename(from, to)),
      unlink: (path) => this.#run("unlink", path, files.unlink(path)),
      displace: (path) => this.#run("unlink", path, files.displace(path)),
      removeDirectory: (path) => this.#run("rmdir", path, files.removeDirectory(path)),
      list: (path) => this.#run("readdir", path, files.list(path))
    })
  }

  #opened(file: OpenFile, path: string): OpenFile {
    const { writeNow } = file
    return {
      device: file.device,
      inode: file.inode,
      writeNow:
        writeNow === undefined
          ? undefined
          : (bytes, from, to, position) => {
              const isCut = this.#random.chance(this.#rates.failing)
              return writeNow(bytes, from, isCut ? (from + to) >> 1 : to, position)
            },
      writeBeside: undefined,
      write: (buffers, position) => this.#run("write", path, file.write(buffers, position)),
      read: (into, position) => this.#run("read", path, file.read(into, position)),
      truncate: (size) => this.#run("truncate", path, file.truncate(size)),
      sync: this.#run("fsync", path, file.sync),
      close: file.close
    }
  }

  #run<A>(operation: string, path: string, act: Effect.Effect<A, FileFailed>): Effect.Effect<A, FileFailed> {
    const step = Effect.suspend((): Effect.Effect<A, FileFailed> => {
      const { failing, latencyMillis, stalling } = this.#rates
      const isFailing = this.#random.chance(failing)
      const isStalling = this.#random.chance(stalling)
      if (isFailing || isStalling) this.faultCount++
      const done = isFailing ? Effect.fail(new FileFailed({ operation, path, code: this.#random.pick(codes) })) : act
      const millis = isStalling ? this.#random.between(1, stallMillisMax) : this.#random.next() * latencyMillis
      return millis < 0.1 ? done : Effect.andThen(Effect.sleep(millis), done)
    })
    return Effect.uninterruptible(step)
  }
}
