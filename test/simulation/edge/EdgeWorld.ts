/**
 * A world from a seed: targets, an edge, the network, and a relay, in virtual time. Connections between the two break,
 * what is sent is late, old connections outlive new ones; the relay is killed at operations on its files, and stopped,
 * and its disk is full for a while; the spool is full. In the end the relay's directory is, byte for byte, what the
 * same targets leave in a relay of their own.
 *
 * In some worlds the edge is killed too, or stopped, and with it the connections of its targets: then everything that
 * they were promised is there.
 */
import { assert } from "@effect/vitest"
import { Effect, Exit, Fiber, Logger, Scope } from "effect"
import type { Policy } from "../../../src/edge/spool/Overflow.ts"
import type { Spool } from "../../../src/edge/spool/Spool.ts"
import type { Code } from "../../../src/errors/Catalogue.ts"
import type { MemoryFiles } from "../../../src/storage/MemoryFiles.ts"
import * as Tree from "../../../src/testing/Tree.ts"
import * as Spools from "../../edge/spools.ts"
import type * as Trees from "../../recovery/trees.ts"
import { Random } from "../../support/Random.ts"
import { comes } from "../../support/turns.ts"
import { missing, sequences, type Target } from "../targets.ts"
import { VirtualTime } from "../world/VirtualTime.ts"
import { MiddleEdge } from "./MiddleEdge.ts"
import { MortalFiles } from "./MortalFiles.ts"
import { type Options, usual } from "./Options.ts"
import { numbersOf, type OnTarget, session } from "./Sessions.ts"
import * as Sides from "./Sides.ts"
import { SimulatedLink } from "./SimulatedLink.ts"

export interface Report {
  readonly virtualMillis: number
  readonly packetCount: number
  readonly cutCount: number
  /** Towards the relay. */
  readonly passedByteCount: number
  readonly relayKillCount: number
  readonly relayStopCount: number
  readonly relayPowerLossCount: number
  readonly edgeKillCount: number
  readonly edgeStopCount: number
  /** How often its disk was. */
  readonly fullCount: number
  /** Sessions that ended for want of the edge, and went on. */
  readonly expiredCount: number
  /** Of the edge on the way. */
  readonly middleKillCount: number
  readonly middleStopCount: number
  readonly middlePowerLossCount: number
}

const worldMillisMax = 3_600_000
const healedSeconds = 600
/** Then nothing dies, and no link is lost, any more. */
const misfortuneMillisMax = 60_000
/** Who is killed again and again before it has found what the one before left gets nowhere, for a lot of work. */
const deathCountMax = 250

/** Longer than anything in a world takes. */
const until = (waitingFor: string, holds: () => boolean) => comes(waitingFor, Effect.sync(holds), healedSeconds)

/** Of the second target of a session. */
const secondPlace = "/uid/1/"
const secondChannel = "ch_1"

const treeOf = (memory: MemoryFiles) =>
  Tree.inMemory(memory, Sides.output)
    .tree()
    .filter((line) => !line.startsWith(".journals/"))

const isOfFirst = (line: string): boolean => !line.includes(secondPlace)

/** What the targets leave in a relay of their own. */
export const direct = (options: Options): ReadonlyArray<string> => {
  const random = new Random(options.seed)
  const time = new VirtualTime(random)
  const files = new MortalFiles(random)
  const played = Effect.gen(function* () {
    const relay = yield* Sides.relay({ files: files.service, sync: "none" })
    yield* Effect.forEach(numbersOf(options), (number) => session(relay, options, number, () => {}), {
      concurrency: "unbounded"
    })
    yield* until("the sessions to end", () => relay.registry.sessions.size === 0)
    return treeOf(files.memory)
  })
  return time.run(Effect.provide(Effect.scoped(played), Logger.layer([])), worldMillisMax)
}

interface EdgeSide {
  readonly side: Sides.Side
  readonly spool: Spool
  readonly isForwarded: () => boolean
}

