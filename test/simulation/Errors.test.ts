/**
 * Every single operation on a session's files goes wrong, once, or it and all after it: with each code a system has for
 * it, by a write that ends in the middle, by a stall. The target is answered or cut off, the operator told once, with a
 * code; another session records on, whole; what was promised is there; nothing is left behind.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as Check from "../../src/recovery/Check.ts"
import * as Repair from "../../src/recovery/Repair.ts"
import {
  assertNothingLeft,
  type LogLine,
  type PeerDouble,
  packet,
  type Relay,
  withRelay
} from "../connection/doubles.ts"
import * as Trees from "../recovery/trees.ts"
import { output } from "../storage/stores.ts"
import { until } from "../support/turns.ts"
import { OddFiles, type Oddity } from "./OddFiles.ts"
import { missing, play, type Scenario, scenarios, type Target } from "./targets.ts"

const codes = ["EIO", "ENOSPC", "EMFILE", "ENOENT", "EACCES", "EDQUOT"]

/** Of the operation of this number; over three numbers all ways, over six all codes. */
const odditiesOf = (at: number): ReadonlyArray<Oddity> => [
  { at, isForEver: false, code: codes[at % codes.length] as string },
  { at, isForEver: true, code: codes[(at + 2) % codes.length] as string },
  { at, isForEver: at % 2 === 0, code: "ENOSPC", isShort: true },
  { at, isForEver: true, code: "", isStalled: true }
]

/** Another host's session, which a failure must not reach. */
const bystander = (relay: Relay) =>
  Effect.gen(function* () {
    const c = yield* relay.control
    const d = yield* relay.data
    const { id, path } = yield* c.session({ name: "other", sessionId: 2, host: "elsewhere" })
    const stream = yield* c.addStream()
    let count = 0
    const record = Effect.gen(function* () {
      d.deliver(packet(stream, count))
      assert.strictEqual(yield* c.index(stream, { seq: count }), 10, "the other session")
      count++
    })
    const whole = Effect.gen(function* () {
      while ((yield* c.isPending(stream, count - 1)) === 1);
      const at = `${output}/${path}/ust/uid/0/64-bit`
      assert.strictEqual(relay.memory.read(`${at}/ch_0`)?.length, count * 16)
      assert.strictEqual(relay.memory.read(`${at}/index/ch_0.idx`)?.length, 16 + count * 72)
    })
    return { c, d, id, record, whole }
  })

const filesOf = (odd: OddFiles): Trees.Files =>
  new Map(
    odd.memory.paths(`${output}/h`).map((path) => {
      const bytes = odd.memory.read(path)
      return [path.slice(output.length + 1), bytes === undefined ? Buffer.alloc(0) : Buffer.from(bytes)]
    })
  )

const assertRecovered = (odd: OddFiles, targets: ReadonlyArray<Target>): void => {
  const files = filesOf(odd)
  const found = Check.check(Trees.tree(files)).findings.map(({ code }) => code)
  assert.notInclude(found, "index-past-data", "no record points past what was written")
  const { failures, report } = Repair.repair(Trees.tree(files), Trees.apply(files))
  assert.deepStrictEqual(failures, [])
  // Of a session whose metadata could not be written.
  const left = report.findings.filter(({ code, severity }) => severity === "damage" && code !== "metadata-missing")
  assert.deepStrictEqual(left, [])
  for (const target of targets) assert.deepStrictEqual(missing(files, target), [], `${target.promisedCount} promised`)
}

/** One line for what failed, with a code, and one for each connection that ends. */
const assertTold = ({ log }: Relay, oddCount: number, connectionCount: number, isCutShort: boolean): void => {
  const lines = log.filter(({ level }) => level === "Error" || level === "Warn")
  const shown = JSON.stringify(lines)
  assert.isTrue(
    lines.every(({ code }) => code !== undefined),
    shown
  )
  const isEnd = ({ text }: LogLine) => text.includes("connection ended")
  assert.isAtMost(lines.filter((line) => !isEnd(line)).length, oddCount, shown)
  assert.isAtMost(lines.filter(isEnd).length, connectionCount, shown)
  // What was tried again, and went well, is nobody's concern.
  if (isCutShort) assert.isAbove(lines.length, 0, "the target was refused, and nobody was told")
}

/** How many operations there were. */
const goWrong = (scenario: Scenario, isImmediate: boolean, oddity: Oddity | undefined): Effect.Effect<number> => {
  const odd = new OddFiles("victim", isImmediate, oddity)
  return withRelay({ files: odd.service }, (plain) =>
    Effect.gen(function* () {
      const peers: Array<PeerDouble> = []
      const relay: Relay = {
        ...plain,
        memory: odd.memory,
        control: Effect.tap(plain.control, ({ peer }) => Effect.sync(() => peers.push(peer))),
        data: Effect.tap(plain.data, (peer) => Effect.sync(() => peers.push(peer)))
      }
      const other = yield* bystander(relay)
      yield* other.record
      const targets: Array<Target> = []
      const playing = yield* Effect.forkScoped(play(relay, scenario, (target) => targets.push(target), "victim"))
      const isOver = () => playing.pollUnsafe() !== undefined
      if (oddity?.isStalled === true) {
        yield* until("the stall, or the end", () => odd.oddCount > 0 || isOver())
        yield* other.record
        yield* other.whole
        yield* odd.heal
      }
      // Whatever goes wrong, the target is answered or cut off.
      yield* until("the target's end", isOver)
      const exit = yield* Fiber.await(playing)
      if (oddity === undefined || oddity.isStalled === true) assert.isTrue(exit._tag === "Success", String(exit))
      yield* other.record
      yield* other.whole
      if (oddity?.isStalled !== true) assertTold(relay, odd.oddCount, peers.length, exit._tag === "Failure")
      yield* odd.heal
      for (const peer of peers) peer.finish()
      yield* assertNothingLeft(relay)
      assertRecovered(odd, targets)
      return odd.operationCount
    })
  )
}

describe("when any operation on files goes wrong", () => {
  it.live.each(Object.keys(scenarios))("%s: answered or cut off, told, nobody else harmed, nothing left", (name) =>
    Effect.gen(function* () {
      const scenario = scenarios[name] as Scenario
      const operationCount = yield* goWrong(scenario, false, undefined)
      assert.isAbove(operationCount, 5)
      const oddities = Array.from({ length: operationCount }, (_, at) => odditiesOf(at + 1)).flat()
      const outcomes = oddities.map((oddity, turn) =>
        Effect.catchDefect(goWrong(scenario, turn % 3 === 0, oddity), (cause) =>
          Effect.die(
            new Error(`${JSON.stringify(oddity)}: ${cause instanceof Error ? cause.message : cause}`, { cause })
          )
        )
      )
      yield* Effect.all(outcomes, { concurrency: 16, discard: true })
    })
  )
})
