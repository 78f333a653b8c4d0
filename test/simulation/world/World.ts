/**
 * A world from a seed: a whole relay, targets of different versions, viewers, links and a disk, in virtual time. First
 * everything may go wrong, at rates that the seed draws: disks fail and stall, connections are cut, in every order of
 * what is due. Then all is healed: whatever is open must come to its end within a bound of virtual time, and new
 * targets must be served. What the relay has promised, by its answers, must be there.
 */
import { assert } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import * as Machine from "../../../src/Machine.ts"
import * as Check from "../../../src/recovery/Check.ts"
import * as Repair from "../../../src/recovery/Repair.ts"
import {
  assertNothingLeft,
  type Control,
  type LogLine,
  type PeerDouble,
  type Relay,
  withRelay
} from "../../connection/doubles.ts"
import * as Trees from "../../recovery/trees.ts"
import { output } from "../../storage/stores.ts"
import { Random } from "../../support/Random.ts"
import { missing, play, type Target } from "../targets.ts"
import { Operator } from "./Operator.ts"
import { Viewer } from "./Viewer.ts"
import { VirtualTime } from "./VirtualTime.ts"
import { WorldFiles } from "./WorldFiles.ts"

export interface Options {
  readonly seed: number
  readonly targetCountMax: number
  readonly stepCountMax: number
  readonly hasDiskFaults: boolean
  readonly hasCuts: boolean
}

export const usual = { targetCountMax: 4, stepCountMax: 25, hasDiskFaults: true, hasCuts: true }

export interface Report {
  readonly virtualMillis: number
  readonly faultCount: number
  readonly packetCount: number
  readonly viewedCount: number
  /** Of operators, over HTTP. */
  readonly requestCount: number
}

const minors = [4, 7, 8, 10, 11, 13, 15]
/** Everything comes to its end in this time once nothing goes wrong any more. */
const drainMillis = 120_000
const worldMillisMax = 400_000

/** What is sent arrives after a while, in its order. */
const delayed = (peer: PeerDouble, random: Random, millisMax: number): void => {
  const deliver = peer.deliver.bind(peer)
  const finish = peer.finish.bind(peer)
  let last = 0
  const later = (act: () => void) => {
    last = Math.max(last, Machine.clockMillis() + random.next() * millisMax)
    Machine.setTimeout(act, last - Machine.clockMillis())
  }
  peer.deliver = (bytes) => later(() => deliver(bytes))
  peer.finish = () => later(finish)
}

class World {
  readonly targets: Array<{ readonly name: string; readonly target: Target }> = []
  readonly viewers: Array<Viewer> = []
  readonly operators: Array<Operator> = []
  readonly peers: Array<PeerDouble> = []
  readonly disk: WorldFiles
  cutCount = 0
  readonly #random: Random
  readonly #options: Options
  readonly #cutRate: number
  readonly #linkMillis: number
  isHealed = false

  constructor(options: Options, random: Random) {
    this.#options = options
    this.#random = random
    const { hasCuts, hasDiskFaults } = options
    const [failing, stalling, cut] = [random.rate(0.05), random.rate(0.05), random.rate(0.1)]
    const latencyMillis = random.rate(20)
    this.disk = new WorldFiles(random, {
      failing: hasDiskFaults ? failing : 0,
      stalling: hasDiskFaults ? stalling : 0,
      latencyMillis
    })
    this.#cutRate = hasCuts ? cut : 0
    this.#linkMillis = random.rate(30)
  }

  get faultCount(): number {
    const ended = this.operators.reduce((sum, { endedCount }) => sum + endedCount, 0)
    return this.disk.faultCount + this.cutCount + ended
  }

