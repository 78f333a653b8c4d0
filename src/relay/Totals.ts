/** What streams received, and what their tracers lost meanwhile. Pure. */

export interface Totals {
  packetCount: number
  byteCount: number
  eventsDiscarded: number
  packetsLost: number
}

export const none = (): Totals => ({ packetCount: 0, byteCount: 0, eventsDiscarded: 0, packetsLost: 0 })

export const add = (sum: Totals, more: Readonly<Totals>): void => {
  sum.packetCount += more.packetCount
  sum.byteCount += more.byteCount
  sum.eventsDiscarded += more.eventsDiscarded
  sum.packetsLost += more.packetsLost
}

export const sumOf = (all: Iterable<Readonly<Totals>>): Totals => {
  const sum = none()
  for (const one of all) add(sum, one)
  return sum
}

/** Adds to the totals of a channel. */
export const addTo = (channels: Map<string, Totals>, channel: string, more: Readonly<Totals>): void => {
  const sum = channels.get(channel) ?? none()
  channels.set(channel, sum)
  add(sum, more)
}

interface Counted extends Readonly<Pick<Totals, "packetCount" | "byteCount">> {
  readonly losses: Readonly<Pick<Totals, "eventsDiscarded" | "packetsLost">>
}

/** The totals of one stream. */
export const of = ({ byteCount, losses: { eventsDiscarded, packetsLost }, packetCount }: Counted): Totals => ({
  packetCount,
  byteCount,
  eventsDiscarded,
  packetsLost
})
