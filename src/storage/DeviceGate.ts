/**
 * Caps the operations in flight on one device, or in one place whose device is not known. The file system is reached
 * through a pool of threads shared by all devices; a disk that stalls holds a thread for every operation it owes, and
 * must not hold them all.
 */
import { Effect } from "effect"
import { queueMicrotask } from "../Machine.ts"

/** A device by its number, a place by its name. */
export type Key = number | string

interface Device {
  inFlightCount: number
  readonly waiters: Array<() => void>
}

export class DeviceGate {
  /** Those with an operation in flight. */
  readonly #devices = new Map<Key, Device>()
  readonly #inFlightCountMax: number

  constructor(inFlightCountMax: number) {
    this.#inFlightCountMax = inFlightCountMax
  }

  /** Operations that wait for their turn. */
  waitingCount(key: Key): number {
    return this.#devices.get(key)?.waiters.length ?? 0
  }

  /**
   * Runs `operation` once the device has fewer than its share in flight; first come, first served. Not interruptible: a
   * place given to a waiter that has left would be lost.
   */
  run<A, E>(key: Key, operation: Effect.Effect<A, E>): Effect.Effect<A, E> {
    const admitted = Effect.suspend(() => {
      const counted = Effect.ensuring(operation, this.#leave(key))
      return this.#enter(key) ? counted : Effect.flatMap(this.#turn(key), () => counted)
    })
    return Effect.uninterruptible(admitted)
  }

  /** Takes a place. False: there is none. */
  #enter(key: Key): boolean {
    const device = this.#devices.get(key)
    if (device === undefined) this.#devices.set(key, { inFlightCount: 1, waiters: [] })
    else if (device.inFlightCount < this.#inFlightCountMax) device.inFlightCount++
    else return false
    return true
  }

  /** Done when a place was given to the caller. */
  #turn(key: Key): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      // The fiber may have yielded since it looked: a place that came free meanwhile was offered to nobody.
      if (this.#enter(key)) resume(Effect.void)
      else this.#devices.get(key)?.waiters.push(() => resume(Effect.void))
    })
  }

  /** The place passes to the longest waiter, so the count does not change while somebody waits. */
  #leave(key: Key): Effect.Effect<void> {
    return Effect.sync(() => {
      const device = this.#devices.get(key)
      const next = device?.waiters.shift()
      // Not within this call: thousands may wait, and a quick device does at once what each of them asks.
      if (next !== undefined) queueMicrotask(next)
      else if (device !== undefined && --device.inFlightCount === 0) this.#devices.delete(key)
    })
  }
}