  /** The relay, its connections as they are in this world. */
  seen(relay: Relay): Relay {
    const known = (peer: PeerDouble) =>
      Effect.sync(() => {
        this.peers.push(peer)
        peer.readBytesMax = this.#random.pick([7, 100, 4096, peer.readBytesMax])
        delayed(peer, this.#random, this.#linkMillis)
      })
    const control = ({ peer }: Control) => known(peer)
    return {
      ...relay,
      memory: this.disk.memory,
      control: Effect.tap(relay.control, control),
      live: Effect.tap(relay.live, control),
      data: Effect.tap(relay.data, known)
    }
  }

  #isCut(target: Target): boolean {
    if (this.isHealed || !this.#random.chance(this.#cutRate)) return false
    this.cutCount++
    const peer = this.#random.pick([target.c.peer, target.d])
    if (this.#random.chance(0.5)) peer.reset()
    else peer.finish()
    return true
  }

  #steps(minor: number, isLive: boolean) {
    const random = this.#random
    return (target: Target): Effect.Effect<void> =>
      Effect.gen({ self: this }, function* () {
        for (let left = random.between(1, this.#options.stepCountMax); left > 0; left--) {
          if (this.#isCut(target)) return yield* Effect.die(new Error("cut"))
          const what = random.next()
          if (what < 0.5) yield* target.packets(random.between(1, 4))
          else if (what < 0.65) yield* Effect.sleep(random.between(0, 500))
          else if (what < 0.75 && target.sentCount > 0) yield* target.settled
          else if (what < 0.85 && isLive) yield* target.beacon
          else if (what > 0.9 && minor >= 11 && target.sentCount > 0) {
            const ahead = random.between(-1, 2)
            yield* target.rotatedOrCleared(ahead, () => random.chance(0.3))
          }
        }
        if (target.sentCount > 0) yield* target.settled
        yield* target.closed
      })
  }

  /** One session, whatever becomes of it; and viewers of it, if it is live. */
  session(relay: Relay, number: number, minor: number): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const random = this.#random
      const name = `t${number}`
      const isLive = random.chance(0.5)
      const ring = random.chance(0.3) ? 600 : 0
      const watching: Array<Fiber.Fiber<void>> = []
      const onTarget = (target: Target) => {
        this.targets.push({ name, target })
      }
      const scenario = {
        minor,
        ring,
        session: { sessionId: number, ...(isLive ? { liveTimer: random.between(1000, 1_000_000) } : {}) },
        play: (target: Target) =>
          Effect.gen({ self: this }, function* () {
            for (let left = isLive ? random.between(0, 2) : 0; left > 0; left--) {
              const { viewer } = yield* Viewer.open(relay, random)
              this.viewers.push(viewer)
              watching.push(yield* Effect.forkChild(viewer.watch(target.sessionId)))
            }
            yield* this.#steps(minor, isLive)(target)
          }).pipe(Effect.scoped)
      }
      const exit = yield* Effect.exit(Effect.scoped(play(relay, scenario, onTarget, name)))
      for (const each of this.targets) {
        if (each.name !== name) continue
        each.target.c.peer.finish()
        each.target.d.finish()
      }
      if (Exit.isFailure(exit) && (this.isHealed || this.faultCount === 0)) return yield* Effect.failCause(exit.cause)
      for (const fiber of watching) yield* Fiber.join(fiber)
    })
  }

  assertKept(): void {
    const left = this.disk.memory.paths(output).map((path) => [path.slice(output.length + 1), path] as const)
    const files: Trees.Files = new Map(
      left.map(([name, path]) => [name, new Uint8Array(this.disk.memory.read(path) ?? Buffer.alloc(0))])
    )
    files.delete("")
    const found = Check.check(Trees.tree(files), Repair.optionsOf(false))
    assert.deepStrictEqual(
      found.findings.filter(({ code }) => code === "index-past-data"),
      []
    )
    const isWhole = Repair.plan(found.findings).length === 0
    // A repair would begin with the same check, and end with it.
    const { failures, report } = isWhole
      ? { failures: [], report: found }
      : Repair.repair(Trees.tree(files), Trees.apply(files))
    assert.deepStrictEqual(failures, [])
    const damage = report.findings.filter(({ code, severity }) => severity === "damage" && code !== "metadata-missing")
    assert.deepStrictEqual(damage, [])
    for (const { name, target } of this.targets) {
      const own = new Map([...files].filter(([path]) => path.includes(`/${name}-`) || path.includes(`/${name}/`)))
      assert.deepStrictEqual(missing(own, target), [], `${name}: ${target.promisedCount} promised`)
    }
  }
}