class EdgeWorld {
  readonly targets: Array<{ readonly name: string; readonly target: Target }> = []
  /** Of the first edge. */
  readonly link: SimulatedLink
  readonly middle: MiddleEdge | undefined
  /** The one to the relay. */
  readonly #last: SimulatedLink
  relayKillCount = 0
  relayStopCount = 0
  relayPowerLossCount = 0
  edgeKillCount = 0
  edgeStopCount = 0
  fullCount = 0
  isHealed = false
  relayFiles: MortalFiles
  edgeFiles: MortalFiles
  relay: Sides.Side | undefined
  readonly #relays: Array<Sides.Side> = []
  readonly #options: Options
  readonly #random: Random
  readonly #sync
  readonly #relayRate: number
  /** Outages may last longer. */
  readonly #suspendMillis: number | undefined
  #relayScope: Scope.Closeable | undefined
  /** When, how and which. */
  readonly stops: Random

  constructor(options: Options, random: Random) {
    this.#options = options
    this.#random = random
    this.link = this.#aLink(options.cutAt)
    this.#sync = options.sync ?? random.pick(["none", "close", "always"] as const)
    this.#relayRate = options.hasRelayKills && random.chance(0.7) ? random.between(10, 200) : 0
    this.relayFiles = new MortalFiles(random, undefined, options.syncMillis)
    this.edgeFiles = new MortalFiles(random)
    const passes = new Random(options.seed + 3).between(0, 5)
    if (options.isFailing === true) this.relayFiles.failing = { path: secondPlace, passes }
    const patience = new Random(options.seed + 1)
    // Sessions of old peers are not gone on with once they have ended for want of their edge; nor are others if files
    // have less than was marked, as while they are filled up with zeros.
    const mayExpire = options.minor === undefined && options.hasPowerLosses !== true
    this.#suspendMillis = mayExpire && patience.chance(0.5) ? Math.round(patience.next() ** 3 * 3000) : undefined
    this.stops = new Random(options.seed + 2)
    this.#last = this.link
    if (options.hasMiddle !== true) return
    this.#last = this.#aLink()
    const killRate = random.chance(0.7) ? random.between(5, 60) : 0
    const between = { near: this.link, far: this.#last, killRate, killAt: options.middleKillAt, until }
    this.middle = new MiddleEdge(random, between)
  }

  #aLink(cutAt?: number): SimulatedLink {
    const random = this.#random
    const cutRate = random.next() ** 3
    let isCut = false
    return new SimulatedLink(random, {
      latencyMillis: random.rate(80),
      byteCount: () => {
        if (cutAt !== undefined) {
          const count = isCut ? Number.POSITIVE_INFINITY : cutAt
          isCut = true
          return count
        }
        return this.isHealed || random.chance(0.3)
          ? Number.POSITIVE_INFINITY
          : 40 + Math.floor(random.next() ** 3 * 20_000 * (0.1 + cutRate))
      },
      lateMillis: () => (random.chance(0.5) ? 0 : random.next() * 3000)
    })
  }

  /** A relay over what the one before left. */
  get begin(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const files = this.relayFiles
      const scope = yield* Scope.make()
      this.#relayScope = scope
      const rate = this.isHealed ? 0 : this.#relayRate
      files.left = rate === 0 ? Number.POSITIVE_INFINITY : this.#random.between(5, rate * 3)
      const { killAt } = this.#options
      if (killAt !== undefined && this.relayKillCount === 0) files.left = killAt
      files.onDeath = () => {
        this.#last.serve = undefined
        this.relay = undefined
        this.#last.vanish()
      }
      const started = Scope.provide(
        Sides.relay({ files: files.service, sync: this.#sync, suspendMillis: this.#suspendMillis }),
        scope
      )
      const fiber = yield* Effect.forkDetach(started)
      // It may be killed before it is there.
      yield* until("a relay", () => files.isDead || fiber.pollUnsafe() !== undefined)
      if (files.isDead) return
      this.relay = yield* Fiber.join(fiber)
      this.#relays.push(this.relay)
      this.#last.serve = this.relay.serve
    })
  }

