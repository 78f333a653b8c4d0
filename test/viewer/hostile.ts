/**
 * A relay that answers viewers anything at all, within the forms of the protocol: streams and sessions that contradict
 * each other, indexes that contradict packets, metadata cut anywhere, times that go back, numbers up to 2⁶⁴. Time is
 * simulated, so that whoever asks without end and never waits is found.
 *
 * `node test/viewer/hostile.ts COUNT [SEED]`: so many relays, from this seed on.
 */
import { Cause, Clock, Duration, Effect, Exit } from "effect"
import { EventLines } from "../../src/cli/live/EventLines.ts"
import * as Text from "../../src/ctf/print/Text.ts"
import type * as GetNextIndex from "../../src/protocol/live/GetNextIndex.ts"
import type { StreamEntry } from "../../src/protocol/live/StreamEntry.ts"
import type { Packet } from "../../src/target/Packet.ts"
import * as SyntheticTrace from "../../src/target/SyntheticTrace.ts"
import { LinkLost } from "../../src/transport/Dial.ts"
import * as Attachment from "../../src/viewer/Attachment.ts"
import { LiveDecoder } from "../../src/viewer/LiveDecoder.ts"
import { Shown } from "../../src/viewer/Shown.ts"
import type { ViewerConnection } from "../../src/viewer/ViewerConnection.ts"
import type { Session } from "../../src/viewer/ViewerEvent.ts"
import { type Random, random } from "../ctf/encoding.ts"
import { uuid } from "../support/synthetic.ts"

/** Requests after which the relay is gone. */
const requestsMax = 400
/** Nobody asks so often without waiting, or being told something. */
const idleMax = 5000

export class Wrong extends Error {}

const numbers = [
  0n,
  1n,
  7n,
  100n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n
]

const metadataTexts: ReadonlyArray<string> = [
  SyntheticTrace.metadata(uuid),
  SyntheticTrace.metadata(uuid, 2n ** 60n),
  // Without a clock.
  SyntheticTrace.metadata(uuid)
    .replace(/clock \{[^}]*\};\n/, "")
    .replace("map = clock.monotonic.value; ", ""),
  // The class of streams has another clock than the first one.
  SyntheticTrace.metadata(uuid).replace(
    "clock {",
    'clock { name = "other"; freq = 7; offset_s = 1000000000; };\nclock {'
  )
]

interface Made {
  readonly next: Random
  readonly packets: ReadonlyArray<Packet>
  readonly text: Buffer
}

const made = (seed: number): Made => {
  const next = random(seed)
  const generator = SyntheticTrace.generator(uuid, 0, SyntheticTrace.packetBytesMin + 48, 0n)
  const packets = Array.from({ length: 20 }, (_, index) => generator.next(BigInt(index + 1) * 1000n))
  return { next, packets, text: Buffer.from(metadataTexts[Math.floor(next() * metadataTexts.length)] ?? "") }
}

export const sessionOf = (id: bigint): Session => ({
  id,
  hostname: "h",
  sessionName: "s",
  liveTimerMicros: 100_000,
  clientCount: 0,
  streamCount: 0,
  traceFormat: "ctf-1.8"
})

/** What one relay does. `wildness`: how often it answers otherwise than a good one would. */
export class HostileRelay {
  readonly #made: Made
  readonly #wildness: number
  readonly #entries: Array<StreamEntry> = []
  readonly #packetAt = new Map<bigint, number>()
  readonly #metadataAt = new Map<bigint, number>()
  #requests = 0
  /** Requests since the time moved, or something was told. */
  idle = 0
  packetBytes = 0

  constructor(seed: number) {
    this.#made = made(seed)
    this.#wildness = [0, 0.02, 0.2, 0.6][Math.floor(this.#made.next() * 4)] ?? 0
  }

  #below(count: number): number {
    return Math.floor(this.#made.next() * count)
  }

  #pick<A>(all: ReadonlyArray<A>): A {
    return all[this.#below(all.length)] as A
  }

