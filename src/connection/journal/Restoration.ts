/**
 * Journals of a relay that was killed, or stopped, and is there again (docs/durability.md): it goes through what it
 * carried out, with shadows for files, and so comes to where it was; then the files are made what the shadows are.
 */
import { Effect, Result } from "effect"
import * as JournalFiles from "../../relay/journal/JournalFiles.ts"
import * as JournalsLeft from "../../relay/journal/JournalsLeft.ts"
import { type Bereft, retraced } from "../../relay/journal/Retracing.ts"
import type { Registry } from "../../relay/Registry.ts"
import type { Serves } from "../control/Command.ts"
import { rest, suspended } from "./Expiry.ts"
import { HostedJournal } from "./HostedJournal.ts"
import { leftOf, optionsOf } from "./Hosting.ts"
import { Lacking } from "./Lacking.ts"
import { replayed } from "./Replay.ts"

/** Before anybody can connect. */
export const restore = (registry: Registry["Service"], serves: Serves): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { journals, store } = registry
    const all = yield* JournalsLeft.findAll(store, leftOf(registry))
    const { ended, expired, finished } = yield* JournalsLeft.findOver(store)
    for (const token of finished) yield* JournalsLeft.forgetOver(store, journals.finish(token))
    for (const token of ended) yield* JournalsLeft.forgetOver(store, journals.end(token))
    for (const token of expired) {
      for (const oldest of journals.expire(token)) yield* JournalFiles.remove(store, oldest)
    }
    if (all.length === 0) return
    const work = (found: JournalsLeft.Found) => {
      const journal = new HostedJournal(optionsOf(registry, serves, found))
      journals.open.set(found.token, journal)
      return Effect.as(replayed(journal, found), journal)
    }
    const bereft = ({ close, token }: JournalsLeft.Found, { directory, retraced }: Bereft<HostedJournal>) =>
      Effect.gen(function* () {
        yield* registry.incidents.report("JOURNAL_CHANGED", `${retraced.edgeName}: ${directory} is gone`)
        journals.close(retraced)
        yield* Effect.andThen(rest(retraced), close)
        yield* JournalFiles.remove(store, token)
      })
    const restored = yield* retraced(store, all, work, bereft)
    for (const [journal, found] of restored) {
      journal.lacking = new Lacking(registry, found.directories)
      const history = yield* Effect.result(found.goOn)
      if (Result.isSuccess(history)) journal.marking.keep(history.success)
      registry.background(suspended(registry, journal))
    }
  }).pipe(Effect.catch(({ message }) => registry.incidents.report("JOURNAL_UNMARKED", message)))
