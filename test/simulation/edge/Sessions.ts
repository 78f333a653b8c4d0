/** What the targets of a simulated world do: the same for the same seed, whoever answers them, and when. */
import { Effect } from "effect"
import * as Commands from "../../sidebyside/commands.ts"
import { Random } from "../../support/Random.ts"
import { play, type Target } from "../targets.ts"
import type { Options } from "./Options.ts"
import type * as Sides from "./Sides.ts"

type Player = Pick<Sides.Side, "control" | "data">

/** What a target does, whatever it is answered and when. */
const steps = (random: Random, countMax: number, rotates: boolean) => (target: Target) =>
  Effect.gen(function* () {
    for (let left = random.between(1, countMax); left > 0; left--) {
      const what = random.next()
      const ahead = random.between(-1, 2)
      const millis = random.between(0, 300)
      if (what < 0.6) yield* target.packets(random.between(1, 5))
      else if (what < 0.7) yield* Effect.sleep(millis)
      else if (what < 0.8 && target.sentCount > 0) yield* target.settled
      else if (what < 0.85) target.announce()
      else if (target.sentCount > 0 && rotates) {
        yield* target.rotatedOrCleared(ahead, () => what > 0.95)
      }
    }
    if (target.sentCount > 0) yield* target.settled
    yield* target.closed
  })

/** Packets, and pauses in which they are put down. */
const traced = (target: Target, count: number, { packetCount = 0, rotates = false }: Options) =>
  Effect.gen(function* () {
    if (packetCount > 0) yield* target.packets(packetCount)
    for (let left = count; left > 0; left--) {
      yield* target.packets(1)
      yield* target.settled
      if (rotates) {
        // What is put down in the midst of one is not put down again before the next has begun.
        if (left % 3 === 0) yield* target.rotated(0, Commands.closeCommands.move, 1000)
        yield* target.rotated(0, left % 5 === 0 ? Commands.closeCommands.delete : undefined)
      }
      yield* Effect.sleep(100)
    }
    yield* target.closed
  })

export type OnTarget = (target: Target, name: string) => void

/** One session, or two of one tracing session, the same for the same seed. */
export const session = (player: Player, options: Options, number: number, onTarget: OnTarget) =>
  Effect.gen(function* () {
    const { isFailing = false, minor, packetCount = 0, rotates = false, seed, stepCountMax, tracingCount } = options
    const random = new Random(seed * 1000 + number)
    const isLive = random.chance(0.3)
    const targetCount = random.chance(0.3) || isFailing ? 2 : 1
    const scenario = {
      ring: random.chance(0.3) && packetCount === 0 ? 600 : 0,
      targetCount,
      ...(minor !== undefined && { minor }),
      session: { sessionId: number, ...(isLive && { liveTimer: 1_000_000 }) },
      play: (first: Target, second: Target | undefined) =>
        Effect.gen(function* () {
          if (isFailing && second !== undefined) yield* Effect.andThen(second.packets(3), second.settled)
          // Two share their chunks: neither rotates alone.
          if (tracingCount !== undefined)
            yield* traced(first, tracingCount, { ...options, rotates: rotates && targetCount === 1 })
          else yield* steps(random, stepCountMax, targetCount === 1 && minor === undefined)(first)
          if (second !== undefined) yield* Effect.andThen(second.packets(2), second.settled)
        })
    }
    const name = `t${number}`
    const own: Array<Target> = []
    const told = (target: Target) => {
      own.push(target)
      onTarget(target, name)
    }
    const relay = player as unknown as Parameters<typeof play>[0]
    yield* Effect.scoped(play(relay, scenario, told, name))
    for (const { c, d } of own) {
      d.finish()
      c.peer.finish()
    }
  })

export const numbersOf = ({ seed, targetCountMax }: Options) =>
  Array.from({ length: new Random(seed).between(1, targetCountMax) }, (_, at) => at + 1)
