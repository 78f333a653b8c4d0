/**
 * The packets of one recorded stream, over all of its files: by begin time, the same packet of overlapping snapshots
 * once (§9). Files of a tracefile ring are in the order of their first packets.
 *
 * To choose the next packet, the heads of the next packets of the files are read first; not if only one file is left.
 */
import type { Time } from "../decode/Clock.ts"
import { compareInts, type Int } from "../decode/Cursor.ts"
import { DataStream, type Source } from "../decode/DataStream.ts"
import type { TracePlan } from "../decode/Plan.ts"
import type { FileWindow } from "./FileWindow.ts"

/** What two copies of one packet have in common, in snapshots that overlap. */
export interface Identity {
  readonly totalBits: number
  /** In cycles: a clock may have several in a nanosecond. */
  readonly begin: Int
  readonly end: Int | undefined
  readonly sequence: Int | undefined
}

const isSame = (a: Identity, b: Identity): boolean =>
  a.totalBits === b.totalBits && a.sequence === b.sequence && a.begin === b.begin && a.end === b.end

/** Orders packets by begin time; those that begin together by sequence number. */
export const compareBegins = (
  a: Pick<Identity, "begin" | "sequence">,
  b: Pick<Identity, "begin" | "sequence">
): number => (a.begin === b.begin ? compareInts(a.sequence ?? 0, b.sequence ?? 0) : compareInts(a.begin, b.begin))

/** The packets of one file. */
class FilePackets {
  readonly window: FileWindow
  /** When its first packet begins, in cycles. */
  readonly begin: Int
  /** Byte offset of its next packet. */
  offset: number
  /** Identity of the packet at `offset`, once its head was read. */
  known: Identity | undefined
  readonly #trace: TracePlan
  /** Reads heads of packets that are not chosen yet; none where that is not begun, or over, as most files of a ring. */
  #probe: DataStream | undefined

  constructor(window: FileWindow, trace: TracePlan, begin: Int, offset: number) {
    this.window = window
    this.begin = begin
    this.offset = offset
    this.#trace = trace
  }

  get isOver(): boolean {
    return this.offset >= this.window.byteCount
  }

  /** The identity of the next packet. Undefined: there is none, or its head cannot be read. */
  look(): Identity | undefined {
    if (this.known !== undefined || this.isOver) return this.known
    const probe = this.#probed()
    if (!probe.open(this.window.from(this.offset))) return undefined
    const { beginCycles, cursor, totalBits } = probe
    this.known = { totalBits, begin: beginCycles, end: cursor.endTime, sequence: cursor.sequence }
    return this.known
  }

  /** When the packet after the next one of `totalBits` begins. Undefined: there is none, or it does not tell. */
  beginAfter(totalBits: number): Time | undefined {
    const offset = this.offset + totalBits / 8
    if (offset >= this.window.byteCount) return undefined
    const probe = this.#probed()
    if (!probe.open(this.window.from(offset))) return undefined
    return probe.hasBegin ? probe.begin : undefined
  }

  skip(totalBits: number): void {
    this.offset += totalBits / 8
    this.known = undefined
  }

  #probed(): DataStream {
    this.#probe ??= new DataStream(this.window.path, this.#trace)
    return this.#probe
  }

  release(): void {
    this.window.release()
    this.#probe = undefined
  }
}

export class Packets {
  /** The files that have more packets. */
  readonly #files: Array<FilePackets>
  #current: FilePackets | undefined
  #path: string
  #listedPath: string
  /** Identity of the packet that was given out last. */
  #last: Identity | undefined

  /** `windows`: files in the order of their first packets, which begin at `begins`. `offsets`: where to begin in each. */
  constructor(
    windows: ReadonlyArray<FileWindow>,
    trace: TracePlan,
    begins: ReadonlyArray<Int>,
    offsets: ReadonlyArray<number> = []
  ) {
    this.#files = windows.map((window, at) => new FilePackets(window, trace, begins[at] ?? 0, offsets[at] ?? 0))
    this.#path = windows[0]?.path ?? ""
    this.#listedPath = this.#path
  }

  /** The file of the last packet that was given out. */
  get path(): string {
    return this.#path
  }

  /** Where that was when it was listed. */
  get listedPath(): string {
    return this.#listedPath
  }

  /** The next packet; undefined: there is none. `totalBits`: size of the one before. */
  next(totalBits: number): Source | undefined {
    if (this.#current !== undefined) this.#skip(this.#current, totalBits)
    while (true) {
      const file = this.#choose()
      this.#current = file
      if (file === undefined) return undefined
      this.#path = file.window.path
      this.#listedPath = file.window.listedPath
      const identity = file.known
      if (identity !== undefined && this.#last !== undefined && isSame(identity, this.#last)) {
        this.#skip(file, identity.totalBits)
        continue
      }
      this.#last = identity
      return file.window.from(file.offset)
    }
  }

  /**
   * When the packet behind the one that was given out last begins, in the same file; undefined: it is not known. The
   * bytes of the source that was given out are overwritten.
   */
  beginAfter(totalBits: number): Time | undefined {
    return this.#current?.beginAfter(totalBits)
  }

  /** Skips the rest of the file of the packet that was given out last. */
  leave(): void {
    if (this.#current !== undefined) this.#remove(this.#current)
    this.#current = undefined
  }

  #skip(file: FilePackets, totalBits: number): void {
    file.skip(totalBits)
    if (file.isOver) this.#remove(file)
  }

  #remove(file: FilePackets): void {
    file.release()
    this.#files.splice(this.#files.indexOf(file), 1)
  }

  #choose(): FilePackets | undefined {
    const [first] = this.#files
    if (first === undefined || this.#files.length === 1) return first
    let chosen = first
    for (const file of this.#files) {
      // The files from it on begin later still.
      if (chosen.known !== undefined && compareInts(file.begin, chosen.known.begin) > 0) break
      const identity = file.look()
      // A packet that cannot be read is given out now, so that it is reported.
      if (identity === undefined) return file
      const best = chosen.look()
      if (best === undefined) return chosen
      if (compareBegins(identity, best) < 0) chosen = file
    }
    return chosen
  }

  close(): void {
    for (const { window } of this.#files) window.release()
  }
}
