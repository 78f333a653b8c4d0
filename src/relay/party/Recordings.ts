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

/** Nothing is added to a larger file: what comes then is remembered until the relay ends. */
const fileBytesMax = 16 * 1024 * 1024

export type Recording = readonly [principal: string, directory: string]

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Tuple([Schema.String, Schema.String])))

const textOf = (recordings: Iterable<Recording>): string =>
  Array.from(recordings, (recording) => `\n${JSON.stringify(recording)}`).join("")

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

  append(recordings: ReadonlyArray<Recording>): Effect.Effect<void, FileFailed> {
    return this.#write("continue", recordings)
  }

  /** With those that are still there. */
  replace(recordings: ReadonlyArray<Recording>): Effect.Effect<void, FileFailed> {
    return this.#write("create", recordings)
  }

  #write(mode: "continue" | "create", recordings: ReadonlyArray<Recording>): Effect.Effect<void, FileFailed> {
    const files = this.#store.retraceable.plain
    const written = Effect.gen({ self: this }, function* () {
      const path = mode === "create" ? `${this.#path}.new` : this.#path
      const at = mode === "create" ? 0 : yield* Effect.orElseSucceed(files.size(path), () => 0)
      if (at > fileBytesMax) return
      yield* files.makeDirectory(this.#store.output)
      const file = yield* files.open(path, at === 0 ? "create" : mode)
      yield* Effect.ensuring(file.write([Buffer.from(textOf(recordings))], at), file.close)
      if (mode === "create") yield* files.rename(path, this.#path)
    })
    return Semaphore.withPermits(this.#gate, 1)(written)
  }
}
