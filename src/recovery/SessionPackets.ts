/**
 * The packets of one stream over all directories that have some of its trace: over the chunks of a session each is in
 * one of them, and those of a later chunk came later. Snapshots, and copies, may have the same packets. Pure.
 */
import { compareInts } from "../ctf/decode/Cursor.ts"
import { type Finding, finding } from "./Finding.ts"
import type { Packet } from "./PacketScan.ts"
import type { RecordedTrace } from "./RecordedTrace.ts"
import * as SessionLayout from "./SessionLayout.ts"

/** What one directory has of a stream: enough to tell whether another may have the same. */
export interface Extent {
  readonly trace: string
  readonly session: string | undefined
  /** Number of the chunk. */
  readonly number: number | undefined
  /** When its first packet begins, and its last, in clock cycles. */
  readonly begin: bigint
  readonly end: bigint
  readonly firstSequence: bigint | undefined
  readonly lastSequence: bigint | undefined
}

/**
 * Directories of one session, `traces`, that may have packets of a stream twice, or in another order than the chunks'.
 * `extents` are those of all its directories.
 */
export interface Suspicion {
  readonly stream: string
  readonly traces: ReadonlySet<string>
  readonly extents: ReadonlyArray<Extent>
}

type TimedPacket = Packet & { readonly timestampBegin: bigint }

/** The first and the last packet of a stream in all files of a directory. */
interface Own {
  readonly place: SessionLayout.Place | undefined
  first: TimedPacket | undefined
  last: TimedPacket | undefined
}

/** Names the stream of a packet, with its trace; undefined: the packet does not tell. */
export const streamOf = ({ streamId, streamInstanceId, trace }: Packet): string | undefined =>
  trace === undefined || streamInstanceId === undefined ? undefined : `${trace} ${streamId}/${streamInstanceId}`

const isOfOneStream = (a: Packet, b: Packet): boolean =>
  a.trace === b.trace && a.streamId === b.streamId && a.streamInstanceId === b.streamInstanceId

const isTimed = (packet: Packet): packet is TimedPacket => packet.timestampBegin !== undefined

const include = (own: Own, packet: Packet): void => {
  if (!isTimed(packet)) return
  if (own.first === undefined || packet.timestampBegin < own.first.timestampBegin) own.first = packet
  if (own.last === undefined || packet.timestampBegin >= own.last.timestampBegin) own.last = packet
}

export const shown = (stream: string): string => stream.slice(stream.indexOf(" ") + 1)

const byBegin = (a: Extent, b: Extent): number => compareInts(a.begin, b.begin) || compareInts(a.end, b.end)

const byNumber = (a: Extent, b: Extent): number => (a.number ?? -1) - (b.number ?? -1) || byBegin(a, b)

/** Finding about packets that are missing between two chunks of which one follows the other. */
const gap = (stream: string, before: Extent, after: Extent): ReadonlyArray<Finding> => {
  const [last, first] = [before.lastSequence, after.firstSequence]
  const isNext = before.number !== undefined && after.number === before.number + 1
  if (!isNext || last === undefined || first === undefined || first <= last + 1n) return []
  const detail = `packet ${first} of stream ${shown(stream)} follows ${last} of ${before.trace}: lost, overwritten or cleared`
  return [finding("note", "sequence-gap", after.trace, detail)]
}

export class SessionPackets {
  readonly #streams = new Map<string, Map<string, Own>>()
  /** For each session, by path, the highest number that a chunk's name tells. */
  readonly #closed = new Map<string, number>()

  add({ files, path }: RecordedTrace): void {
    const place = SessionLayout.placeOf(path)
    if (typeof place?.number === "number") {
      this.#closed.set(place.session, Math.max(this.#closed.get(place.session) ?? -1, place.number))
    }
    for (const { scan } of files) {
      let own: Own | undefined
      let before: Packet | undefined
      for (const packet of scan.packets) {
        const isSame = before !== undefined && isOfOneStream(before, packet)
        own = isSame ? own : this.#ownOf(path, place, packet)
        before = packet
        if (own !== undefined) include(own, packet)
      }
    }
  }

