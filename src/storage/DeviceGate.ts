/**
 * Caps the operations in flight on one device. The file system is reached through a pool of threads shared by all
 * devices; a disk that stalls holds a thread for every operation it owes, and must not hold them all.
 */
import { Effect } from "effect"
import { queueMicrotask } from "../Machine.ts"

interface Device {
  inFlightCount: number
  readonly waiters: Array<() => void>
}

export class DeviceGate {
  readonly #devices = new Map<number, Device>()
  readonly #inFlightCountMax: number

  constructor(inFlightCountMax: number) {
    this.#inFlightCountMax = inFlightCountMax
  }

  /** Operations that wait for their turn. */
  waitingCount(deviceId: number): number {
    return this.#devices.get(deviceId)?.waiters.length ?? 0
  }

  /**
   * Runs `operation` once the device has fewer than its share in flight; first come, first served. Not interruptible: a
   * place given to a waiter that has left would be lost.
   */
  run<A, E>(deviceId: number, operation: Effect.Effect<A, E>): Effect.Effect<A, E> {
    const admitted = Effect.suspend(() => {
      let device = this.#devices.get(deviceId)
      if (device === undefined) {
        device = { inFlightCount: 0, waiters: [] }
        this.#devices.set(deviceId, device)
      }
      const counted = Effect.ensuring(operation, this.#leave(device))
      return this.#enter(device) ? counted : Effect.flatMap(this.#turn(device), () => counted)
    })
    return Effect.uninterruptible(admitted)
  }

  /** Takes a place. False: there is none. */
  #enter(device: Device): boolean {
    if (device.inFlightCount >= this.#inFlightCountMax) return false
    device.inFlightCount++
    return true
  }

  /** Done when a place was given to the caller. */
  #turn(device: Device): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      // The fiber may have yielded since it looked: a place that came free meanwhile was offered to nobody.
      if (this.#enter(device)) resume(Effect.void)
      else device.waiters.push(() => resume(Effect.void))
    })
  }

  /** The place passes to the longest waiter, so the count does not change while somebody waits. */
  #leave(device: Device): Effect.Effect<void> {
    return Effect.sync(() => {
      const next = device.waiters.shift()
      if (next === undefined) device.inFlightCount--
      // Not within this call: thousands may wait, and a quick device does at once what each of them asks.
      else queueMicrotask(next)
    })
  }
}
