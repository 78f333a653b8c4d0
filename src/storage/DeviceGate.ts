/**
 * Caps the operations in flight on one device. The file system is reached through a pool of threads shared by all
 * devices; a disk that stalls holds a thread for every operation it owes, and must not hold them all.
 */
import { Effect } from "effect"

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
      if (device.inFlightCount < this.#inFlightCountMax) {
        device.inFlightCount++
        return counted
      }
      const { waiters } = device
      return Effect.flatMap(
        Effect.callback<void>((resume) => {
          waiters.push(() => resume(Effect.void))
        }),
        () => counted
      )
    })
    return Effect.uninterruptible(admitted)
  }

  /** The place passes to the longest waiter, so the count does not change while somebody waits. */
  #leave(device: Device): Effect.Effect<void> {
    return Effect.sync(() => {
      const next = device.waiters.shift()
      if (next === undefined) device.inFlightCount--
      else next()
    })
  }
}
