/**
 * Finds, in what `or` or `and` joins, the tests of one operand against many values, so that one look into a set answers
 * them. `x == 1 or x == 2 or …` and `x in (1, 2, …)` are the same here, also nested in each other.
 */
import { type Comparison, type Expression, isOfRecord, type Operand } from "./Expression.ts"

export type Value = Exclude<Operand, { readonly kind: "field" | "fact" | "environment" }>

/** Tests of an operand against each value: `==` and joined by `or`, or `!=` and joined by `and`. */
export interface Chain {
  readonly operand: Operand
  readonly values: ReadonlyArray<Value>
}

export interface Joined {
  /** Chains with two values or more. */
  readonly chains: ReadonlyArray<Chain>
  /** All other terms. */
  readonly rest: ReadonlyArray<Expression>
}

export type Joint = Extract<Expression, { readonly terms: ReadonlyArray<Expression> }>

const links: Readonly<Record<Joint["kind"], Comparison>> = { or: "==", and: "!=" }

/** The terms of a joint, with those of joints of the same kind inside it. */
const flat = ({ kind, terms }: Joint): ReadonlyArray<Expression> =>
  terms.flatMap((term) => (term.kind === kind ? flat(term) : [term]))

/** The operand and the value of such a test, whichever of them is written first. */
const link = (
  term: Expression,
  operator: Comparison
): { readonly operand: Operand; readonly value: Value } | undefined => {
  if (term.kind !== "comparison" || term.operator !== operator) return undefined
  const { left, right } = term
  if (isOfRecord(left)) return isOfRecord(right) ? undefined : { operand: left, value: right }
  return isOfRecord(right) ? { operand: right, value: left } : undefined
}

const keyOf = (operand: Operand): string =>
  JSON.stringify(operand.kind === "field" ? [operand.scope ?? "", operand.path] : operand)

/** Splits a joint. The order of its terms is lost, which does not matter: tests have no side effects. */
export const of = (joint: Joint): Joined => {
  const chains = new Map<
    string,
    { readonly operand: Operand; readonly terms: Array<Expression>; values: Array<Value> }
  >()
  const rest: Array<Expression> = []
  for (const term of flat(joint)) {
    const found = link(term, links[joint.kind])
    if (found === undefined) {
      rest.push(term)
      continue
    }
    const { operand, value } = found
    const key = keyOf(operand)
    const chain = chains.get(key) ?? { operand, terms: [], values: [] }
    chains.set(key, chain)
    chain.terms.push(term)
    chain.values.push(value)
  }
  const all = [...chains.values()]
  const isChain = ({ values }: Chain) => values.length > 1
  return {
    chains: all.filter(isChain).map(({ operand, values }) => ({ operand, values })),
    rest: [...all.filter((chain) => !isChain(chain)).flatMap(({ terms }) => terms), ...rest]
  }
}
