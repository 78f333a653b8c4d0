/** Mutates inputs, keeps those that reach code that none has reached before, and says which one went wrong. */
import { Random } from "../../simulation/world/Random.ts"
import { Coverage } from "./Coverage.ts"
import { mutate } from "./mutate.ts"

export interface Target<A> {
  readonly seeds: ReadonlyArray<A>
  readonly mutated: (input: A, random: Random, other: A) => A
  /** Throws, or fails, for what is wrong. */
  readonly run: (inputs: ReadonlyArray<A>) => Promise<void>
  /** Inputs of one run. */
  readonly batchCount: number
}

export interface Outcome<A> {
  readonly inputCount: number
  readonly keptCount: number
  readonly rangeCount: number
  readonly wrong: { readonly input: A; readonly cause: unknown } | undefined
}

export const bytes = {
  mutated: (input: Buffer, random: Random, other: Buffer): Buffer => mutate(input, random, other)
}

const wrongOf = async <A>(target: Target<A>, inputs: ReadonlyArray<A>) => {
  try {
    await target.run(inputs)
    return undefined
  } catch (cause) {
    for (const input of inputs) {
      try {
        await target.run([input])
      } catch (own) {
        return { input, cause: own }
      }
    }
    // Only together.
    return { input: inputs[0] as A, cause }
  }
}

export const fuzz = async <A>(target: Target<A>, seed: number, isOver: (inputCount: number) => boolean) => {
  const random = new Random(seed)
  const coverage = new Coverage()
  const corpus = [...target.seeds]
  let inputCount = 0
  let wrong = await wrongOf(target, corpus)
  try {
    void coverage.news
    while (wrong === undefined && !isOver(inputCount)) {
      const batch = Array.from({ length: target.batchCount }, () =>
        target.mutated(random.pick(corpus), random, random.pick(corpus))
      )
      wrong = await wrongOf(target, batch)
      inputCount += batch.length
      if (wrong !== undefined || coverage.news === 0) continue
      // One of them has reached something; whichever, its likes are as near to it.
      corpus.push(...(batch.length > 8 ? [random.pick(batch), random.pick(batch)] : batch))
    }
    const outcome: Outcome<A> = {
      inputCount,
      keptCount: corpus.length - target.seeds.length,
      rangeCount: coverage.count,
      wrong
    }
    return outcome
  } finally {
    coverage.stop()
  }
}
