/** What can be fuzzed, by name. */
import { Effect } from "effect"
import { bytes, fuzz, type Outcome, type Target } from "./Fuzzer.ts"
import { mutate } from "./mutate.ts"
import { parsers } from "./parsers.ts"
import * as Sessions from "./sessions.ts"

const sessions = Effect.map(
  Sessions.seeds,
  (seeds): Target<Sessions.Input> => ({
    seeds,
    batchCount: 8,
    mutated: (input, random, other) => {
      const at = random.between(0, 2)
      const changed = input.map((part, kind) => (kind === at ? mutate(part, random, other[kind] as Buffer) : part))
      return changed as unknown as Sessions.Input
    },
    run: (inputs) => Effect.runPromise(Sessions.run(inputs))
  })
)

type Fuzz = (seed: number, isOver: (inputCount: number) => boolean) => Promise<Outcome<unknown>>

export const targets: Readonly<Record<string, Fuzz>> = {
  sessions: async (seed, isOver) => fuzz(await Effect.runPromise(sessions), seed, isOver),
  ...Object.fromEntries(
    Object.entries(parsers).map(([name, { read, seeds }]): [string, Fuzz] => [
      name,
      (seed, isOver) => {
        const run = async (inputs: ReadonlyArray<Buffer>) => {
          for (const input of inputs) read(input)
        }
        return fuzz({ seeds: seeds(), batchCount: 64, run, ...bytes }, seed, isOver)
      }
    ])
  )
}
