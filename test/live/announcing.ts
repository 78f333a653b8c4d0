/**
 * A tracer under viewers that are attached, in which streams begin, are announced late, speak now and then, and end:
 * the relay's viewer side over streams without files, on a clock of the test's own. Histories are drawn.
 */
import { RecentIndexes } from "../../src/memory/RecentIndexes.ts"
import { Description } from "../../src/model/Description.ts"
import { Lead } from "../../src/model/Lead.ts"
import { Stream } from "../../src/model/Stream.ts"
import { Viewers } from "../../src/relay/session/Viewers.ts"
import type { Packet } from "./muxer.ts"

const timerMicros = 400_000
export const timerMillis = timerMicros / 1000
/** What the kernel's tracer may take between beginning a packet and telling of its stream. */
const delayMillisMax = 180
/** And where buffers are large: each stream takes about as long as the first. For user space any takes up to this. */
const longDelayMillisMax = 700
const longDelayShare = 0.75

const noFiles = {
  openData: () => {},
  closeData: () => {},
  openIndex: () => {},
  skipRecords: () => {},
  closeIndex: () => {},
  move: () => {},
  truncate: () => {},
  leaveChunk: () => {}
}

export class FakeStream {
  readonly session: FakeSession
  readonly handle: number
  readonly path: string
  readonly channelName: string
  readonly recentIndexes = new RecentIndexes()
  readonly log = { isIdle: true, failure: undefined, durable: { indexCount: 1_000_000 } }
  readonly readers = { acquire: (data: unknown) => ({ data, opened: {} }), release: () => undefined }
  readonly metadataFile = { chunk: { isDeleted: false } }
  readonly description: Description | undefined
  readonly model: Stream<{ readonly isDeleted: boolean }>
  isPublished = false
  newestOffset = 0
  publishedMillis = Number.POSITIVE_INFINITY
  announcedMillis = 0
  #dataMillis = 0
  #dataSeq = 0n
  #indexSeq = 0n

  constructor(session: FakeSession, handle: number, path: string, channelName: string) {
    this.session = session
    this.handle = handle
    this.path = path
    this.channelName = channelName
    if (this.isMetadata) {
      this.description = new Description()
      this.description.read(clock, 0, clock.length)
    }
    this.model = new Stream({
      isMetadata: this.isMetadata,
      hasIndex: true,
      recordFieldBytes: 64,
      tracefileSize: 0,
      tracefileCount: 0,
      chunk: { isDeleted: false } as { readonly isDeleted: boolean },
      hold: session.lead,
      actions: {
        ...noFiles,
        record: ({ data }, offset, fields, at) => {
          this.newestOffset = offset
          session.keep(data, offset, emptyPacket(fields, at))
          if (this.model.indexCount === 0) this.#seeFirst(fields)
          this.recentIndexes.add(this.model.indexCount, offset, fields, at, performance.now())
        }
      }
    })
    this.model.ctfStreamId = 0n
    if (this.isMetadata) this.model.metadataReceived = clock.length
  }

  traceId = 0n

  /** When the tracer had published it and its metadata stream: nothing happens in user space before. */
  get announcedWhole(): number {
    const [metadata] = this.session.all.filter(({ isMetadata, traceId }) => isMetadata && traceId === this.traceId)
    return Math.max(this.publishedMillis, metadata?.publishedMillis ?? 0)
  }

  get isMetadata() {
    return this.channelName === "metadata"
  }