  /** Kills come by themselves; stops are of the world's making. */
  get misfortune(): Effect.Effect<never> {
    return Effect.gen({ self: this }, function* () {
      while (true) {
        yield* Effect.sleep(this.#random.between(20, this.#options.hasStops === true ? 200 : 3000))
        yield* this.#orderly
        if (this.relayFiles.isDead) {
          this.relayKillCount++
          this.relayFiles = this.#isUnpowered ? this.relayFiles.unpowered : this.relayFiles.next
          yield* this.begin
        } else if (this.isHealed) {
          this.relayFiles.left = Number.POSITIVE_INFINITY
          this.relayFiles.isFull = false
        } else if (this.relayFiles.isFull) this.relayFiles.isFull = false
        else if (this.#relayRate > 0 && this.#random.chance(0.2)) {
          this.relayFiles.isFull = this.#random.chance(0.5)
          if (this.relayFiles.isFull) this.fullCount++
          else yield* this.#stop
        } else if (this.#options.cutAt === undefined && this.#random.chance(0.1)) {
          const isFar = this.middle !== undefined && this.#random.chance(0.5)
          ;(isFar ? this.#last : this.link).cut()
        }
        if (this.middle !== undefined) {
          this.middle.isHealed = this.isHealed
          yield* this.middle.misfortune
        }
      }
    })
  }

  get #isUnpowered(): boolean {
    const is = this.#options.hasPowerLosses === true && this.#sync !== "none" && this.stops.chance(0.5)
    if (is) this.relayPowerLossCount++
    return is
  }

  /** The relay or the edge between is stopped, and another one begins. */
  get #orderly(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#options.hasStops !== true || this.isHealed || this.stops.chance(0.5)) return Effect.void
      if (this.middle !== undefined && this.stops.chance(0.6)) return this.middle.restart
      return this.relayFiles.isDead ? Effect.void : this.#stop
    })
  }

  get #stop(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const files = this.relayFiles
      files.left = Number.POSITIVE_INFINITY
      this.#last.serve = undefined
      if (this.#options.hasStops !== true) this.#last.cut()
      if (this.#relayScope !== undefined) yield* Scope.close(this.#relayScope, Exit.void)
      files.isDead = true
      this.#last.cut()
      this.relayStopCount++
      this.relayFiles = this.#isUnpowered ? files.unpowered : files.next
      yield* this.begin
    })
  }

  /** The first edge: its targets' connections end with it. */
  stopEdge(scope: Scope.Closeable): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      yield* Scope.close(scope, Exit.void)
      this.edgeFiles.isDead = true
      this.edgeStopCount++
    })
  }

  edge(options: Sides.EdgeOptions): Effect.Effect<EdgeSide, never, Scope.Scope> {
    const files = this.edgeFiles
    const own = { files: files.service, isGone: () => files.isDead }
    return Effect.map(Sides.edge(own, this.link, options), ({ side, upstream }) => ({
      side,
      spool: upstream.spool,
      isForwarded: () => Spools.isEmpty(upstream.spool)
    }))
  }

  /** Of the relay, and of the edge between. */
  get deathCount(): number {
    const { middle, relayKillCount, relayStopCount } = this
    return relayKillCount + relayStopCount + (middle?.killCount ?? 0) + (middle?.stopCount ?? 0)
  }

  get expiredCount(): number {
    return this.#countOf("JOURNAL_EXPIRED")
  }

  /** Nobody but relays touches the files. */
  get changedCount(): number {
    return this.#countOf("JOURNAL_CHANGED")
  }

  #countOf(code: Code): number {
    return this.#relays.reduce((sum, { registry }) => sum + (registry.incidents.counts.get(code) ?? 0), 0)
  }

  get isQuiet(): boolean {
    return (
      (this.middle?.isQuiet ?? true) &&
      this.edgeFiles.memory.paths(Sides.spoolDirectory).every((path) => path.endsWith("/")) &&
      this.relay?.registry.sessions.size === 0 &&
      this.relayFiles.memory.paths(Sides.output).every((path) => !path.endsWith(".history"))
    )
  }
}

