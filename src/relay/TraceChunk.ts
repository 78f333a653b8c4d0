/**
 * A trace chunk: a directory that several streams and relay sessions write in, and what happens to it when the last of
 * them has left (storage.md §4). References are counted by `retain` and `release`; the close action runs when the count
 * reaches zero, in the registry's own fiber, so nobody who leaves waits for it.
 */
import { Effect } from "effect"
import * as Names from "../model/TraceChunk.ts"
import type { FileFailed } from "../storage/Files.ts"
import type { TraceDirectory } from "../storage/TraceDirectory.ts"

export interface Options {
  readonly directory: TraceDirectory
  /** The session's directory, relative to the output directory. */
  readonly sessionPath: string
  /** Undefined for the anonymous chunk of a peer older than 2.11. */
  readonly name: Names.ChunkName | undefined
  readonly path: string
  readonly onUnused: (chunk: TraceChunk) => void
}

export class TraceChunk {
  readonly directory: TraceDirectory
  readonly #sessionPath: string
  readonly #onUnused: (chunk: TraceChunk) => void
  /** To be called when nothing more is done to its directory. */
  readonly #leaves: Array<() => void> = []
  name: Names.ChunkName | undefined
  /** Relative to the session directory. */
  #path: string
  #command: number | undefined
  #referenceCount = 1

  constructor(options: Options) {
    this.directory = options.directory
    this.#sessionPath = options.sessionPath
    this.name = options.name
    this.#path = options.path
    this.#onUnused = options.onUnused
  }

  get id(): bigint | undefined {
    return this.name?.id
  }

  get hasOverrideName(): boolean {
    return this.name?.overrideName !== undefined
  }

  /** True once a delete was asked: its packets are gone for viewers too. */
  get isDeleted(): boolean {
    return this.#command === Names.closeCommand.delete
  }

  retain(): void {
    this.#referenceCount++
  }

  release(): void {
    if (--this.#referenceCount === 0) this.#onUnused(this)
  }

  /** Somebody has entered its directory: `leave` is called when nothing more is done there. */
  occupied(leave: () => void): void {
    this.#leaves.push(leave)
  }

  /** Nothing more is done to its directory. */
  left(): void {
    for (const leave of this.#leaves.splice(0)) leave()
  }

  /** Renames the chunk's directory. A chunk with an override name stays where it is. */
  moveTo(path: string): Effect.Effect<void, FileFailed> {
    return Effect.suspend(() => {
      if (path === this.#path || this.hasOverrideName) return Effect.void
      const isWhole = path !== "" && this.#path !== ""
      const to = this.#outputPath(path)
      // It may have been moved although the sync of its name failed.
      const followed = Effect.sync(() => {
        if (this.directory.relativePath === to) this.#path = path
      })
      return Effect.ensuring(this.directory.rename(to, isWhole), followed)
    })
  }

  /** Ends the chunk; the action follows at the last release. Without a command, the one asked for before counts. */
  close(closeTime: bigint, command: number | undefined): void {
    if (this.name !== undefined) this.name = { ...this.name, closeTime }
    if (command === undefined) return
    this.#command = command === Names.closeCommand.noOperation ? undefined : command
  }

  /** Path of the chunk, relative to the session's directory. Undefined: it is being closed. */
  get openPath(): string | undefined {
    return this.#command === undefined && this.name?.closeTime === undefined ? this.#path : undefined
  }

  /** Where a rotation left the chunk, relative to the output directory; undefined unless it is archived. */
  get archivedPath(): string | undefined {
    return this.#path.startsWith(`${Names.archivePath}/`) ? this.#outputPath(this.#path) : undefined
  }

  /** What the close command asked for. Answers failures, for the log: nobody waits for them. */
  get closeAction(): Effect.Effect<ReadonlyArray<FileFailed>> {
    return Effect.ensuring(
      Effect.suspend(() => this.#closed),
      Effect.sync(() => this.left())
    )
  }

  get #closed(): Effect.Effect<ReadonlyArray<FileFailed>> {
    const { name } = this
    if (name === undefined) return Effect.succeed([])
    if (this.#command === Names.closeCommand.delete) return this.directory.remove(this.#path !== "")
    if (this.#command === Names.closeCommand.moveToCompleted) {
      const toArchive = Effect.andThen(
        this.moveTo(Names.oldChunkPath),
        this.moveTo(`${Names.archivePath}/${Names.nameOf(name)}`)
      )
      return Effect.match(toArchive, { onSuccess: () => [], onFailure: (failure) => [failure] })
    }
    return Effect.succeed([])
  }

  #outputPath(path: string): string {
    return path === "" ? this.#sessionPath : `${this.#sessionPath}/${path}`
  }
}
