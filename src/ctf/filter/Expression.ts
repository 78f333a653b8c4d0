/** What a `--where` says: a tree of tests of an event record's fields. */
import type { Scope } from "../model/FieldClass.ts"

/** What is known of an event record beside its fields. */
export type Fact = "name" | "id" | "time" | "loglevel" | "emf" | "cpu"

/** What is compared. */
export type Operand =
  /** Without a scope: the payload's field, else that of a context, the nearest first. */
  | { readonly kind: "field"; readonly scope: Scope | undefined; readonly path: ReadonlyArray<string | number> }
  | { readonly kind: "fact"; readonly fact: Fact }
  | { readonly kind: "environment"; readonly name: string }
  | { readonly kind: "integer"; readonly value: bigint }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "boolean"; readonly value: boolean }

/** How it is compared. */
export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">="

/** What is asked of an event. */
export type Expression =
  | { readonly kind: "and" | "or"; readonly terms: ReadonlyArray<Expression> }
  | { readonly kind: "not"; readonly term: Expression }
  | {
      readonly kind: "comparison"
      readonly operator: Comparison
      readonly left: Operand
      readonly right: Operand
    }
  /** A text matches, or a label of an enumeration. */
  | {
      readonly kind: "match"
      readonly operand: Operand
      /** Whether a text matches. */
      readonly matches: (text: string) => boolean
    }
  | { readonly kind: "exists"; readonly operand: Operand }
  /** The operand is true, not zero, not empty. */
  | { readonly kind: "truth"; readonly operand: Operand }

/** All operands, in the order in which they are written. */
export const operandsOf = (expression: Expression): ReadonlyArray<Operand> => {
  switch (expression.kind) {
    case "and":
    case "or":
      return expression.terms.flatMap(operandsOf)
    case "not":
      return operandsOf(expression.term)
    case "comparison":
      return [expression.left, expression.right]
    default:
      return [expression.operand]
  }
}

/** Whether an operand is a property of the record, not a value in the expression. */
export const isOfRecord = (
  operand: Operand
): operand is Extract<Operand, { readonly kind: "field" | "fact" | "environment" }> =>
  operand.kind === "field" || operand.kind === "fact" || operand.kind === "environment"
