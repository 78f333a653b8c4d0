/**
 * Rotations and clears of a tracing session with several consumer daemons, drawn from a seed: each has its own
 * connections and streams, all share the trace chunks, and they create, enter and close them in any order. A packet's
 * bytes are in before the next step; its index comes before or after them.
 */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { Random } from "../support/Random.ts"
import * as Commands from "./commands.ts"
import { type Run, type Scenario, scenario } from "./scenario.ts"
import type * as Script from "./script.ts"

const { closeCommands, start } = Commands
const stepCount = 26
const paths = ["ust/uid/0/64-bit", "ust/uid/0/32-bit", "kernel"]
const options = [[], [], ["-x"], ["--group-output-by-session"], ["--group-output-by-host"], ["--fd-pool-size=100"]]

interface Stream {
  readonly id: bigint
  readonly isMetadata: boolean
  nextSeq: number
  /** The chunk that it was begun in, or asked to enter. */
  chunk: number
  /** How many packets it has when it enters that. */
  enters: number
}

interface Consumer extends Script.Recording {
  readonly number: number
  /** Streams are asked to leave a chunk before it is closed, and not before they entered it, as by a session daemon. */
  readonly isOrderly: boolean
  readonly streams: Array<Stream>
  addedCount: number
  chunk: number
  /** The first chunk that it has not closed. */
  unclosed: number
}

const atOf = (chunk: number) => start + 10 * chunk

const add = (random: Random, consumer: Consumer) =>
  Effect.gen(function* () {
    const { c, number, streams } = consumer
    const isMetadata = consumer.addedCount === 0 && random.chance(0.5)
    const channel = isMetadata ? "metadata" : `ch_${number}_${consumer.addedCount}`
    consumer.addedCount++
    const ring = !isMetadata && random.chance(0.2) ? { fileSize: 32, fileCount: 1 + random.below(3) } : {}
    const id = yield* c.addStream({ channel, path: paths[number] ?? "", ...ring })
    if (random.chance(0.7)) yield* c.streamsSent
    streams.push({ id, isMetadata, nextSeq: 0, chunk: consumer.chunk, enters: 0 })
  })

const send = (random: Random, { c, d }: Consumer, stream: Stream, step: number) =>
  Effect.gen(function* () {
    if (stream.isMetadata) {
      if (random.chance(0.2)) yield* c.resetMetadata(stream.id)
      return yield* c.metadata(stream.id, Buffer.alloc(5 + step, 0x61 + step), random.below(3))
    }
    const [size, padding] = [10 + random.below(10), random.chance(0.3) ? random.below(9) : 0]
    const index = c.index(stream.id, { seq: stream.nextSeq, bytes: size + padding })
    const isFirst = random.chance(0.3)
    if (isFirst) yield* index
    yield* d.packet(stream.id, stream.nextSeq, size, padding)
    yield* c.dataPending(stream.id, stream.nextSeq)
    if (!isFirst) yield* index
    if (random.chance(0.2)) yield* c.index(stream.id, { seq: 0, bytes: 0, end: 5000 + step })
    stream.nextSeq++
  })

const isEntering = ({ enters, nextSeq }: Stream) => enters > nextSeq

const rotate = (random: Random, consumer: Consumer, step: number) => {
  const { c, chunk, isOrderly, streams } = consumer
  const entering = isOrderly ? streams.find(isEntering) : undefined
  if (entering !== undefined) return send(random, consumer, entering, step)
  const shift = () => (random.chance(0.85) ? 0 : random.below(4) - 2)
  for (const stream of streams) {
    stream.enters = Math.max(0, stream.nextSeq + (stream.isMetadata && isOrderly ? 0 : shift()))
    stream.chunk = chunk
  }
  const positions = streams.map(({ enters, id }) => [id, enters] as const)
  return c.rotate(random.chance(0.1) ? undefined : chunk, positions, random.pick([0, 3, 7] as const))
}

/** The next chunk, or the end of the one before. */
const advance = (random: Random, consumer: Consumer, step: number) => {
  if (consumer.unclosed === consumer.chunk) return consumer.c.createChunk(++consumer.chunk, atOf(consumer.chunk))
  const isLeft = consumer.streams.every(({ chunk }) => chunk > consumer.unclosed)
  if (consumer.isOrderly && !isLeft) return rotate(random, consumer, step)
  const command = random.pick([closeCommands.move, closeCommands.move, closeCommands.delete])
  return consumer.c.closeChunk(consumer.unclosed++, atOf(consumer.chunk), command)
}

