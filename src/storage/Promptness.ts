/**
 * Which devices are written to in the turn that received the bytes.
 *
 * Files that are memory of the kernel have no device to wait for. A write to a disk ends in the page cache and waits
 * for nothing either, until the kernel holds writers back or the device hangs; handing it to a thread costs more than
 * the write. So files of a local disk are written at once too, under two conditions:
 *
 * - no other disk is written to meanwhile: a disk that hangs then stops only its own sessions, as it would anyway;
 * - its writes are quick: one that is not sends the device to the threads for a while, each time for longer.
 *
 * A device across a network or in another process is never trusted: it may answer when it likes, or never.
 */

/** How a device's files are reached. `far`: through a network, another process, or we do not know. */
export type Kind = "memory" | "disk" | "far"

/** `f_type` of file systems, see statfs(2). */
const kinds: ReadonlyMap<number, Kind> = new Map<number, Kind>([
  [0x01021994, "memory"], // tmpfs
  [0x858458f6, "memory"], // ramfs
  [0xef53, "disk"], // ext2, ext3, ext4
  [0x58465342, "disk"], // xfs
  [0x9123683e, "disk"], // btrfs
  [0xf2f52010, "disk"], // f2fs
  [0xca451a4e, "disk"], // bcachefs
  [0x794c7630, "disk"] // overlayfs, as of containers: what is written lies on a local file system, or none is mounted
])

export const kindOf = (type: number): Kind => kinds.get(type) ?? "far"

/** A write that takes so long is slow. A lost processor may cost as much; a page of the page cache a thousandth. */
export const slowMillis = 20

/** For how long a slow device is left to the threads: first, and at most. */
const restMillisMin = 250
const restMillisMax = 8000

export class Device {
  readonly kind: Kind
  readonly #disks: Disks
  #fileCount = 0
  #restMillis = restMillisMin
  /** Until then it is left to the threads, in ms of the relay's clock; 0: it was not slow. */
  #restsUntil = 0
  #slowAt = Number.NEGATIVE_INFINITY

  constructor(kind: Kind, disks: Disks) {
    this.kind = kind
    this.#disks = disks
  }

  /** Whether its files may be written in this turn. */
  isPrompt(now: () => number): boolean {
    if (this.kind !== "disk") return this.kind === "memory"
    return this.#isAlone && (this.#restsUntil === 0 || this.#hasRested(now()))
  }

  /** An answer may wait for it: if it is slow, only those wait whose files are on it. */
  get isNear(): boolean {
    return this.kind === "memory" || (this.kind === "disk" && this.#isAlone)
  }

  get #isAlone(): boolean {
    return this.#disks.count === (this.#fileCount > 0 ? 1 : 0)
  }

  #hasRested(now: number): boolean {
    if (now < this.#restsUntil) return false
    this.#restsUntil = 0
    return true
  }

  /** To be called when something took so long on it, in a turn or by a writer thread, until `now`. */
  took(millis: number, now: number): void {
    if (millis < slowMillis || this.kind !== "disk") return
    // Slow again soon after a rest: it needs a longer one.
    const isAgain = now - this.#slowAt < 4 * this.#restMillis
    this.#restMillis = isAgain ? Math.min(2 * this.#restMillis, restMillisMax) : restMillisMin
    this.#slowAt = now
    this.#restsUntil = now + this.#restMillis
  }

  /** To be called when a file on it was opened for writing. */
  opened(): void {
    if (this.#fileCount++ === 0 && this.kind !== "memory") this.#disks.count++
  }

  closed(): void {
    if (--this.#fileCount === 0 && this.kind !== "memory") this.#disks.count--
  }
}

/** Counts devices that are not memory and have files open for writing. */
interface Disks {
  count: number
}

/** All devices, by `st_dev`. */
export class Devices {
  readonly #disks: Disks = { count: 0 }
  readonly #devices = new Map<number, Device>()

  find(id: number): Device | undefined {
    return this.#devices.get(id)
  }

  add(id: number, kind: Kind): Device {
    const known = this.#devices.get(id)
    if (known !== undefined) return known
    const device = new Device(kind, this.#disks)
    this.#devices.set(id, device)
    return device
  }
}