  #seeFirst(fields: Buffer): void {
    const [begin, end] = [fields.readBigUInt64BE(16), fields.readBigUInt64BE(24)]
    const { announcedMillis } = this
    this.session.lead.see({ announcedMillis, arrivedMillis: this.#dataMillis, begin, end, cyclesPerMilli: 1000 })
  }

  data(): void {
    this.#dataMillis = performance.now()
    this.model.beginPacket(this.#dataSeq++, 16, 0)
    this.model.endPacket()
  }

  beacon(end: number): void {
    this.session.lead.prove(BigInt(end), performance.now())
    this.model.addBeacon(BigInt(end), performance.now())
  }

  index({ begin, end }: Pick<Packet, "begin" | "end">): void {
    const fields = Buffer.alloc(64)
    fields.writeBigUInt64BE(128n, 0)
    fields.writeBigUInt64BE(128n, 8)
    fields.writeBigUInt64BE(BigInt(begin), 16)
    fields.writeBigUInt64BE(BigInt(end), 24)
    this.model.addIndex(this.#indexSeq, this.#indexSeq, fields, 0)
    this.#indexSeq++
  }
}

/** The head of a packet with these fields in its index, in which nothing happened. */
const emptyPacket = (fields: Buffer, at: number): Buffer => {
  const bytes = Buffer.alloc(80)
  bytes.writeUInt32LE(0xc1fc1fc1)
  fields.copy(bytes, 32, at + 16, at + 32)
  fields.copy(bytes, 48, at + 8, at + 16)
  fields.copy(bytes, 56, at, at + 8)
  bytes.subarray(32, 64).swap64()
  return bytes
}

export class FakeSession {
  readonly id: number
  readonly identity = { liveTimer: timerMicros, sessionName: "s", hostname: "h", traceFormat: 1 }
  readonly streams = new Map<number, FakeStream>()
  /** Closed ones as well, in their order. */
  readonly all: Array<FakeStream> = []
  readonly traceIds = new Map<string, bigint>()
  readonly #packets = new Map<unknown, Map<number, Buffer>>()
  readonly viewers = new Viewers(
    {
      recent: {
        find: (data: unknown, offset: number) => {
          const bytes = this.#packets.get(data)?.get(offset)
          return bytes && { beginning: () => bytes }
        }
      }
    } as never,
    () => {}
  )
  readonly unpublished = new Set<FakeStream>()
  readonly lead = new Lead(timerMicros)
  isOngoingRotation = false
  isConnectionClosed = false

  constructor(id: number) {
    this.id = id
  }

  announcingSinceMillis: number | undefined

  keep(data: unknown, offset: number, packet: Buffer): void {
    const packets = this.#packets.get(data) ?? new Map<number, Buffer>()
    this.#packets.set(data, packets.set(offset, packet))
  }

  add(stream: FakeStream): void {
    this.streams.set(stream.handle, stream)
    this.all.push(stream)
    if (!this.traceIds.has(stream.path)) this.traceIds.set(stream.path, BigInt(stream.handle))
    stream.traceId = this.traceIds.get(stream.path) ?? 0n
    this.unpublished.add(stream)
    stream.announcedMillis = performance.now()
    this.announcingSinceMillis ??= performance.now()
  }

  publish(): void {
    const published = [...this.unpublished]
    this.unpublished.clear()
    this.announcingSinceMillis = undefined
    for (const stream of published) {
      stream.isPublished = true
      stream.publishedMillis = performance.now()
    }
    this.viewers.publish(published as never)
  }

  close(stream: FakeStream): void {
    stream.model.lastNetSeqNum = 2n ** 64n - 1n
    stream.model.tryClose(false)
    this.streams.delete(stream.handle)
  }
}

/** Timestamps are thousandths of the milliseconds of the test's clock. */
const clock = Buffer.from('clock {\n\tname = "c";\n\tfreq = 1000000;\n};\nevent.header := struct event_header_large;\n')
export const attachAt = 1500
export const endAt = 7000
export const timestampOf = (millis: number) => millis * 1000

interface Application {
  readonly path: string
  readonly begins: number
  readonly ends: number
  readonly isFirst: boolean
}

type Below = (below: number) => number

export class World {
  readonly sessions: ReadonlyArray<FakeSession>
  readonly pick: Below
  /** The tracer may record before it announces, but takes about as long each time. */
  readonly isKernel: boolean
  /** It takes long to announce. */
  readonly isSlow: boolean
  readonly #events: Array<{ readonly at: number; readonly order: number; readonly run: () => void }> = []
  readonly recorded = new Map<FakeStream, Array<Packet>>()
  /** From the beginning of an application's streams until the relay knows of them. */
  readonly #unheard: Array<readonly [from: number, to: number]> = []
  #handle = 0

  constructor(pick: Below) {
    this.pick = pick
    this.isKernel = pick(2) === 0
    this.isSlow = this.isKernel && pick(4) === 0
    this.sessions = !this.isSlow && pick(3) === 0 ? [new FakeSession(1), new FakeSession(2)] : [new FakeSession(1)]
    const first = { path: "first", begins: pick(200), ends: endAt, isFirst: true }
    const applications = [this.#addApplication(this.sessions[0] as FakeSession, first)]
    for (let count = pick(5); count > 0; count--) {
      const begins = this.isSlow ? 3000 + pick(1900) : 400 + pick(4500)
      const ends = pick(2) === 0 ? endAt : begins + 1500 + pick(1000)
      const path = pick(4) === 0 ? "shared" : `app-${count}`
      applications.push(this.#addApplication(this.#someSession(), { path, begins, ends, isFirst: false }))
    }
    for (const addPackets of applications) addPackets()
    if (pick(3) === 0) this.#addRotation(this.#someSession(), 500 + pick(5000))
    for (const session of this.sessions) {
      this.#at(endAt + 2000, () => {
        session.isConnectionClosed = true
      })
    }
  }

  #someSession(): FakeSession {
    return this.sessions[this.pick(this.sessions.length)] as FakeSession
  }

  #at(at: number, run: () => void): void {
    this.#events.push({ at, order: this.#events.length, run })
  }

  get history() {
    return [...this.#events].sort((a, b) => a.at - b.at || a.order - b.order)
  }

  #addRotation(session: FakeSession, at: number): void {
    this.#at(at, () => {
      session.isOngoingRotation = true
    })
    this.#at(at + 60, () => {
      session.isOngoingRotation = false
    })
  }

  /** Streams of one trace that begin together, are announced late, speak now and then, and may end. */
  #addApplication(session: FakeSession, application: Application): () => void {
    const { pick } = this
    const { begins, ends, path } = application
    const added = begins + this.#delayMillis()
    if (this.isKernel) this.#unheard.push([begins, added])
    const sent = added + 2 + pick(pick(3) === 0 ? 900 : 20)
    const add = (channelName: string, at: number) => {
      const stream = new FakeStream(session, ++this.#handle, this.isKernel ? `${path}/kernel` : path, channelName)
      this.#at(at, () => session.add(stream))
      return stream
    }
    const streams = Array.from({ length: 1 + pick(3) }, (_, cpu) => add(`ch_${cpu}`, added + pick(2)))
    // Sometimes the metadata stream is published by itself, after the others.
    const isMetadataLate = pick(4) === 0
    const metadata = add("metadata", isMetadataLate ? sent + 1 : added)
    this.#at(ends + 50, () => session.close(metadata))
    this.#at(sent, () => session.publish())
    if (isMetadataLate) this.#at(sent + 2 + pick(50), () => session.publish())
    return () => {
      for (const stream of streams) this.#addPackets(stream, application, sent + 3)
    }
  }

  #delayMillis(): number {
    if (!this.isKernel) return 1 + this.pick(longDelayMillisMax)
    if (!this.isSlow) return 1 + this.pick(delayMillisMax - 4)
    const least = longDelayShare * longDelayMillisMax
    return least + this.pick(longDelayMillisMax - least)
  }

  /**
   * Until the relay has seen that the tracer takes long, packets are told as they come: none comes while the relay
   * cannot know of a stream that has begun.
   */
  #afterUnheard(at: number): number {
    return !this.isSlow && this.isUnheard(at) ? this.#afterUnheard(at + 1) : at
  }

  isUnheard(at: number): boolean {
    return this.#unheard.some(([from, to]) => from <= at && at <= to)
  }

  /** Flushed every period: a packet if there is something, else a beacon. What the stream sends arrives in order. */
  #addPackets(stream: FakeStream, { begins, ends, isFirst: isFirstApplication }: Application, from: number): void {
    const { pick } = this
    const isChatty = pick(3) === 0
    // The first packet begins with its stream, unless that has nothing to say for a while.
    const isQuietAtFirst = pick(3) === 0 && !(this.isSlow && isFirstApplication)
    const recorded: Array<Packet> = []
    this.recorded.set(stream, recorded)
    let arrival = from
    let before = begins
    let isProved = false
    let hasPacket = false
    const addPacket = (begin: number, end: number) => {
      arrival = this.#afterUnheard(arrival)
      const halves = [() => stream.data(), () => stream.index({ begin, end })]
      if (pick(4) === 0) halves.reverse()
      this.#at(arrival, halves[0] as () => void)
      arrival = this.#afterUnheard(arrival + pick(15))
      this.#at(arrival, () => {
        halves[1]?.()
        recorded.push({ handle: stream.handle, offset: stream.newestOffset, begin, end })
      })
      hasPacket = true
    }
    // Later ones begin with an event.
    const beginOf = (end: number, isFirst: boolean) =>
      isFirst ? timestampOf(begins) : timestampOf(before) + 1 + pick(end - timestampOf(before) - 1)
    // The live timer may have come by between the buffers and the announcement: nothing is in that packet.
    if (!this.isKernel && !isQuietAtFirst && pick(3) === 0) {
      const flushed = begins + 1 + pick(from - begins - 1)
      addPacket(timestampOf(begins), timestampOf(flushed))
      before = flushed
    }
    for (let tick = from + pick(timerMillis); before < ends; tick += timerMillis) {
      const at = Math.min(tick, ends)
      arrival = Math.max(arrival, at) + 1 + pick(15)
      const end = timestampOf(at)
      const isFirst = before === begins && !isQuietAtFirst
      // By the beacon that follows, the relay knows that what it saw of the first packets is so.
      const isProof: boolean = this.isSlow && isFirstApplication && before !== begins && !isProved
      isProved ||= isProof
      if (isFirst || (!isProof && (isChatty || pick(6) === 0))) addPacket(beginOf(end, isFirst), end)
      else {
        // Somebody has it flushed, as `lttng stop` does, just before the live timer does.
        const flushed = timestampOf(at - 1 - pick(15))
        if (hasPacket && flushed > timestampOf(before) + 1 && pick(5) === 0) addPacket(beginOf(flushed, false), flushed)
        this.#at(arrival, () => stream.beacon(end))
      }
      before = at
    }
    this.#at(arrival + 5, () => stream.session.close(stream))
  }
}
