/**
 * An edge between another one and the relay, in a simulated world: it is killed at its operations, and stopped; where
 * it syncs, its host loses its power, too.
 */
import { Effect, Exit, Fiber, Scope } from "effect"
import type { Spool } from "../../../src/edge/spool/Spool.ts"
import * as Spools from "../../edge/spools.ts"
import type { Random } from "../../support/Random.ts"
import { MortalFiles } from "./MortalFiles.ts"
import * as Sides from "./Sides.ts"
import type { SimulatedLink } from "./SimulatedLink.ts"

export interface Options {
  /** From the edge before it. */
  readonly near: SimulatedLink
  /** To the relay. */
  readonly far: SimulatedLink
  /** It is killed after so many operations, a few hundred or thousand; 0: never. */
  readonly killRate: number
  /** The first is killed at this operation, and no other. */
  readonly killAt: number | undefined
  /** Done when it holds. */
  readonly until: (waitingFor: string, holds: () => boolean) => Effect.Effect<void>
}

export class MiddleEdge {
  readonly #options: Options
  readonly #random: Random
  readonly #edgeOptions: Sides.EdgeOptions
  #files: MortalFiles
  #scope: Scope.Closeable | undefined
  #spool: Spool | undefined
  killCount = 0
  stopCount = 0
  powerLossCount = 0
  isHealed = false

  constructor(random: Random, options: Options) {
    this.#options = options
    this.#random = random
    this.#files = new MortalFiles(random)
    this.#edgeOptions = {
      bytesMax: random.chance(0.3) ? random.between(3_000, 60_000) : 64 * 1024 * 1024,
      isSynced: random.chance(0.5)
    }
  }

  /** Over what the one before left. */
  get begin(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const files = this.#files
      const { far, killAt, killRate, near, until } = this.#options
      const isFirst = killAt !== undefined && this.killCount === 0
      const left = this.#random.between(5, Math.max(6, killRate * 3))
      files.left = isFirst ? killAt : killRate === 0 || this.isHealed ? Number.POSITIVE_INFINITY : left
      files.onDeath = () => {
        near.serve = undefined
        near.vanish()
        far.cut()
        this.#spool = undefined
      }
      this.#scope = yield* Scope.make()
      const own = { files: files.service, isGone: () => files.isDead }
      const fiber = yield* Effect.forkDetach(Scope.provide(Sides.edge(own, far, this.#edgeOptions), this.#scope))
      yield* until("an edge between", () => files.isDead || fiber.pollUnsafe() !== undefined)
      if (files.isDead) return
      const { side, upstream } = yield* Fiber.join(fiber)
      this.#spool = upstream.spool
      near.serve = side.serve
    })
  }

  /** To be called from time to time. */
  get misfortune(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const isDead = this.#files.isDead
      if (this.isHealed && !isDead) this.#files.left = Number.POSITIVE_INFINITY
      const isStopped = !isDead && !this.isHealed && this.#options.killRate > 0 && this.#random.chance(0.3)
      if (!isDead && !isStopped) return
      if (isStopped) yield* this.#stop()
      else this.killCount++
      const isUnpowered = isDead && this.#edgeOptions.isSynced && this.#random.chance(0.5)
      if (isUnpowered) this.powerLossCount++
      this.#files = isUnpowered ? this.#files.unpowered : this.#files.next
      yield* this.begin
    })
  }

  /** It is stopped, with its connections as they are, and another one begins. */
  get restart(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      if (this.#files.isDead) return
      yield* this.#stop(false)
      this.#files = this.#files.next
      yield* this.begin
    })
  }

  #stop(isCutBefore = true): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const { far, near } = this.#options
      this.#files.left = Number.POSITIVE_INFINITY
      near.serve = undefined
      this.#spool = undefined
      if (isCutBefore) near.cut()
      if (this.#scope !== undefined) yield* Scope.close(this.#scope, Exit.void)
      this.#files.isDead = true
      near.cut()
      far.cut()
      this.stopCount++
    })
  }

  /** Nothing is on its way through it, and nothing is left of what was. */
  get isQuiet(): boolean {
    return (
      this.#spool !== undefined &&
      Spools.isEmpty(this.#spool) &&
      this.#files.memory.paths(Sides.spoolDirectory).length === 1
    )
  }
}
