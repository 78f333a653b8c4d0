/**
 * How long streams have begun before a tracer announces them.
 *
 * It sets up the buffers of an application one processor after the other, zeroes included, and announces them then: the
 * larger they are, the more processors there are, and the busier the machine is, the later. Their first packets begin
 * when they were set up. So what one application took is what the next may take, and for a little longer nobody is told
 * of a time at which there may be a stream already. Pure; times in milliseconds.
 */

/** A tracer needs its time however short the timer is. */
const holdMillisMin = 100
/** And no more than this however long it is, unless it is seen to. */
const holdMillisMax = 1000
/** Of the live timer: a stream's time is told within one and a half periods, however the beacons fall. */
const holdShare = 0.5
/** Of what was seen. */
const allowance = 1.5
/** What is longer is no tracer's, but a clock that has another origin. */
const leadMillisMax = 5000

/** The first packet of a stream. */
export interface FirstPacket {
  readonly announcedMillis: number
  readonly arrivedMillis: number
  readonly begin: bigint
  readonly end: bigint
  readonly cyclesPerMilli: number
}

export class Lead {
  readonly #leastMillis: number
  #millis = 0

  constructor(liveTimerMicros: number) {
    const share = (liveTimerMicros / 1000) * holdShare
    this.#leastMillis = Math.min(holdMillisMax, Math.max(holdMillisMin, share))
  }

  /** It ends when it is sent: what it had lasted longer than it was announced is the lead. */
  see({ announcedMillis, arrivedMillis, begin, cyclesPerMilli, end }: FirstPacket): void {
    const millis = Number(end - begin) / cyclesPerMilli - (arrivedMillis - announcedMillis)
    if (millis > this.#millis && millis <= leadMillisMax) this.#millis = millis
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
