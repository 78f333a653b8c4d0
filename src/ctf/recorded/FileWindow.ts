/**
 * A data file, seen through a window: however large its packets are, a bounded part of them is in memory. Reads are
 * plain and synchronous; they come out of the page cache or wait for the disk.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs"
import { pathOf } from "../../protocol/Text.ts"
import type { Cursor } from "../decode/Cursor.ts"
import type { Source } from "../decode/DataStream.ts"
import { Fault } from "../decode/Fault.ts"
import * as Moved from "./Moved.ts"
import type { DataFile } from "./TraceDirectories.ts"

export interface WindowOptions {
  readonly windowBytes: number
  /** Each read gets memory of its own, so that windows that were given out stay valid. */
  readonly isKept: boolean
  /** The descriptor is kept open between reads. */
  readonly isHeld: boolean
  /** Memory of windows that were released, for the next ones: what is left to be collected piles up first. */
  readonly spare?: Array<Uint8Array>
}

/** A file to read. Without an identity it is not looked for elsewhere when it was moved. */
export type Located = Pick<DataFile, "byteCount" | "path"> & Partial<Pick<DataFile, "identity">>

const nothing = new Uint8Array(0)

export class FileWindow {
  readonly byteCount: number
  /** Where the file was when it was listed. */
  readonly listedPath: string
  readonly #options: WindowOptions
  readonly #identity: string | undefined
  #path: string
  #bytes: Uint8Array = nothing
  /** Byte offset of the window in the file. */
  #start = 0
  #length = 0
  /** What was given out last. Where nothing has moved it is given out again: of many streams it would pile up. */
  #given: Uint8Array = nothing
  #view: DataView | undefined
  #descriptor: number | undefined

  constructor({ byteCount, identity, path }: Located, options: WindowOptions) {
    this.#path = path
    this.listedPath = path
    this.#identity = identity
    this.byteCount = byteCount
    this.#options = options
  }

  /** Where the file was when it was opened last. */
  get path(): string {
    return this.#path
  }

  /** The source of a packet that begins at a byte offset of the file. */
  from(offset: number): Source {
    return {
      byteCount: this.byteCount - offset,
      offset,
      load: (cursor, first, countMin) => this.#load(cursor, offset + first, countMin)
    }
  }

  #load(cursor: Cursor, at: number, countMin: number): void {
    const wanted = Math.max(0, Math.min(countMin, this.byteCount - at))
    const isThere = at >= this.#start && at + wanted <= this.#start + this.#length
    if (!isThere) this.#read(at, wanted)
    const offset = this.#bytes.byteOffset + at - this.#start
    const length = Math.max(0, this.#start + this.#length - at)
    const { buffer } = this.#bytes
    const given = this.#given
    if (this.#view === undefined || given.buffer !== buffer || given.byteOffset !== offset || given.length !== length) {
      this.#given = new Uint8Array(buffer, offset, length)
      this.#view = new DataView(buffer, offset, length)
    }
    cursor.bytes = this.#given
    cursor.view = this.#view
  }

  #read(at: number, wanted: number): void {
    const count = Math.min(Math.max(wanted, this.#options.windowBytes), this.byteCount - at)
    if (this.#options.isKept || count > this.#bytes.length) this.#bytes = this.#memory(count)
    this.#descriptor ??= this.#open()
    this.#start = at
    this.#length = 0
    while (this.#length < count) {
      const read = readSync(this.#descriptor, this.#bytes, this.#length, count - this.#length, at + this.#length)
      if (read === 0) break
      this.#length += read
    }
    if (!this.#options.isHeld) this.close()
  }

  #memory(count: number): Uint8Array {
    const bytes = this.#options.isKept ? undefined : this.#options.spare?.pop()
    return bytes !== undefined && bytes.length >= count ? bytes : new Uint8Array(count)
  }

  #open(): number {
    const descriptor = this.#openAt(this.#path)
    if (descriptor !== undefined) return descriptor
    const moved = Moved.find(this.#path, this.#identity ?? "")
    if (moved !== undefined) this.#path = moved
    const found = this.#openAt(this.#path)
    if (found === undefined) throw new Fault("gone", "the file was removed, or overwritten, before all of it was read")
    return found
  }

  /** Undefined: no file is there, or another one has taken its place. */
  #openAt(path: string): number | undefined {
    let descriptor: number
    try {
      descriptor = openSync(pathOf(path), "r")
    } catch (cause) {
      if (this.#identity === undefined || (cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause
      return undefined
    }
    if (this.#identity === undefined || Moved.identityOf(fstatSync(descriptor)) === this.#identity) return descriptor
    closeSync(descriptor)
    return undefined
  }

  close(): void {
    if (this.#descriptor === undefined) return
    closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  /** Closes the file and frees the memory. */
  release(): void {
    this.close()
    const { isKept, spare, windowBytes } = this.#options
    if (!isKept && this.#bytes.length > 0 && this.#bytes.length <= windowBytes) spare?.push(this.#bytes)
    this.#bytes = nothing
    this.#length = 0
    this.#given = nothing
    this.#view = undefined
  }
}
