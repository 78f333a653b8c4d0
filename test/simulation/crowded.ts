/**
 * A listener whose connection limit is far beyond the descriptors of its process, which is to be run with few of them:
 * what it cannot accept is closed.
 * Prints its port; greets every connection it can accept.
 */
import { Effect } from "effect"
import { listen } from "../../src/transport/Listener.ts"

const limit = { countMax: 100_000, count: 0, onChange: () => {}, doors: new Set<never>() }
const address = { host: "127.0.0.1", port: 0, family: 4 } as const
const options = { name: "crowded", address, keepAlive: undefined, stallMillis: undefined, limit }

const program = Effect.gen(function* () {
  const { port } = yield* listen(options, (peer) =>
    Effect.suspend(() => {
      peer.start({ receive: () => true, ended: () => peer.close(), drained: () => {} })
      peer.send(Buffer.from("hello"))
      return Effect.callback<void>((resume) => peer.whenGone(() => resume(Effect.void)))
    })
  )
  process.stdout.write(`${port}\n`)
  return yield* Effect.never
})

Effect.runFork(Effect.scoped(program))
