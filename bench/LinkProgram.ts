/**
 * A slow network as a process of its own: `LinkProgram.ts '{"link": …, "to": {"control": {"host": …, "port": …}, …}}'`
 * prints its ports as one line. Until it reads a line on its input it is as fast as it can; then the link's conditions
 * begin, and its outages are counted. Its input closing ends it.
 */
import { once } from "node:events"
import { Effect, type Scope } from "effect"
import * as Link from "../src/testing/Link.ts"
import type * as Case from "./Case.ts"

export interface Told {
  readonly link: Case.Link
  readonly to: Readonly<Record<string, Link.Address>>
}

const optionsOf = ({ bitsPerSecond, jitterMs, rttMs, segmentBytes }: Case.Link): Link.Options => ({
  ...(bitsPerSecond !== undefined && { bytesPerSecond: bitsPerSecond / 8 }),
  ...(rttMs !== undefined && { rttMillis: rttMs }),
  ...(jitterMs !== undefined && { jitterMillis: jitterMs }),
  ...(segmentBytes !== undefined && { segmentBytes })
})

const schedule = (link: Link.Link, { cut, outage }: Case.Link): void => {
  if (outage !== undefined) {
    const { everyMs, lastsMs } = outage
    setTimeout(function goes() {
      link.down()
      setTimeout(link.up, lastsMs)
      setTimeout(goes, everyMs)
    }, everyMs - lastsMs)
  }
  if (cut === undefined) return
  const act = { reset: link.reset, "half-open": link.freeze, "half-close": link.halfClose }[cut.how]
  setTimeout(act, cut.atMs)
}

const serve = ({ link: conditions, to }: Told): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const link = yield* Link.make()
    const ports: Record<string, number> = {}
    for (const [name, address] of Object.entries(to)) ports[name] = yield* link.listen(address)
    process.stdout.write(`${JSON.stringify(ports)}\n`)
    yield* Effect.promise(() => once(process.stdin, "data"))
    link.change(optionsOf(conditions))
    schedule(link, conditions)
    yield* Effect.never
  })

process.stdin.on("end", () => process.exit(0))
await Effect.runPromise(Effect.scoped(serve(JSON.parse(process.argv[2] ?? "") as Told)))