/** Targets whose edge is killed are told so by their connections. */
const killedAtOnce = (world: EdgeWorld, side: Sides.Side, count: number) => {
  world.edgeFiles.left = count
  world.edgeFiles.onDeath = () => {
    world.edgeKillCount++
    world.link.cut()
    for (const peer of side.peers) peer.reset()
  }
}

const lives = (options: Options, time: VirtualTime, random: Random, expected: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const world = new EdgeWorld(options, random)
    const isEdgeKilled = options.hasEdgeKills && random.chance(0.3)
    const bytesMax = random.chance(0.3) ? random.between(3_000, 60_000) : 64 * 1024 * 1024
    const isSynced = random.chance(0.5)
    yield* world.begin
    if (world.middle !== undefined) yield* world.middle.begin
    yield* Effect.forkScoped(world.misfortune)
    const onTarget: OnTarget = (target, name) => void world.targets.push({ name, target })
    const scope = yield* Scope.make()
    let { isForwarded, side } = yield* Scope.provide(world.edge({ bytesMax, isSynced }), scope)
    if (isEdgeKilled) killedAtOnce(world, side, random.between(3, 150))
    const isEdgeStopped = options.hasStops === true && !isEdgeKilled && world.stops.chance(0.5)
    const playing = yield* Effect.forkScoped(
      Effect.forEach(numbersOf(options), (number) => Effect.exit(session(side, options, number, onTarget)), {
        concurrency: "unbounded"
      })
    )
    const done = () => playing.pollUnsafe() !== undefined
    let wasDone = true
    const stopping = Effect.gen(function* () {
      yield* Effect.sleep(world.stops.next() ** 2 * 3000)
      wasDone = done()
      yield* world.stopEdge(scope)
    })
    const stopped = isEdgeStopped ? yield* Effect.forkScoped(stopping) : undefined
    yield* until(
      "the targets to have done what they do",
      () => done() || world.edgeFiles.isDead || time.millis > misfortuneMillisMax || world.deathCount > deathCountMax
    )
    world.isHealed = true
    yield* until("the end of the targets", () => done() || world.edgeFiles.isDead)
    if (stopped !== undefined) yield* Fiber.join(stopped)
    const isGone = world.edgeFiles.isDead
    const isCut = isGone && !(isEdgeStopped && wasDone)
    if (!isCut) {
      for (const exit of yield* Fiber.join(playing))
        if (Exit.isFailure(exit)) return yield* Effect.failCause(exit.cause)
    }
    if (isGone) {
      world.edgeFiles = new MortalFiles(random, world.edgeFiles.memory)
      ;({ isForwarded } = yield* world.edge({ bytesMax, isSynced }))
    } else world.edgeFiles.left = Number.POSITIVE_INFINITY
    const isOver = () => isForwarded() && world.isQuiet
    yield* until("everything to be at the relay", isOver)
    assert.strictEqual(world.changedCount, 0)
    const found = treeOf(world.relayFiles.memory)
    if (isCut) assertPromised(world)
    else if (options.isFailing === true) assert.deepStrictEqual(found.filter(isOfFirst), expected.filter(isOfFirst))
    else assert.deepStrictEqual(found, expected)
    const { cutCount, passedByteCount } = world.link
    const { edgeKillCount, edgeStopCount, expiredCount, fullCount, relayKillCount, relayStopCount } = world
    const { relayPowerLossCount } = world
    return {
      virtualMillis: time.millis,
      packetCount: world.targets.reduce((sum, { target }) => sum + target.sentCount, 0),
      ...{ cutCount, passedByteCount, edgeKillCount, edgeStopCount, expiredCount },
      ...{ fullCount, relayKillCount, relayStopCount, relayPowerLossCount },
      middleKillCount: world.middle?.killCount ?? 0,
      middleStopCount: world.middle?.stopCount ?? 0,
      middlePowerLossCount: world.middle?.powerLossCount ?? 0
    }
  })

