/**
 * What is done and was done to each device, in plain fields: counted where it happens, read by whoever shows it.
 *
 * Time counts from when an operation was handed over until it is done, without the wait for its turn (`DeviceGate`). A
 * device that hangs finishes nothing, so what is under way counts too: how much it is, and since when.
 */
import { clockMillis } from "../Machine.ts"
import { Histogram } from "../memory/Histogram.ts"

/** Operations on files that are timed. Cutting a file counts as writing it. */
export const operations = ["write", "read", "sync"] as const
export type Operation = (typeof operations)[number]

/** Quick: in the turn that received the bytes, or by the second thread. Careful: by the threads of the file system. */
export type WritePath = "quick" | "careful"

export class DeviceFigures {
  /** `st_dev`. */
  readonly id: number
  readonly micros: Readonly<Record<Operation, Histogram>> = {
    write: new Histogram(),
    read: new Histogram(),
    sync: new Histogram()
  }
  readonly writtenBytes: Record<WritePath, number> = { quick: 0, careful: 0 }
  /** How the last write went. */
  lastWrite: WritePath | undefined
  /** Bytes of writes that were asked for and are not done. */
  bytesInFlight = 0
  /** Failed operations by the system's code. */
  readonly errors = new Map<string, number>()
  /** When each operation under way began, the oldest first; ms of the monotonic clock. */
  readonly #begun: Array<number> = []

  constructor(id: number) {
    this.id = id
  }

  /** To be called when an operation begins; answers when that was, for `end`. */
  begin(): number {
    const now = clockMillis()
    this.#begun.push(now)
    return now
  }

  end(operation: Operation, begunAt: number): void {
    this.#begun.splice(this.#begun.indexOf(begunAt), 1)
    this.took(operation, clockMillis() - begunAt)
  }

  took(operation: Operation, millis: number): void {
    this.micros[operation].add(millis * 1000)
  }

  /** So many bytes went to the device. */
  wrote(path: WritePath, byteCount: number): void {
    if (byteCount === 0) return
    this.lastWrite = path
    this.writtenBytes[path] += byteCount
  }

  failed(code: string): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1)
  }

  get operationsInFlight(): number {
    return this.#begun.length
  }

  /** ms since the oldest operation under way began; 0 without one. */
  get oldestMillis(): number {
    const [oldest] = this.#begun
    return oldest === undefined ? 0 : clockMillis() - oldest
  }
}

/** Codes that say nothing about a device: they are about a name, or descriptors have run out. */
const ordinary: ReadonlySet<string> = new Set([
  "ENOENT",
  "EEXIST",
  "ENOTEMPTY",
  "ENOTDIR",
  "EISDIR",
  "EMFILE",
  "ENFILE"
])

/** No device has this number: what is in files of it is kept nowhere. */
export const noDevice = 0

export class AllDeviceFigures {
  readonly #all = new Map<number, DeviceFigures>()
  /** Failed operations on names by the system's code; on which device the name would have been is not known. */
  readonly errors = new Map<string, number>()

  of(id: number): DeviceFigures {
    const known = this.#all.get(id)
    if (known !== undefined) return known
    const figures = new DeviceFigures(id)
    this.#all.set(id, figures)
    return figures
  }

  failed(code: string): void {
    if (!ordinary.has(code)) this.errors.set(code, (this.errors.get(code) ?? 0) + 1)
  }

  get all(): Iterable<DeviceFigures> {
    return [...this.#all.values()].filter(({ id }) => id !== noDevice)
  }
}
