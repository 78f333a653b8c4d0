/**
 * Who recorded where, written down below the output directory for principals whose bytes on disk are bounded, so that
 * the bound outlives the relay. A line each, `["principal","directory"]`, which begins with its newline: that ends a
 * line that a crash cut off.
 */
import { Effect, Option, Schema, Semaphore } from "effect"
import type { FileFailed } from "../../storage/Files.ts"
import type { TraceStore } from "../../storage/TraceStore.ts"

/** Below the output directory. */
const place = ".recordings"

/** It is no larger: it is read into memory at a start. */
const fileBytesMax = 16 * 1024 * 1024

export type Recording = readonly [principal: string, directory: string]

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Tuple([Schema.String, Schema.String])))

/** As many of the lines as `bytesMax` has room for. */
const written = (recordings: ReadonlyArray<Recording>, bytesMax: number): Lines => {
  const lines: Array<Buffer> = []
  let byteCount = 0
  for (const recording of recordings) {
    const line = Buffer.from(`\n${JSON.stringify(recording)}`)
    if (byteCount + line.length > bytesMax) break
    byteCount += line.length
    lines.push(line)
  }
  return { bytes: Buffer.concat(lines, byteCount), isAll: lines.length === recordings.length }
}

interface Lines {
  readonly bytes: Buffer
  readonly isAll: boolean
}

export class Recordings {
  readonly #store: TraceStore["Service"]
  readonly #gate = Semaphore.makeUnsafe(1)

  constructor(store: TraceStore["Service"]) {
    this.#store = store
  }

  get #path(): string {
    return `${this.#store.output}/${place}`
  }

  /** What earlier relays wrote down; none where there is no file, or it cannot be read. */
  get all(): Effect.Effect<ReadonlyArray<Recording>> {
    const files = this.#store.retraceable.plain
    return Effect.gen({ self: this }, function* () {
      const bytes = Buffer.alloc(Math.min(yield* files.size(this.#path), fileBytesMax))
      const file = yield* files.open(this.#path, "read")
      const count = yield* Effect.ensuring(file.read(bytes, 0), file.close)
      const lines = bytes.toString("utf8", 0, count).split("\n")
      return lines.flatMap((line): ReadonlyArray<Recording> => Option.toArray(decode(line)))
    }).pipe(Effect.orElseSucceed(() => []))
  }

  /** False: the file has no room for all of them. */
  append(recordings: ReadonlyArray<Recording>): Effect.Effect<boolean, FileFailed> {
    return this.#write("continue", recordings)
  }

  /** With those that are still there. False: there is no room for all of them. */
  replace(recordings: ReadonlyArray<Recording>): Effect.Effect<boolean, FileFailed> {
    return this.#write("create", recordings)
  }

  #write(mode: "continue" | "create", recordings: ReadonlyArray<Recording>): Effect.Effect<boolean, FileFailed> {
    const files = this.#store.retraceable.plain
    const all = Effect.gen({ self: this }, function* () {
      const path = mode === "create" ? `${this.#path}.new` : this.#path
      const at = mode === "create" ? 0 : yield* Effect.orElseSucceed(files.size(path), () => 0)
      const { bytes, isAll } = written(recordings, fileBytesMax - at)
      if (mode === "continue" && bytes.length === 0) return isAll
      yield* files.makeDirectory(this.#store.output)
      const file = yield* files.open(path, at === 0 ? "create" : mode)
      yield* Effect.ensuring(file.write([bytes], at), file.close)
      if (mode === "create") yield* files.rename(path, this.#path)
      return isAll
    })
    return Semaphore.withPermits(this.#gate, 1)(all)
  }
}