const lives = (options: Options, time: VirtualTime, random: Random): Effect.Effect<Report> => {
  const world = new World(options, random)
  const settings = {
    files: world.disk.service,
    openFileCountMax: random.pick([4, 8, 100]),
    memoryBytesMax: random.pick([256 * 1024, 64 * 1024 * 1024]),
    sync: random.pick(["none", "close", "always", { intervalMillis: 50 }] as const),
    isCrowded: random.chance(0.3)
  }
  return withRelay(settings, (plain) =>
    Effect.gen(function* () {
      const relay = world.seen(plain)
      // To have routes takes as long as half a world.
      const operatorCount = random.chance(0.25) ? random.between(1, 2) : 0
      const operators = yield* Effect.forEach(Array.from({ length: operatorCount }), () =>
        Operator.open(relay.registry, random)
      )
      // What an operator ends is cut off as by a fault.
      const mayEnd = () => options.hasCuts && !world.isHealed
      for (const operator of operators) {
        world.operators.push(operator)
        yield* Effect.forkScoped(operator.work(mayEnd))
      }
      const numbers = Array.from({ length: random.between(1, options.targetCountMax) }, (_, at) => at + 1)
      const playing = yield* Effect.forkScoped(
        Effect.forEach(numbers, (number) => world.session(relay, number, random.pick(minors)), {
          concurrency: "unbounded"
        })
      )
      // Some of it goes on when all is healed.
      yield* Effect.race(Fiber.await(playing), Effect.sleep(random.between(100, 20_000)))
      world.isHealed = world.faultCount === 0
      world.disk.heal()
      const healedAt = time.millis
      yield* Fiber.join(playing)
      world.isHealed = true
      yield* world.session(relay, 100, 13)
      yield* world.session(relay, 101, 4)
      for (const peer of world.peers) peer.finish()
      yield* assertNothingLeft(relay)
      assert.isBelow(time.millis - healedAt, drainMillis, "healed, and not at its end")
      const isDefect = ({ code, text }: LogLine) => /DEFECT/.test(String(code)) || text.startsWith("connection failed")
      assert.deepStrictEqual(plain.log.filter(isDefect), [])
      world.assertKept()
      const sum = (counts: ReadonlyArray<number>) => counts.reduce((total, count) => total + count, 0)
      return {
        virtualMillis: time.millis,
        faultCount: world.faultCount,
        packetCount: sum(world.targets.map(({ target }) => target.sentCount)),
        viewedCount: sum(world.viewers.map((viewer) => viewer.packetCount)),
        requestCount: sum(world.operators.map((operator) => operator.requestCount))
      }
    })
  )
}

/** Throws what went wrong. */
export const live = (options: Options): Report => {
  const random = new Random(options.seed)
  const time = new VirtualTime(random)
  return time.run(lives(options, time, random), worldMillisMax)
}

/** The smallest of the worlds like this one that still goes wrong. */
export const shrunk = (options: Options): Options => {
  const isWrong = (smaller: Options) => {
    try {
      live(smaller)
      return false
    } catch {
      return true
    }
  }
  let least = options
  for (const change of [{ hasCuts: false }, { hasDiskFaults: false }, { targetCountMax: 1 }]) {
    if (isWrong({ ...least, ...change })) least = { ...least, ...change }
  }
  for (let steps = least.stepCountMax >> 1; steps > 0; steps >>= 1) {
    if (isWrong({ ...least, stepCountMax: steps })) least = { ...least, stepCountMax: steps }
  }
  return least
}