  get #isWild(): boolean {
    return this.#made.next() < this.#wildness
  }

  #stream(): StreamEntry {
    const id = this.#isWild ? this.#pick(numbers) : BigInt(this.#entries.length + 1)
    const traceId = this.#isWild ? this.#pick(numbers) : BigInt(1 + this.#below(2))
    const isFirst = !this.#entries.some(({ ctfTraceId, metadataFlag }) => metadataFlag && ctfTraceId === traceId)
    const metadataFlag = this.#isWild ? this.#made.next() < 0.5 : isFirst
    const entry = {
      id,
      ctfTraceId: traceId,
      metadataFlag,
      pathName: this.#pick(["ust", "", "\ud800", "kernel"]),
      channelName: "ch_0"
    }
    this.#entries.push(entry)
    return entry
  }

  streams(): ReadonlyArray<StreamEntry> {
    const again = this.#isWild ? this.#entries.slice(-2) : []
    return [...again, ...Array.from({ length: 1 + this.#below(4) }, () => this.#stream())]
  }

  #asked(): Effect.Effect<void, LinkLost> {
    return Effect.suspend(() => {
      if (++this.idle > idleMax) throw new Wrong("asks without end, and does not wait")
      if (++this.#requests > requestsMax)
        return Effect.fail(new LinkLost({ address: "relay", reason: "closed by the peer" }))
      return Effect.void
    })
  }

  #answer<A>(make: () => A): Effect.Effect<A, LinkLost> {
    return Effect.map(this.#asked(), make)
  }

  #index(id: bigint): GetNextIndex.Reply {
    const at = this.#packetAt.get(id) ?? 0
    const packet = this.#made.packets[at] as Packet | undefined
    const wild = (value: bigint): bigint => (this.#isWild ? this.#pick(numbers) : value)
    const roll = this.#made.next()
    const status = this.#isWild ? this.#below(9) : packet === undefined ? 3 : roll < 0.6 ? 1 : roll < 0.8 ? 5 : 2
    const flags = this.#isWild ? this.#pick([0, 1, 2, 3, 0x40000000, 0xffffffff]) : 0
    if (status === 1) this.#packetAt.set(id, at + 1)
    const size = BigInt((packet?.bytes.length ?? 0) * 8)
    const time = status === 1 ? packet?.timestampEnd : packet?.timestampBegin
    return {
      offset: wild(BigInt(at)),
      packetSize: wild(size),
      contentSize: wild(size),
      timestampBegin: wild(packet?.timestampBegin ?? 0n),
      timestampEnd: wild(time ?? 0n),
      eventsDiscarded: wild(0n),
      streamId: wild(0n),
      status,
      flags
    }
  }

  #mutated(bytes: Uint8Array): Uint8Array {
    const copy = Uint8Array.from(bytes)
    for (let left = this.#below(4); left > 0; left--)
      copy[this.#below(copy.length)] = this.#pick([0, 1, 0x7f, 0x80, 0xff])
    return this.#made.next() < 0.3 ? copy.subarray(0, this.#below(copy.length + 1)) : copy
  }

  #packet(offset: bigint, len: number) {
    const status = this.#isWild ? this.#below(6) : 1
    const bytes =
      this.#made.packets[Number(offset % 1024n)]?.bytes.subarray(0, len) ?? new Uint8Array(Math.min(len, 64))
    const data = status !== 1 ? new Uint8Array(0) : this.#isWild ? this.#mutated(bytes) : bytes
    this.packetBytes += data.length
    return { status, flags: this.#isWild ? this.#below(4) : 0, data }
  }

  #metadata(id: bigint) {
    const at = this.#metadataAt.get(id) ?? 0
    const { text } = this.#made
    if (this.#isWild) return { status: this.#below(5), data: this.#mutated(text) }
    const to = at + 1 + this.#below(text.length)
    this.#metadataAt.set(id, to)
    return at >= text.length ? { status: 2, data: new Uint8Array(0) } : { status: 1, data: text.subarray(at, to) }
  }

  get connection(): ViewerConnection {
    return {
      minor: this.#pick([4, 10, 14, 15]),
      requestCount: () => this.#requests,
      sessions: Effect.die("not asked"),
      createViewerSession: Effect.void,
      attach: () => Effect.die("not asked"),
      detach: () => Effect.void,
      newStreams: () =>
        this.#answer(() => {
          const status = this.#isWild ? this.#below(6) : this.#requests > requestsMax / 2 ? 4 : 2
          return { status, streams: status === 1 ? this.streams() : [] }
        }),
      nextIndexes: (ids) => this.#answer(() => ids.map((id) => this.#index(id))),
      packet: (_, offset, len) => this.#answer(() => this.#packet(offset, len)),
      metadata: (id) => this.#answer(() => this.#metadata(id))
    }
  }

  get joiners() {
    if (this.#made.next() < 0.5) return undefined
    let last = 1n
    return {
      lingerMillis: this.#pick([0, 100]),
      look: this.#answer(() => {
        if (this.#isWild) last = this.#pick([last + 1n, ...numbers])
        return Array.from(new Set([1n, last]), sessionOf)
      }),
      attach: (session: Session) =>
        this.#answer(() => (this.#isWild ? "it is refused" : { session, streams: this.streams() }))
    }
  }

  get isPrompt(): boolean {
    return this.#made.next() < 0.7
  }
}

/** Sleeps take no time but the simulated one. */
const simulated = (relay: HostileRelay): Clock.Clock => {
  let nanos = 0n
  return {
    currentTimeMillisUnsafe: () => Number(nanos / 1_000_000n),
    currentTimeMillis: Effect.sync(() => Number(nanos / 1_000_000n)),
    currentTimeNanosUnsafe: () => nanos,
    currentTimeNanos: Effect.sync(() => nanos),
    monotonicTimeNanosUnsafe: () => nanos,
    monotonicTimeNanos: Effect.sync(() => nanos),
    sleep: (duration) =>
      Effect.sync(() => {
        const slept = Duration.toNanosUnsafe(Duration.fromInputUnsafe(duration))
        nanos += slept
        if (slept > 0n) relay.idle = 0
      })
  }
}

export interface Outcome {
  /** How it ended: `over`, or the name of the error. */
  readonly end: string
  readonly lines: number
  readonly heldMax: number
}

/** Follows a relay to its end, as `follow` does. Throws what should never happen. */
export const follow = async (seed: number): Promise<Outcome> => {
  const relay = new HostileRelay(seed)
  const session = sessionOf(1n)
  const lines = new EventLines({ isJson: seed % 2 === 0, text: Text.defaults, filter: undefined })
  const decoder = new LiveDecoder({ sessions: [session], shown: seed % 3 === 0 ? new Shown(true) : undefined })
  lines.attached([session])
  let count = 0
  let heldMax = 0
  const drain = () => {
    for (let isMore = true; isMore; ) {
      isMore = decoder.drain(2048, lines.visit)
      for (const trouble of decoder.troubles()) lines.trouble(trouble)
      count += Buffer.from(lines.out.written).toString().split("\n").length - 1
      for (const line of seed % 2 === 0 ? Buffer.from(lines.out.written).toString().split("\n") : [])
        if (line) JSON.parse(line)
      lines.out.clear()
      lines.notes = []
    }
    heldMax = Math.max(heldMax, decoder.heldBytes)
  }
  const following = Effect.gen(function* () {
    const { connection, isPrompt, joiners } = relay
    const sessions = [{ session, streams: relay.streams() }]
    const next = yield* Attachment.make({ connection, sessions, joiners, withPadding: seed % 5 === 0, isPrompt })
    while (true) {
      const events = yield* next
      relay.idle = 0
      for (const event of events) {
        decoder.on(event)
        lines.on(event)
      }
      drain()
    }
  })
  const exit = await Effect.runPromiseExit(Effect.provideService(following, Clock.Clock, simulated(relay)))
  decoder.endAll()
  drain()
  if (decoder.heldBytes > 0) throw new Wrong(`holds ${decoder.heldBytes} bytes back for ever`)
  if (Exit.isSuccess(exit)) throw new Wrong("ended without a reason")
  const failed = Cause.findErrorOption(exit.cause)
  if (failed._tag === "None") throw Cause.squash(exit.cause)
  const error: unknown = failed.value
  const end = Cause.isDone(error) ? "over" : (error as { readonly _tag?: string })._tag
  if (end !== "over" && end !== "LinkLost" && end !== "ReplyMalformed") throw error
  return { end, lines: count, heldMax }
}

if (import.meta.main) {
  const [count = "10000", seed = "1"] = process.argv.slice(2)
  const ends = new Map<string, number>()
  for (let at = Number(seed); at < Number(seed) + Number(count); at++) {
    const { end } = await follow(at).catch((cause: unknown) => {
      process.stderr.write(`seed ${at}\n`)
      throw cause
    })
    ends.set(end, (ends.get(end) ?? 0) + 1)
  }
  process.stdout.write(`${[...ends].map(([end, times]) => `${times} ${end}`).join("\n")}\n`)
}
