/**
 * A relay ends a session that comes by an edge, and is killed at any operation on its files meanwhile; the edge is
 * away, or its link breaks with the relay.
 * Goal: the session is either at its end, or goes on as if nothing was; it is never begun again beside. Once the edge
 * knows which, the relay remembers nothing of it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, Scope } from "effect"
import { Random } from "../support/Random.ts"
import { comes } from "../support/turns.ts"
import { MortalFiles } from "./edge/MortalFiles.ts"
import * as Sides from "./edge/Sides.ts"
import { SimulatedLink } from "./edge/SimulatedLink.ts"
import { play, sequences, type Target } from "./targets.ts"
import { VirtualTime } from "./world/VirtualTime.ts"

const [countBefore, countAfter] = [3, 2]
const until = (waitingFor: string, holds: () => boolean) => comes(waitingFor, Effect.sync(holds), 600)

const ended = (killAt: number, isAway: boolean, seed = killAt) => {
  const random = new Random(seed)
  const played = Effect.gen(function* () {
    const weather = { latencyMillis: 50, byteCount: () => Number.POSITIVE_INFINITY, lateMillis: () => 0 }
    const link = new SimulatedLink(random, weather)
    const begin = (files: MortalFiles) =>
      Effect.gen(function* () {
        // That of a process that is killed is never closed.
        const scope = yield* Scope.make()
        const relay = yield* Scope.provide(Sides.relay({ files: files.service, sync: "none" }), scope)
        link.serve = relay.serve
        return relay
      })
    const files = new MortalFiles(random)
    const { registry } = yield* begin(files)
    files.onDeath = () => {
      link.serve = undefined
      link.vanish()
    }
    const own = new MortalFiles(random)
    const edge = { files: own.service, isGone: () => false }
    const { side, upstream } = yield* Sides.edge(edge, link, { bytesMax: 2 ** 26, isSynced: false })
    const targets: Array<Target> = []
    const told = (target: Target) => void targets.push(target)
    const relay = side as unknown as Parameters<typeof play>[0]
    const scenario = { play: (first: Target) => Effect.andThen(first.packets(countBefore), first.settled) }
    yield* play(relay, scenario, told)
    const [journal] = upstream.spool.journals.values()
    yield* until("a mark", () => journal !== undefined && journal.durable >= journal.last)
    const [hosted] = registry.journals.open.values()
    if (isAway) {
      link.serve = undefined
      link.cut()
      yield* until("the session to be suspended", () => hosted?.suspendedAt !== undefined)
    }
    files.left = killAt
    const [id = 0] = registry.sessions.keys()
    yield* Effect.forkDetach(registry.end(id, "ended by program"))
    yield* until("an end", () => files.isDead || registry.journals.isEnded(hosted?.token ?? ""))
    const isKilled = files.isDead
    files.die()
    const left = new MortalFiles(random, files.memory)
    yield* begin(left)
    for (const target of targets) {
      yield* target.packets(countAfter)
      yield* target.settled
      yield* target.closed
      target.d.finish()
      target.c.peer.finish()
    }
    yield* until("the edge to have nothing left", () => upstream.spool.journals.size === 0)
    const isForgotten = () => !left.memory.paths(Sides.output).some((path) => path.includes("/.journals/"))
    yield* until("the relay to remember nothing", isForgotten)
    const paths = left.memory.paths(Sides.output)
    const recorded = new Map(paths.map((path) => [path, new Uint8Array(left.memory.read(path) ?? Buffer.alloc(0))]))
    return {
      isKilled,
      directories: [...new Set(paths.filter((path) => path.endsWith("/ch_0")))],
      packetCount: sequences(recorded, "ch_0").size,
      isLost: own.memory.paths("/spool").some((path) => path.includes(".lost"))
    }
  })
  return new VirtualTime(random).run(Effect.provide(Effect.scoped(played), Logger.layer([])), 3_600_000)
}

describe("a relay that is killed while it ends a session of an edge", () => {
  for (const isAway of [true, false]) {
    it(`${isAway ? "that is away" : "that is there"} has ended it, or goes on with it`, () => {
      const kinds = new Set<boolean>()
      let killAt = 0
      for (let isKilled = true; isKilled; ) {
        killAt++
        for (let seed = 1; seed <= 8; seed++) {
          const found = ended(killAt, isAway, 100 * killAt + seed)
          ;({ isKilled } = found)
          const { directories, isLost, packetCount } = found
          const how = `operation ${killAt}, seed ${seed}: ${directories.join(" ")}`
          assert.lengthOf(directories, 1, how)
          assert.strictEqual(packetCount, isLost ? countBefore : countBefore + countAfter, how)
          kinds.add(isLost)
        }
      }
      assert.isAbove(killAt, 5)
      assert.strictEqual(kinds.size, 2)
    })
  }
})