const act = (random: Random, consumer: Consumer, step: number) =>
  Effect.gen(function* () {
    const { c, session, streams } = consumer
    const choice = random.below(24)
    const stream = streams[random.below(streams.length)]
    if (choice < 4 || stream === undefined) yield* add(random, consumer)
    else if (choice < 10) yield* send(random, consumer, stream, step)
    else if (choice < 14) yield* rotate(random, consumer, step)
    else if (choice < 22) yield* advance(random, consumer, step)
    else if (choice < 23) yield* c.endPending(session.id)
    else {
      yield* c.closeStream(stream.id, stream.nextSeq - (random.chance(0.7) ? 1 : 0))
      streams.splice(streams.indexOf(stream), 1)
    }
  })

export const fromSeed = (seed: number, isOrderly: boolean): Scenario => {
  const args = new Random(seed).pick(options)
  return scenario(
    `shared chunks, seed ${seed}: ${args.join(" ")}`,
    function* (s) {
      const random = new Random(seed)
      const basePath = random.pick(["", "r/x"])
      const session = {
        sessionId: 1,
        name: "n",
        basePath,
        snapshot: random.chance(0.2),
        liveTimer: random.pick([0, 1_000_000])
      }
      const consumers: Array<Consumer> = []
      for (const number of paths.keys()) {
        if (number > 0 && random.chance(0.3)) continue
        const first = number === 0 ? {} : ({ chunk: "none", currentChunk: 0 } as const)
        const recording = yield* s.recording({ ...session, minor: random.pick([11, 12, 13]), ...first })
        consumers.push({ ...recording, number, isOrderly, streams: [], addedCount: 0, chunk: 0, unclosed: 0 })
      }
      for (let step = 0; step < stepCount && consumers.length > 0; step++) {
        const consumer = random.pick(consumers)
        s.note(`consumer ${consumer.number}, step ${step}`)
        yield* act(random, consumer, step)
        const isServed = (yield* consumer.c.command("START_DATA", Commands.none, 4)).readUInt32BE(0) !== 0
        if (isServed) continue
        yield* consumer.d.close
        consumers.splice(consumers.indexOf(consumer), 1)
      }
      for (const { c, d } of consumers) {
        yield* c.end
        yield* c.closes("the rest")
        yield* d.close
      }
    },
    { args }
  )
}

/** Where a chunk's successor cannot get its name both end the connection; 2.13.9 says first that all was well. */
const answersOf = ({ transcript }: Run): ReadonlyArray<string> =>
  transcript.map((line) => line.replace(/(CLOSE_TRACE_CHUNK →) 0000000[ab]0{8}$/, "$1 refused"))

/** Its files were not where it looked for them: 2.13.9 gives up every connection then. */
export const isGivenUp = ({ transcript }: Run): boolean =>
  transcript.some((line) => line.endsWith("DATA_PENDING → ffffffff"))

/** A chunk was refused, or others close those of a refused connection: one may come to lie where another does. */
const isCutOff = (run: Run): boolean => {
  const answers = answersOf(run)
  const from = answers.findIndex((line) => /START_DATA → {2}closed|TRACE_CHUNK → (0000000b|refused)$/.test(line))
  return from >= 0 && answers.slice(from).some((line) => /(CREATE|CLOSE)_TRACE_CHUNK → /.test(line))
}

/** Those that hold anything, by what is below their chunk, without the number that one has which was in the way. */
const filesOf = ({ tree }: Run): ReadonlyArray<string> =>
  tree.flatMap((line) => {
    const [, path, content] = /((?:ust|kernel)\/\S+) 0640 ([1-9].*)$/.exec(line) ?? []
    return path === undefined ? [] : `${path.replaceAll(/-\d+(?=\/|$)/g, "")} ${content}`
  })

const without = (all: ReadonlyArray<string>, taken: ReadonlyArray<string>): ReadonlyArray<string> => {
  const left = [...all]
  for (const one of taken) if (left.includes(one)) left.splice(left.indexOf(one), 1)
  return left
}

/**
 * Equal answers and files; but where a connection was refused, no file of the other's is missing: it empties and
 * deletes by its handles what has come to lie in a chunk's place, and moves chunks in part.
 */
export const assertAs = (theirs: Run, ours: Run): void => {
  assert.deepStrictEqual(answersOf(ours), answersOf(theirs))
  if (isCutOff(theirs)) assert.deepStrictEqual(without(filesOf(theirs), filesOf(ours)), [])
  else assert.deepStrictEqual(ours.tree, theirs.tree)
}

/** ... and after a refusal nothing is compared: how soon that connection is taken apart decides what others meet. */
export const assertAsUntilRefusal = (theirs: Run, ours: Run): void => {
  const refused = answersOf(theirs).findIndex((line) => /START_DATA → {2}closed$/.test(line))
  if (refused < 0) assertAs(theirs, ours)
  else assert.deepStrictEqual(answersOf(ours).slice(0, refused), answersOf(theirs).slice(0, refused))
}
