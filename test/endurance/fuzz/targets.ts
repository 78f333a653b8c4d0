/** What can be fuzzed, by name. */
import { Effect } from "effect"
import * as Corpus from "./corpus.ts"
import { doors } from "./doors.ts"
import { bytes, fuzz, type Outcome, type Target } from "./Fuzzer.ts"
import { mutate } from "./mutate.ts"
import { parsers } from "./parsers.ts"
import * as Sessions from "./sessions.ts"

const sessions = Effect.map(
  Sessions.seeds,
  (seeds): Target<Sessions.Input> => ({
    seeds: [...seeds, ...(Corpus.read("sessions") as unknown as ReadonlyArray<Sessions.Input>)],
    batchCount: 16,
    batchCountMax: 64,
    mutated: (input, random, other) => {
      const at = random.between(0, 2)
      const changed = input.map((part, kind) => (kind === at ? mutate(part, random, other[kind] as Buffer) : part))
      return changed as unknown as Sessions.Input
    },
    run: (inputs) => Effect.runPromise(Sessions.run(inputs))
  })
)

/** An input has one part, or several. */
type Fuzz = (seed: number, isOver: (inputCount: number) => boolean) => Promise<Outcome<ReadonlyArray<Buffer>>>

const ofOnePart = (outcome: Outcome<Buffer>): Outcome<ReadonlyArray<Buffer>> => ({
  ...outcome,
  kept: outcome.kept.map((input) => [input]),
  wrong: outcome.wrong && { ...outcome.wrong, input: [outcome.wrong.input] }
})

const known = (name: string): ReadonlyArray<Buffer> => Corpus.read(name).map(([input]) => input ?? Buffer.alloc(0))

export const targets: Readonly<Record<string, Fuzz>> = {
  sessions: async (seed, isOver) => fuzz(await Effect.runPromise(sessions), seed, isOver),
  ...Object.fromEntries(
    Object.entries(parsers).map(([name, { read, seeds }]): [string, Fuzz] => [
      name,
      async (seed, isOver) => {
        const run = async (inputs: ReadonlyArray<Buffer>) => {
          for (const input of inputs) read(input)
        }
        const target = { seeds: [...seeds(), ...known(name)], batchCount: 64, batchCountMax: 4096, run, ...bytes }
        return ofOnePart(await fuzz(target, seed, isOver))
      }
    ])
  ),
  ...Object.fromEntries(
    Object.entries(doors).map(([name, through]): [string, Fuzz] => [
      name,
      async (seed, isOver) => ofOnePart(await through((target) => fuzz(target, seed, isOver), known(name)))
    ])
  )
}
