/** Mutates inputs, keeps those that reach code that none has reached before, and says which one went wrong. */
import { Random } from "../../support/Random.ts"
import { Coverage } from "./Coverage.ts"
import { mutate } from "./mutate.ts"

export interface Target<A> {
  readonly seeds: ReadonlyArray<A>
  readonly mutated: (input: A, random: Random, other: A) => A
  /** Throws, or fails, for what is wrong. */
  readonly run: (inputs: ReadonlyArray<A>) => Promise<void>
  /** Inputs of one run, of one look at what was reached, at first; and at most, once nothing new comes. */
  readonly batchCount: number
  readonly batchCountMax: number
}

export interface Outcome<A> {
  readonly inputCount: number
  /** Each reached something that none before it did. */
  readonly kept: ReadonlyArray<A>
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

/** Which of `inputs` reaches something of `news`: halves are run again. */
const reaching = async <A>(
  target: Target<A>,
  inputs: ReadonlyArray<A>,
  news: ReadonlySet<string>,
  coverage: Coverage
) => {
  let left = inputs
  while (left.length > 1) {
    const half = left.slice(0, left.length >> 1)
    void coverage.ran
    await target.run(half)
    const { ran } = coverage
    left = [...news].some((range) => ran.has(range)) ? half : left.slice(half.length)
  }
  return left[0] as A
}

export const fuzz = async <A>(target: Target<A>, seed: number, isOver: (inputCount: number) => boolean) => {
  const random = new Random(seed)
  const coverage = new Coverage()
  const kept: Array<A> = []
  const corpus = [...target.seeds]
  let inputCount = 0
  let { batchCount } = target
  let wrong = await wrongOf(target, corpus)
  try {
    void coverage.news
    while (wrong === undefined && !isOver(inputCount)) {
      const batch = Array.from({ length: batchCount }, () =>
        target.mutated(random.pick(corpus), random, random.pick(corpus))
      )
      wrong = await wrongOf(target, batch)
      inputCount += batch.length
      const { news } = coverage
      if (wrong !== undefined) break
      if (news.size === 0) {
        batchCount = Math.min(target.batchCountMax, batchCount * 2)
        continue
      }
      const input = await reaching(target, batch, news, coverage)
      kept.push(input)
      corpus.push(input)
      batchCount = target.batchCount
    }
    const outcome: Outcome<A> = { inputCount, kept, rangeCount: coverage.count, wrong }
    return outcome
  } finally {
    coverage.stop()
  }
}
