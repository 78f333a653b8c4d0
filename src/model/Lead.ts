/**
 * How long streams have begun before a tracer announces them.
 *
 * It sets up the buffers of an application one processor after the other, zeroes included, and announces them then:
 * the larger they are, the more processors there are, and the busier the machine is, the later. Their first packets
 * begin when they were set up. So what one application took is what the next may take, and for a little longer nobody
 * is told of a time at which there may be a stream already.
 *
 * That is so where packets and beacons are sent as they end. What was recorded before, is made up, or has waited for
 * its network comes faster than its clock goes, and tells nothing. Pure; times in milliseconds.
 */

/** A tracer needs its time however short the timer is. */
const holdMillisMin = 100
/** And no more than this however long it is, unless it is seen to. */
const holdMillisMax = 1000
/** Of the live timer: a stream's time is told within one and a half periods, however the beacons fall. */
const holdShare = 0.5
/**
 * For viewers that go by events: an application may lose its processor between reading the clock and taking its place
 * in the stream. An event waits for two of these at most, which is less than a live timer.
 */
const eventHoldShare = 0.4
const eventHoldMillisMin = 2
const eventHoldMillisMax = 20
/** Of what was seen. */
const allowance = 1.5
/** What is longer is not waited for: viewers would rather see. */
const leadMillisMax = 1000
/** Of what is sent as it ends, the delays differ by less. */
const lagSpreadMillis = 200
/** Streams that are remembered: a moment in which the machine was busy is forgotten. */
const seenCountMax = 32

/** The first packet of a stream. */
export interface FirstPacket {
  readonly announcedMillis: number
  readonly arrivedMillis: number
  readonly begin: bigint
  readonly end: bigint
  readonly cyclesPerMilli: number
}

interface Unproved {
  readonly millis: number
  readonly cyclesPerMilli: number
  /** From its end until it was here, and the difference between two clocks. */
  readonly lagMillis: number
}

export class Lead {
  readonly eventHoldMillis: number
  readonly #leastMillis: number
  /** Of the streams that were seen last. */
  readonly #seen: Array<number> = []
  #millis = 0
  /** First packets that no beacon has followed yet. */
  #unproved: Array<Unproved> = []

  constructor(liveTimerMicros: number) {
    const timerMillis = liveTimerMicros / 1000
    this.eventHoldMillis = Math.min(eventHoldMillisMax, Math.max(eventHoldMillisMin, timerMillis * eventHoldShare))
    this.#leastMillis = Math.min(holdMillisMax, Math.max(holdMillisMin, timerMillis * holdShare))
  }

  /** It ends when it is sent: what it had lasted longer than it was announced is the lead. */
  see({ announcedMillis, arrivedMillis, begin, cyclesPerMilli, end }: FirstPacket): void {
    const millis = Number(end - begin) / cyclesPerMilli - (arrivedMillis - announcedMillis)
    if (millis > leadMillisMax || this.#unproved.length === seenCountMax) return
    this.#unproved.push({ millis, cyclesPerMilli, lagMillis: arrivedMillis - Number(end) / cyclesPerMilli })
  }

  /** A beacon came: it is sent at once, too. */
  prove(timestamp: bigint, nowMillis: number): void {
    if (this.#unproved.length === 0) return
    for (const { cyclesPerMilli, lagMillis, millis } of this.#unproved) {
      const otherMillis = nowMillis - Number(timestamp) / cyclesPerMilli
      if (Math.abs(otherMillis - lagMillis) < lagSpreadMillis) this.#seen.push(millis)
    }
    this.#unproved = []
    this.#seen.splice(0, this.#seen.length - seenCountMax)
    this.#millis = Math.max(0, ...this.#seen)
  }

  /** For how long a packet is kept back: nothing until something was seen. */
  get packetMillis(): number {
    return this.#millis * allowance
  }

  /** For how long a beacon is. */
  get holdMillis(): number {
    return Math.max(this.#leastMillis, this.packetMillis)
  }
}
