/**
 * The power of a disk fails (`test/support/disk.py`) while sessions record: an edge with its spool there, or a relay
 * with its output. The process stands still meanwhile, so that what it has answered is known. The next one begins over
 * what the disk has kept: it has to have all that was promised.
 */
import { readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { Effect, Fiber } from "effect"
import { clockMillis } from "../../src/Machine.ts"
import { Link } from "../edge/Link.ts"
import * as Disk from "../support/disk.ts"
import * as Edges from "../support/edges.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import { Random } from "../support/Random.ts"
import * as Relays from "../support/relays.ts"
import { attempt as toolbox } from "../support/toolbox.ts"
import * as Lives from "./lives.ts"

export interface Options extends Disk.Options {
  /** `--sync` of the process whose files lie on the disk. */
  readonly sync: string
  /** From the first answer until the power fails. */
  readonly afterMillis: number
  readonly seed: number
}

export interface Outcome {
  /** Packets. */
  readonly answeredCount: number
  /** One line each. */
  readonly wrong: ReadonlyArray<string>
}

const packetSizes = [256, 4096, 60 * 1024]
const forwardSeconds = 60
/** A sync under `interval` may take so long. */
const syncMillisMax = 1000

const playing = (relay: Relays.Relay, seed: number) =>
  Effect.gen(function* () {
    const all: Array<Lives.Told> = []
    const life = (packetBytes: number, isRestless: boolean, first: number) => {
      const random = new Random(seed + first)
      return Lives.play(relay, first, { packetBytes, isRestless, random }, (told) => all.push(told))
    }
    const lives = packetSizes.flatMap((size, at) => [
      life(size, true, 1000 + 2000 * at),
      life(size, false, 2000 + 2000 * at)
    ])
    const fiber = yield* Effect.forkScoped(Effect.all(lives, { concurrency: "unbounded" }))
    yield* Process.until("an answer", () => all.some(({ answered }) => answered.some(({ length }) => length > 0)))
    return { all, stop: Fiber.interrupt(fiber), over: Fiber.await(fiber) }
  })

type Playing = Effect.Success<ReturnType<typeof playing>>

/** Answers when it was. `over`: all that the process has said has arrived. */
const fails = (
  disk: Disk.Disk,
  under: Process.Running,
  { afterMillis, seed }: Options,
  over: Effect.Effect<unknown> = Effect.void
) =>
  Effect.gen(function* () {
    yield* Effect.sleep(afterMillis)
    under.signal("SIGSTOP")
    const millis = clockMillis()
    const image = yield* disk.cut(seed)
    under.signal("SIGKILL")
    yield* under.ended
    yield* over
    yield* disk.becomes(image)
    return millis
  })

const countsOf = ({ answered }: Lives.Told) => answered.map(({ length }) => length)

const outcomeOf = (all: ReadonlyArray<Lives.Told>, wrong: ReadonlyArray<string>): Outcome => ({
  answeredCount: all.flatMap(countsOf).reduce((sum, count) => sum + count, 0),
  wrong
})

/** A journal's directory has records, and nothing that says what they are of. */
const nameless = (spool: string): ReadonlyArray<string> =>
  readdirSync(spool, { withFileTypes: true }).flatMap((entry) => {
    if (!entry.isDirectory()) return []
    const read = (name: string) => readFileSync(join(spool, entry.name, name))
    const names = readdirSync(join(spool, entry.name))
    // A record begins with its number, which is not 0.
    const hasRecords = names.some(
      (name) =>
        name.endsWith(".journal") &&
        read(name)
          .subarray(0, 8)
          .some((byte) => byte)
    )
    return hasRecords && !/^\{.*\}\n$/.test(`${read("about.json")}`) ? [`${entry.name} has no name`] : []
  })

const forwarded = (edge: Edges.Edge) =>
  Effect.gen(function* () {
    const wrong: Array<string> = []
    yield* Effect.catch(Edges.forwarded(edge, forwardSeconds), ({ message }) => Effect.sync(() => wrong.push(message)))
    const aside = readdirSync(edge.spool).filter((name) => name.endsWith(".lost"))
    return [...wrong, ...aside.map((name) => `put aside: ${name}`)]
  })

/** An edge's spool. `isAway`: before the power fails the edge does not reach its relay. */
export const edgeRound = (options: Options, isAway: boolean) =>
  Effect.scoped(
    Effect.gen(function* () {
      const disk = yield* Disk.make(options)
      const relay = yield* Relays.start("ours")
      const [nowhere, neither] = [yield* Ports.free, yield* Ports.free]
      const spool = join(disk.mount, "spool")
      const args = [`--sync=${options.sync}`]
      const to = isAway ? { to: `net://127.0.0.1:${nowhere}:${neither}` } : {}
      const edge = yield* Edges.start(relay, { spool, args, ...to })
      const { all, over }: Playing = yield* playing(edge, options.seed)
      yield* fails(disk, edge.process, options, over)
      const isPromised = options.sync === "always"
      const names = isPromised ? nameless(spool) : []
      // It is what the edge before had said.
      rmSync(join(spool, "status.json"), { force: true })
      const next = yield* Edges.start(relay, { spool, args })
      const wrong = [...names, ...(yield* forwarded(next))]
      for (const told of all) {
        wrong.push(...Lives.missing(relay.output, told, isPromised ? countsOf(told) : []))
        wrong.push(...Lives.holes(relay.output, told))
      }
      return outcomeOf(all, wrong)
    })
  )

/** Repairs a copy of what is there. */
const repair = (traces: string) =>
  Effect.gen(function* () {
    const repaired = join(yield* Relays.temporaryDirectory("repaired"), "traces")
    const wrong: Array<string> = []
    for (const args of [
      ["repair", traces, `--to=${repaired}`],
      ["check", repaired]
    ]) {
      const { code, stderr, stdout } = yield* toolbox(...args)
      if (code !== 0) wrong.push(`${args[0]}: status ${code}: ${(stdout + stderr).slice(-2000)}`)
    }
    return { repaired, wrong }
  })

/** Of each stream of the session, how many packets `--sync` promises. */
const promised = ({ answered, settled }: Lives.Told, sync: string, atMillis: number): ReadonlyArray<number> => {
  if (sync === "none") return []
  const [, interval] = /^interval:(\d+)$/.exec(sync) ?? []
  const ago = sync === "always" ? 0 : Number(interval ?? Number.NaN) + syncMillisMax
  return answered.map((times, cpu) =>
    Math.max(settled[cpu] ?? 0, times.filter((millis) => millis <= atMillis - ago).length)
  )
}

/** A relay's output. */
export const relayRound = (options: Options) =>
  Effect.scoped(
    Effect.gen(function* () {
      const disk = yield* Disk.make(options)
      const output = join(disk.mount, "traces")
      const args = [`--sync=${options.sync}`]
      const relay = yield* Relays.start("ours", { output, args })
      const { all, over }: Playing = yield* playing(relay, options.seed)
      const millis = yield* fails(disk, relay.process, options, over)
      const next = yield* Relays.start("ours", { output, args })
      yield* Process.lastSaid(next.process)
      const { repaired, wrong } = yield* repair(output)
      for (const told of all) wrong.push(...Lives.missing(repaired, told, promised(told, options.sync, millis)))
      return outcomeOf(all, wrong)
    })
  )

/** A relay's output, before an edge, whose sessions go on. */
export const resumedRound = (options: Options) =>
  Effect.scoped(
    Effect.gen(function* () {
      const disk = yield* Disk.make(options)
      const start = Relays.start("ours", { output: join(disk.mount, "traces"), args: [`--sync=${options.sync}`] })
      let relay = yield* start
      const link = yield* new Link(() => relay.controlPort).open
      const edge = yield* Edges.start(relay, { to: `net://127.0.0.1:${link.port}:${link.port + 1}` })
      const { all, stop }: Playing = yield* playing(edge, options.seed)
      // Nobody but the first relay is reached at its ports, which the next one may have.
      yield* fails(disk, relay.process, options)
      link.isDown = true
      link.cut()
      relay = yield* start
      link.isDown = false
      yield* Effect.sleep(options.afterMillis / 2)
      yield* stop
      const aside = yield* forwarded(edge)
      // It may still be moving files: what is copied meanwhile is nothing that ever was.
      relay.process.signal("SIGTERM")
      yield* relay.process.ended
      const { repaired, wrong } = yield* repair(relay.output)
      // Otherwise the relay may have lost what the edge has forgotten.
      if (options.sync !== "none") {
        wrong.push(...aside)
        for (const told of all) wrong.push(...Lives.missing(repaired, told, countsOf(told)))
      }
      return outcomeOf(all, wrong)
    })
  )