  #ownOf(path: string, place: SessionLayout.Place | undefined, packet: Packet): Own | undefined {
    const stream = streamOf(packet)
    if (stream === undefined) return undefined
    const traces = this.#streams.get(stream) ?? new Map<string, Own>()
    this.#streams.set(stream, traces)
    const own = traces.get(path) ?? { place, first: undefined, last: undefined }
    traces.set(path, own)
    return own
  }

  #extents(traces: ReadonlyMap<string, Own>): ReadonlyArray<Extent> {
    return [...traces].flatMap(([trace, { first, last, place }]) => {
      if (first === undefined || last === undefined) return []
      const number = place?.number
      const closed = this.#closed.get(place?.session ?? "") ?? -1
      return {
        trace,
        session: place?.session,
        number: typeof number === "object" ? closed + number.behind : number,
        begin: first.timestampBegin,
        end: last.timestampBegin,
        firstSequence: first.packetSeqNum,
        lastSequence: last.packetSeqNum
      }
    })
  }

  look(): { readonly suspicions: ReadonlyArray<Suspicion>; readonly findings: ReadonlyArray<Finding> } {
    const suspicions: Array<Suspicion> = []
    const findings: Array<Finding> = []
    const copies = new Map<string, Finding>()
    for (const [stream, traces] of this.#streams) {
      if (traces.size < 2) continue
      const extents = this.#extents(traces)
      const sessions = Map.groupBy(extents, ({ session }) => session)
      for (const [session, own] of sessions) {
        if (session === undefined || own.length < 2) continue
        const suspects = new Set([...overlapping(own), ...reversed(own).flat()].map(({ trace }) => trace))
        if (suspects.size > 0) suspicions.push({ stream, traces: suspects, extents: own })
        const chunks = own.toSorted(byNumber)
        for (const [at, after] of chunks.entries()) {
          const before = chunks[at - 1]
          if (before !== undefined && !suspects.has(before.trace)) findings.push(...gap(stream, before, after))
        }
      }
      for (const [a, b] of twofold(extents)) {
        if (a.session !== undefined && a.session === b.session) continue
        const [one, other] = [a.trace, b.trace].sort() as [string, string]
        const detail = `${one} has the same trace, of the same time: one is a copy of the other, or of a part of it`
        copies.set(`${one}\n${other}`, finding("note", "packets-twice", other, detail))
      }
    }
    return { suspicions, findings: [...shortened(findings), ...shortened([...copies.values()])] }
  }
}

/** So many notes of one kind are told one by one. */
const namedMax = 8

const shortened = (findings: ReadonlyArray<Finding>): ReadonlyArray<Finding> => {
  const [next, ...others] = findings.slice(namedMax)
  if (next === undefined) return findings
  const more = others.length === 0 ? next : { ...next, detail: `${next.detail}; and ${others.length} more of the same` }
  return [...findings.slice(0, namedMax), more]
}

type Pair = readonly [Extent, Extent]

/** Those that overlap another in time: one may have packets that the other has, too. */
const overlapping = (extents: ReadonlyArray<Extent>): ReadonlyArray<Extent> => {
  const found: Array<Extent> = []
  let latest: Extent | undefined
  for (const extent of extents.toSorted(byBegin)) {
    if (latest !== undefined && extent.begin <= latest.end) found.push(latest, extent)
    if (latest === undefined || extent.end > latest.end) latest = extent
  }
  return found
}

/** Pairs that overlap in time, but for two snapshots: thousands of one session may have the same packets. */
const twofold = function* (extents: ReadonlyArray<Extent>): Generator<Pair> {
  let [snapshots, others]: [Array<Extent>, ReadonlyArray<Extent>] = [[], []]
  const ofNow = (open: ReadonlyArray<Extent>, { begin }: Extent) => open.filter(({ end }) => end >= begin)
  for (const extent of extents.toSorted(byBegin)) {
    others = ofNow(others, extent)
    for (const other of others) yield [other, extent]
    if (SessionLayout.isInSnapshot(extent.trace)) {
      snapshots.push(extent)
      continue
    }
    snapshots = ofNow(snapshots, extent)
    for (const other of snapshots) yield [other, extent]
    others = [...others, extent]
  }
}

/** Pairs of chunks of which the later has older packets. */
const reversed = (extents: ReadonlyArray<Extent>): ReadonlyArray<Pair> => {
  const pairs: Array<Pair> = []
  let latest: Extent | undefined
  for (const extent of extents.filter(({ number }) => number !== undefined).toSorted(byNumber)) {
    if (latest !== undefined && extent.begin < latest.end && extent.number !== latest.number) {
      pairs.push([latest, extent])
    }
    if (latest === undefined || extent.end > latest.end) latest = extent
  }
  return pairs
}
