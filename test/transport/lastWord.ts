/**
 * A listener that tells its first peer a word, closes, and has nothing more to do with that; no timer of the relay ever
 * passes here. Prints its port.
 */
import { Deferred, Effect } from "effect"
import * as Machine from "../../src/Machine.ts"
import { listen } from "../../src/transport/Listener.ts"

Machine.replace({ ...Machine, setTimeout: () => setTimeout(() => {}) })

const limit = { countMax: 1, count: 0, onChange: () => {}, doors: new Set<never>() }
const address = { host: "127.0.0.1", port: 0, family: 4 } as const
const options = { name: "word", address, keepAlive: undefined, stallMillis: undefined, limit }

const program = Effect.gen(function* () {
  const told = yield* Deferred.make<void>()
  const { port } = yield* listen(options, (peer) =>
    Effect.suspend(() => {
      peer.start({ receive: () => true, ended: () => {}, drained: () => {} })
      peer.send(Buffer.from("word"))
      peer.close()
      return Effect.asVoid(Deferred.succeed(told, undefined))
    })
  )
  process.stdout.write(`${port}\n`)
  yield* Deferred.await(told)
})

Effect.runFork(Effect.scoped(program))
