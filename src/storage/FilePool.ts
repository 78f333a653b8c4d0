/**
 * Bounds the descriptors held by trace files. Beyond the capacity the file used least recently is closed behind its
 * owner's back and reopened at its next use; owners hold a `TraceFile` and never see it happen.
 *
 * A use holds one descriptor for one operation and never waits for a second one, so waiting for a place cannot
 * deadlock. The capacity is what the process may open less what sockets and the runtime take (`reserve`).
 */
import { Effect } from "effect"
import { queueMicrotask } from "../Machine.ts"
import { AllDeviceFigures } from "./DeviceFigures.ts"
import type { DeviceGate } from "./DeviceGate.ts"
import { type FileFailed, Files } from "./Files.ts"

/** Fewer would make every write a reopen. */
const capacityMin = 8

/** If connections have taken the process's last descriptors, so many attempts are made, with pauses. */
const shortageAttemptCountMax = 50
const shortageWait = "10 millis"

const isShortage = ({ code }: FileFailed) => code === "EMFILE" || code === "ENFILE"

/** What has one of the pool's descriptors. */
export interface Holder {
  /** It stands for a file (`ShadowFiles`). */
  readonly isShadow: boolean
  /** Gives the descriptor back: `setBusy`, then `left`. */
  readonly suspend: Effect.Effect<void>
}

export class FilePool {
  #capacity: number
  #openCount = 0
  #reservedCount = 0
  /** Holders that nobody is using, the longest unused first: they give way. */
  readonly #idle = new Set<Holder>()
  /** Called when there is a place, in the order in which they came. */
  readonly #waiters: Array<() => void> = []

  /** The turns that operations on files take, and what is known of them. */
  readonly devices: DeviceGate
  readonly figures = new AllDeviceFigures()

  constructor(capacity: number, devices: DeviceGate) {
    this.#capacity = Math.max(capacityMin, capacity)
    this.devices = devices
  }

  get openCount(): number {
    return this.#openCount
  }

  /** Descriptors that are in use outside the pool. */
  get reservedCount(): number {
    return this.#reservedCount
  }

  /** `count` descriptors more (or fewer, when negative) are in use outside the pool. */
  reserve(count: number): void {
    this.#reservedCount += count
  }

  get #limit(): number {
    return Math.max(capacityMin, this.#capacity - this.#reservedCount)
  }

  /** There is a place, or a file that can give its own. */
  get #hasPlace(): boolean {
    return this.#openCount < this.#limit || this.#idle.size > 0
  }

  /** A place for one more descriptor; waits while every open file is in the middle of an operation. */
  readonly admit: Effect.Effect<void> = Effect.suspend(() => {
    if (this.#openCount < this.#limit) {
      this.#openCount++
      return Effect.void
    }
    for (const victim of this.#idle) return Effect.flatMap(victim.suspend, () => this.admit)
    return Effect.flatMap(
      Effect.callback<void>((resume) => {
        // The fiber may have yielded since it looked: a place that came free meanwhile was offered to nobody.
        if (this.#hasPlace) resume(Effect.void)
        else this.#waiters.push(() => resume(Effect.void))
      }),
      () => this.admit
    )
  })

  /** While the process has no descriptor for an operation that takes one, idle files of the pool give theirs. */
  files(files: Files["Service"]): Files["Service"] {
    return Files.of({
      ...files,
      open: (path, mode) => this.#given(files.open(path, mode)),
      list: (path) => this.#given(files.list(path)),
      syncDirectory: (path) => this.#given(files.syncDirectory(path))
    })
  }

  #given<A>(operation: Effect.Effect<A, FileFailed>, attemptCount = 0): Effect.Effect<A, FileFailed> {
    return Effect.catchIf(operation, isShortage, (shortage) => {
      for (const victim of this.#idle) return Effect.flatMap(victim.suspend, () => this.#given(operation, attemptCount))
      if (attemptCount === shortageAttemptCountMax) return Effect.fail(shortage)
      return Effect.flatMap(Effect.sleep(shortageWait), () => this.#given(operation, attemptCount + 1))
    })
  }

  /** There is a place. */
  #wakeNext(): void {
    const next = this.#waiters.shift()
    // Not within this call: thousands may wait, and each may be done with its place at once.
    if (next !== undefined) queueMicrotask(next)
  }

  /** To be called when a descriptor of the pool was closed. */
  left(): void {
    this.#openCount--
    this.#wakeNext()
  }

  /** Closes every shadow that nobody is using; its next use opens what has its name then. */
  get suspendShadows(): Effect.Effect<void> {
    const isMeant = (file: Holder) => file.isShadow && this.#idle.has(file)
    const suspend = (file: Holder) => Effect.suspend(() => (isMeant(file) ? file.suspend : Effect.void))
    return Effect.suspend(() => Effect.forEach([...this.#idle], suspend, { discard: true }))
  }

  setIdle(file: Holder): void {
    this.#idle.add(file)
    this.#wakeNext()
  }

  setBusy(file: Holder): void {
    this.#idle.delete(file)
  }

  /** To be called when an idle file was used without `setBusy`: it is the one used last now. */
  touch(file: Holder): void {
    this.#idle.delete(file)
    this.#idle.add(file)
  }
}
