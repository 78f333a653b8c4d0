/**
 * A session to which something happens, and one beside it that must not notice: it records on, whole, and in the end
 * nothing of either is left.
 */
import { assert, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import * as Commands from "../sidebyside/commands.ts"
import { output } from "../storage/stores.ts"
import { assertNothingLeft, type Control, media, type PeerDouble, packet, type Relay, withRelay } from "./doubles.ts"

export interface Recording {
  readonly id: bigint
  readonly c: Control
  readonly d: PeerDouble
  readonly path: string
  readonly stream: bigint
  readonly metadata: bigint
}

export interface Scene extends Recording {
  readonly relay: Relay
  readonly bystander: Recording
  /** What is acknowledged is written before the answer leaves: the files keep nobody waiting. */
  readonly isWritten: boolean
}

const { join } = Commands

export const record = (relay: Relay, name: string, sessionId: number): Effect.Effect<Recording, never, Scope.Scope> =>
  Effect.gen(function* () {
    const c = yield* relay.control
    const d = yield* relay.data
    const { id, path } = yield* c.session({ name, sessionId })
    const stream = yield* c.addStream()
    const metadata = yield* c.addStream({ channel: "metadata" })
    yield* both({ c, d, stream }, 0)
    return { c, d, id, path, stream, metadata }
  })

export const both = ({ c, d, stream }: Pick<Recording, "c" | "d" | "stream">, seq: number) =>
  Effect.gen(function* () {
    d.deliver(packet(stream, seq))
    assert.strictEqual(yield* c.index(stream, { seq }), 10)
  })

/** Asks until the answer is "not pending": the bytes are in the files. */
export const inFiles = ({ c, stream }: Pick<Recording, "c" | "stream">, last: number): Effect.Effect<void> =>
  Effect.flatMap(c.isPending(stream, last), (answer) => (answer === 0 ? Effect.void : inFiles({ c, stream }, last)))

export const fileOf = (relay: Relay, { path }: Recording, name: string) =>
  relay.memory.read(`${output}/${path}/ust/uid/0/64-bit/${name}`)

export const errorsOf = (relay: Relay) => relay.log.filter(({ level }) => level === "Error").map(({ text }) => text)

/** The bystander's session is alive and its files are exact. */
const assertUnharmed = (relay: Relay, bystander: Recording) =>
  Effect.gen(function* () {
    for (const seq of [1, 2, 3]) yield* both(bystander, seq)
    yield* inFiles(bystander, 3)
    const expected = join(...[0, 1, 2, 3].map((seq) => Commands.payload(16, seq)))
    assert.isTrue(fileOf(relay, bystander, "ch_0")?.equals(expected))
    assert.strictEqual(fileOf(relay, bystander, "index/ch_0.idx")?.length, 16 + 4 * 72)
  })

/** `body` happens to one of two sessions. */
export const claim = (what: string, body: (scene: Scene) => Effect.Effect<void, never, Scope.Scope>) =>
  it.live.each(media)(`${what}; files %s`, ([, medium]) =>
    withRelay(medium, (relay) =>
      Effect.gen(function* () {
        const bystander = yield* record(relay, "bystander", 1)
        const victim = yield* record(relay, "victim", 2)
        yield* inFiles(victim, 0)
        yield* body({ ...victim, relay, bystander, isWritten: !("isDisk" in medium) })
        yield* assertUnharmed(relay, bystander)
        for (const { c, d } of [victim, bystander]) {
          c.peer.finish()
          d.finish()
        }
        yield* assertNothingLeft(relay)
      })
    )
  )
