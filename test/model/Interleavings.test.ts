/**
 * One stream against `Expected`: every order of a few packets, their indexes and a rotation; then long histories drawn
 * from a seed. After each history nothing may be left open, and whole files must be exactly what their indexes say.
 */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Expected, type Outcome } from "./Expected.ts"
import { type Options, Played, payload } from "./played.ts"

type Event =
  | { readonly _tag: "Begin"; readonly seq: number; readonly size: number; readonly padding: number }
  | { readonly _tag: "Some"; readonly count: number }
  | { readonly _tag: "End" }
  | { readonly _tag: "Abandon" }
  | { readonly _tag: "Index"; readonly seq: number; readonly packetSeq: number }
  | { readonly _tag: "Rotate"; readonly at: number; readonly chunk: string | undefined }
  | { readonly _tag: "Close"; readonly last: number | undefined }

/** Plays a history to both. An event refused by one must be refused by the other, and ends the history. */
class Both {
  readonly played: Played
  readonly expected: Expected
  readonly #shape: Required<Options>
  /** Chunks entered or about to be. */
  #chunks = ["A"]
  #arriving: { readonly seq: number; readonly size: number; sent: number } | undefined
  readonly #sizes = new Map<number, number>()
  #isRefused = false

  constructor(options: Options = {}) {
    this.#shape = { hasIndex: true, isMetadata: false, tracefileSize: 0, tracefileCount: 0, ...options }
    this.played = new Played(this.#shape)
    this.expected = new Expected(this.#shape, "A")
  }

  play(events: Iterable<Event>): void {
    const history: Array<Event> = []
    try {
      for (const event of events) {
        if (this.#isRefused || this.played.stream.isClosed) break
        history.push(event)
        this.#step(event)
      }
      this.#finish()
    } catch (failure) {
      const lines = history.map(({ _tag, ...rest }) => `${_tag} ${Object.values(rest).join(" ")}`)
      throw new Error(`${failure}\nafter\n${lines.join("\n")}`, { cause: failure })
    }
  }

  #agree(event: Event, tested: boolean, expected: boolean): boolean {
    if (tested !== expected) assert.strictEqual(tested, expected, `answer to ${JSON.stringify(event)}`)
    if (!tested) this.#isRefused = true
    return tested
  }

  #step(event: Event): void {
    const { played, expected } = this
    switch (event._tag) {
      case "Begin": {
        const { seq, size, padding } = event
        if (this.#arriving !== undefined) return
        if (!this.#agree(event, played.begin(seq, size, padding), expected.begin(BigInt(seq), size, padding))) return
        this.#arriving = { seq, size, sent: 0 }
        this.#sizes.set(seq, size + padding)
        return
      }
      case "Some":
        if (this.#arriving === undefined) return
        this.#arriving.sent = Math.min(this.#arriving.size, this.#arriving.sent + event.count)
        played.some(event.count)
        return
      case "End": {
        if (this.#arriving === undefined) return
        const { seq, size } = this.#arriving
        this.#arriving = undefined
        this.#agree(event, played.end(), expected.end(payload(seq, size)))
        return
      }
      case "Abandon": {
        if (this.#arriving === undefined) return
        const { seq, sent } = this.#arriving
        this.#arriving = undefined
        played.stream.abandonPacket()
        expected.abandon(payload(seq, sent))
        return
      }
      case "Index": {
        const { seq, packetSeq } = event
        // The size is only for the check that no record points past the bytes; unknown ones check the least.
        const size = this.#sizes.get(seq) ?? 0
        this.#agree(event, played.index(seq, packetSeq, size), expected.index(BigInt(seq), BigInt(packetSeq)))
        return
      }
      case "Rotate":
        if (event.chunk !== undefined) this.#chunks.push(event.chunk)
        if (!this.#agree(event, played.rotate(event.at, event.chunk), expected.rotate(BigInt(event.at), event.chunk))) {
          // A refused rotation did not take over the chunk.
          if (event.chunk !== undefined) this.#chunks.pop()
        }
        return
      case "Close":
        assert.strictEqual(
          played.close(event.last),
          expected.close(event.last === undefined ? undefined : BigInt(event.last), false)
        )
    }
  }

  #finish(): void {
    const { played, expected } = this
    if (this.#arriving !== undefined) {
      played.stream.abandonPacket()
      expected.abandon(payload(this.#arriving.seq, this.#arriving.sent))
    }
    const { stream, disk } = played
    const none = 2n ** 64n - 1n
    const tested = [stream.prevDataSeq, stream.prevIndexSeq, shown(disk.outcome)].join("\n")
    const wanted = [expected.prevData ?? none, expected.prevIndex ?? none, shown(expected.outcome)].join("\n")
    if (tested !== wanted) assert.strictEqual(tested, wanted)
    if (!stream.isClosed && !played.close(undefined, true)) assert.fail("does not close")
    const left = `${disk.openCount} open, ${stream.inFlightCount} in flight, left ${disk.leftChunks.toSorted()}`
    const nothing = `0 open, 0 in flight, left ${this.#chunks.toSorted()}`
    if (left !== nothing) assert.strictEqual(left, nothing)
  }
}

const shown = ({ files, indexes }: Outcome): string =>
  [...files.keys()]
    .sort()
    .map((name) => {
      const records = indexes.get(name)?.map(({ offset, packetSeq }) => ` ${offset}:${packetSeq}`)
      return `${name} ${files.get(name)} ${records === undefined ? "no index" : records.join("")}`
    })
    .join("\n")

const begin = (seq: number): Event => ({ _tag: "Begin", seq, size: 4, padding: 0 })
const end: Event = { _tag: "End" }
const index = (seq: number): Event => ({ _tag: "Index", seq, packetSeq: seq })

function* permutations<A>(items: ReadonlyArray<A>): Generator<ReadonlyArray<A>> {
  if (items.length === 0) return yield []
  for (const [at, item] of items.entries()) {
    for (const rest of permutations(items.toSpliced(at, 1))) yield [item, ...rest]
  }
}

/** Every way to put `items`, in every order, into `sequence`, which keeps its own. */
function* merges<A>(sequence: ReadonlyArray<A>, items: ReadonlyArray<A>): Generator<ReadonlyArray<A>> {
  const [item, ...rest] = items
  if (item === undefined) return yield sequence
  for (let at = 0; at <= sequence.length; at++) yield* merges(sequence.toSpliced(at, 0, item), rest)
}

const rings = { "one file": {}, "a ring of two": { tracefileSize: 4, tracefileCount: 2 } }

describe("every order of three packets, their indexes and a rotation", () => {
  for (const [name, ring] of Object.entries(rings)) {
    for (const chunk of ["B", undefined]) {
      it(`packets out of order, ${name}, to ${chunk ?? "no chunk"}`, () => {
        for (const at of [0, 1, 2, 3]) {
          const events: ReadonlyArray<ReadonlyArray<Event>> = [
            ...[0, 1, 2].map((seq) => [begin(seq), end]),
            ...[0, 1, 2].map((seq) => [index(seq)]),
            [{ _tag: "Rotate", at, chunk }]
          ]
          for (const order of permutations(events)) new Both(ring).play(order.flat())
        }
      })

      it(`anything in the middle of a packet, ${name}, to ${chunk ?? "no chunk"}`, () => {
        const packets = [0, 1, 2].flatMap((seq): ReadonlyArray<Event> => [begin(seq), end])
        for (const at of [0, 1, 2, 3]) {
          const others: ReadonlyArray<Event> = [...[0, 1, 2].map(index), { _tag: "Rotate", at, chunk }]
          for (const order of merges(packets, others)) new Both(ring).play(order)
        }
      })
    }
  }

  it("closing at any moment, waiting for nothing, for a packet there is, or for one that never comes", () => {
    const packets = [0, 1].flatMap((seq): ReadonlyArray<Event> => [begin(seq), { _tag: "Some", count: 1 }, end])
    for (const last of [undefined, 0, 1, 9]) {
      const others: ReadonlyArray<Event> = [
        index(0),
        index(1),
        { _tag: "Rotate", at: 1, chunk: "B" },
        { _tag: "Close", last }
      ]
      for (const order of merges(packets, others)) {
        new Both().play(order)
        new Both({ isMetadata: true }).play(order)
      }
    }
  })
})

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const Drawn = Schema.TaggedUnion({
  Begin: { ahead: between(0, 2), size: between(0, 6), padding: between(0, 3) },
  Some: { count: between(1, 3) },
  End: {},
  Packet: { size: between(0, 6), padding: between(0, 3) },
  Index: { behind: between(0, 3), jump: between(0, 9) },
  IndexAll: {},
  Rotate: { ahead: between(-2, 3), toNull: between(0, 5) },
  Abandon: { really: between(0, 9) },
  Close: { behind: between(-2, 1), really: between(0, 9) }
})
type Drawn = typeof Drawn.Type

/** Numbers relative to how far the history is, so that most events make sense. */
function* history(drawn: ReadonlyArray<Drawn>): Generator<Event> {
  let next = 0
  let chunks = 0
  let packetSeqAhead = 0
  const missing: Array<number> = []
  const indexOf = (seq: number): Event => ({ _tag: "Index", seq, packetSeq: seq + packetSeqAhead })
  for (const event of drawn) {
    switch (event._tag) {
      case "Begin":
        missing.push(next)
        yield { _tag: "Begin", seq: next, size: event.size, padding: event.padding }
        next++
        break
      case "Packet":
        yield end
        missing.push(next)
        yield { _tag: "Begin", seq: next, size: event.size, padding: event.padding }
        yield end
        next++
        break
      case "Index": {
        if (event.jump === 0) packetSeqAhead += 2
        const seq = event.behind === 3 ? next + 1 : (missing[missing.length - 1 - event.behind] ?? next)
        if (missing.includes(seq)) missing.splice(missing.indexOf(seq), 1)
        yield indexOf(seq)
        break
      }
      case "IndexAll":
        for (const seq of missing.splice(0)) yield indexOf(seq)
        break
      case "Rotate":
        chunks++
        yield {
          _tag: "Rotate",
          at: Math.max(0, next + event.ahead),
          chunk: event.toNull === 0 ? undefined : `B${chunks}`
        }
        break
      case "Abandon":
        if (event.really === 0) yield { _tag: "Abandon" }
        break
      case "Close":
        if (event.really === 0) yield { _tag: "Close", last: Math.max(0, next - 1 - event.behind) }
        break
      default:
        yield event
    }
  }
}

describe("long histories", () => {
  const shapes: Readonly<Record<string, Options>> = {
    "one file": {},
    "a ring of three": { tracefileSize: 10, tracefileCount: 3 },
    "a ring of one": { tracefileSize: 5, tracefileCount: 1 },
    "no index": { hasIndex: false },
    "metadata with packets": { isMetadata: true }
  }
  for (const [name, shape] of Object.entries(shapes)) {
    it.prop(
      `leave what the whole history says: ${name}`,
      [Schema.Array(Drawn)],
      ([drawn]) => new Both(shape).play(history(drawn)),
      { arbitrary: { runs: 1500, size: 60 } }
    )
  }
})