/** Of all packets of the targets. */
export interface Count {
  readonly sent: number
  readonly recorded: number
  readonly lost: number
}

/** Some segments, and some packets more than they hold. */
const smallSpoolBytes = 300_000
const manyPackets = 900

/** Targets that fill the spool of an edge whose relay is not there; then it is. */
export const overflowing = (seed: number, policy: Policy): Count => {
  const options = { ...usual, seed, hasEdgeKills: false, tracingCount: 0 }
  const random = new Random(seed)
  const time = new VirtualTime(random)
  const played = Effect.gen(function* () {
    const world = new EdgeWorld(options, random)
    const isSynced = random.chance(0.5)
    const { isForwarded, side, spool } = yield* world.edge({ bytesMax: smallSpoolBytes, isSynced, policy })
    const onTarget: OnTarget = (target, name) => void world.targets.push({ name, target })
    const told = { ...options, packetCount: manyPackets }
    const ones = Effect.forEach(numbersOf(options), (number) => session(side, told, number, onTarget), {
      concurrency: "unbounded"
    })
    const playing = yield* Effect.forkScoped(ones)
    const wait = random.between(0, 2) * 1000
    const done = () => playing.pollUnsafe() !== undefined
    yield* until("the spool to be full", () => spool.losses.all.length > 0 || !spool.holding.hasRoom || done())
    yield* Effect.sleep(wait)
    yield* world.begin
    yield* Effect.forkScoped(world.misfortune)
    const isLate = () => time.millis > misfortuneMillisMax || world.deathCount > deathCountMax
    yield* until("the targets to have done what they do", () => done() || isLate())
    world.isHealed = true
    yield* until("the end of the targets", done)
    yield* Fiber.join(playing)
    yield* until("everything to be at the relay", () => isForwarded() && world.isQuiet)
    const files = filesOf(world.relayFiles.memory)
    const total = (count: (target: Target, own: Trees.Files) => number) =>
      world.targets.reduce((sum, { name, target }) => sum + count(target, filesOfOne(files, name)), 0)
    return {
      sent: total(({ sentCount }) => sentCount),
      recorded: total(({ channel }, own) => sequences(own, channel).size),
      lost: spool.losses.all.reduce((sum, { packetCount }) => sum + packetCount, 0)
    }
  })
  return time.run(Effect.provide(Effect.scoped(played), Logger.layer([])), worldMillisMax)
}

const filesOf = (memory: MemoryFiles): Trees.Files =>
  new Map(memory.paths(Sides.output).map((path) => [path, new Uint8Array(memory.read(path) ?? Buffer.alloc(0))]))

const filesOfOne = (files: Trees.Files, name: string): Trees.Files =>
  new Map([...files].filter(([path]) => path.includes(`/${name}-`)))

const assertPromised = ({ relayFiles, targets }: EdgeWorld): void => {
  const files = filesOf(relayFiles.memory)
  for (const { name, target } of targets) {
    if (relayFiles.failing !== undefined && target.channel === secondChannel) continue
    assert.deepStrictEqual(
      missing(filesOfOne(files, name), target),
      [],
      `${name}/${target.channel}: ${target.promisedCount} promised`
    )
  }
}

/** `expected` is what the same targets leave directly. */
export const live = (options: Options, expected: ReadonlyArray<string> = direct(options)): Report => {
  const random = new Random(options.seed)
  const time = new VirtualTime(random)
  const played = Effect.provide(Effect.scoped(lives(options, time, random, expected)), Logger.layer([]))
  return time.run(played, worldMillisMax)
}
