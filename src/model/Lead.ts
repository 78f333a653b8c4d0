/**
 * How long streams have begun before a tracer announces them.
 *
 * A tracer sets up the buffers of a channel one processor after the other, zeroing them, and then announces them: the
 * larger they are, the more processors there are, and the busier the machine is, the later. Their first packets begin
 * when they were set up, and in the kernel's there may be events from then on. What one channel took the next may take,
 * too: for a little longer than that nobody is told of a time at which an unannounced stream may have begun already.
 *
 * This can be measured if packets and beacons are sent as they end. A trace that was recorded before, is made up, or
 * has waited for its network comes faster than its clock goes, and tells nothing. Pure; times in milliseconds.
 */

/** The least hold: a tracer needs its time however short the live timer is. */
const holdMillisMin = 100
/** The most that a long live timer makes the hold; a lead that was seen can make it longer. */
const holdMillisMax = 1000
/** The hold as a share of the live timer: so a stream's time is told within one and a half periods. */
const holdShare = 0.5
/**
 * The hold where streams are announced before anything happens in them, as a share of the live timer: an application
 * may lose its processor between reading the clock and taking its place in the stream. An event waits for at most two
 * holds, less than a live timer.
 */
const shortHoldShare = 0.4
const shortHoldMillisMin = 2
const shortHoldMillisMax = 20
/** What was seen is multiplied by this. */
const allowance = 1.5
/** Longer leads do not count: viewers would rather see something. */
const leadMillisMax = 1000
/** Packets and beacons that are sent as they end have delays that differ by less than this. */
const lagSpreadMillis = 200
/** Streams whose leads are remembered: so a moment in which the machine was busy is forgotten. */
const seenCountMax = 32

/** The first packet of a stream; `begin` and `end` are timestamps in cycles. */
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
  /** Time from the packet's end until it arrived, plus the difference between the two clocks. */
  readonly lagMillis: number
}

export class Lead {
  readonly shortHoldMillis: number
  readonly #leastMillis: number
  /** Leads of the streams that were seen last. */
  readonly #seen: Array<number> = []
  #millis = 0
  /** First packets that no beacon has followed yet. */
  #unproved: Array<Unproved> = []

  constructor(liveTimerMicros: number) {
    const timerMillis = liveTimerMicros / 1000
    this.shortHoldMillis = Math.min(shortHoldMillisMax, Math.max(shortHoldMillisMin, timerMillis * shortHoldShare))
    this.#leastMillis = Math.min(holdMillisMax, Math.max(holdMillisMin, timerMillis * holdShare))
  }

  /** Measures a first packet, sent when it ends: the lead is its length less the time since the announcement. */
  see({ announcedMillis, arrivedMillis, begin, cyclesPerMilli, end }: FirstPacket): void {
    const millis = Number(end - begin) / cyclesPerMilli - (arrivedMillis - announcedMillis)
    if (millis > leadMillisMax || this.#unproved.length === seenCountMax) return
    this.#unproved.push({ millis, cyclesPerMilli, lagMillis: arrivedMillis - Number(end) / cyclesPerMilli })
  }

  /** Uses a beacon, which is sent at once, too: first packets count whose delay was about the same as its. */
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

  /** How long a packet is kept back; 0 until something was seen. */
  get packetMillis(): number {
    return this.#millis * allowance
  }

  /** How long a beacon is kept back. */
  get holdMillis(): number {
    return Math.max(this.#leastMillis, this.packetMillis)
  }
}
