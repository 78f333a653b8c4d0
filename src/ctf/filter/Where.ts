/**
 * The language of `--where`: `prev_tid == 1234 and ($ctx.procname =~ /^kworker/ or not $name like "sched_*")`.
 *
 * | | |
 * | --- | --- |
 * | fields | `a.b[2]`; by scope `$payload.` `$ectx.` `$ctx.` `$pctx.` (own, common, packet context), `$ctx."odd one"` |
 * | facts | `$name` `$id` `$time` (ns) `$loglevel` `$emf` `$cpu`, `$env.NAME` |
 * | values | `-5` `0x1f` `0b1` `0o17` `1.5e3` `"text"` `'text'` `true` `false` |
 * | tests | `==` (`=`) `!=` `<` `<=` `>` `>=`, `in (a, b)`, `=~` `!~` (regular expression), `like` (glob), `exists f` |
 * | together | `and` (`&&`) `or` (`||`) `not` (`!`) `( )` |
 *
 * Enumerations, bit maps and log levels compare as numbers, and with a text as their labels. A test of a field that is
 * not there is false.
 */
import * as Result from "effect/Result"
import type { Scope } from "../model/FieldClass.ts"
import { type Comparison, type Expression, type Fact, isOfRecord, type Operand, operandsOf } from "./Expression.ts"
import * as Glob from "./Glob.ts"

/** A text is not an expression: where, and why. */
export class WhereRefused extends Error {
  readonly _tag = "WhereRefused"
  /** Where it is wrong, in UTF-16 code units from 1. */
  readonly column: number
  readonly reason: string

  constructor(column: number, reason: string) {
    super(`filter, column ${column}: ${reason}`)
    this.name = "WhereRefused"
    this.column = column
    this.reason = reason
  }
}

interface Token {
  readonly kind: "name" | "dollar" | "integer" | "float" | "string" | "regex" | "sign" | "end"
  readonly text: string
  readonly at: number
}

const patterns: ReadonlyArray<readonly [Token["kind"], RegExp]> = [
  ["dollar", /\$[A-Za-z_]\w*/y],
  ["name", /[\p{L}_][\p{L}\p{M}\p{N}_:]*/uy],
  ["float", /[0-9]+(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)/y],
  ["integer", /0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|[0-9]+/y],
  ["string", /"[^"\\]*(?:\\[\s\S][^"\\]*)*"|'[^'\\]*(?:\\[\s\S][^'\\]*)*'/y],
  ["sign", /==|!=|<=|>=|=~|!~|&&|\|\||[-+<>=!().,[\]]/y]
]
const regexPattern = /\/(?:[^/\\\n]|\\.)+\/[a-z]*/y
const space = /\s*/y

const lex = (text: string): ReadonlyArray<Token> => {
  const tokens: Array<Token> = []
  let at = 0
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(text)?.[0]
  }
  const next = (): Token => {
    const before = tokens.at(-1)?.text
    const regex = before === "=~" || before === "!~" ? match(regexPattern) : undefined
    if (regex !== undefined) return { kind: "regex", text: regex, at }
    for (const [kind, pattern] of patterns) {
      const found = match(pattern)
      if (found !== undefined) return { kind, text: found, at }
    }
    if (/["']/.test(text[at] ?? "")) throw new WhereRefused(at + 1, "a text without its closing quote")
    throw new WhereRefused(at + 1, `no part of an expression: ${JSON.stringify(text.slice(at, at + 10))}`)
  }
  for (at += match(space)?.length ?? 0; at < text.length; at += match(space)?.length ?? 0) {
    const token = next()
    tokens.push(token)
    at += token.text.length
  }
  tokens.push({ kind: "end", text: "the end", at })
  return tokens
}

/** The test that the record has the operand, and `term` does not hold; with several labels, for none of them. */
const hasNot = (operand: Operand, term: Expression): Expression => ({
  kind: "and",
  terms: [
    { kind: "exists", operand },
    { kind: "not", term }
  ]
})

/** Escapes in texts: what text and JSON output print can be pasted. */
const escapes: Readonly<Record<string, string>> = {
  0: "\0",
  a: "\u0007",
  b: "\b",
  e: "\u001b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v"
}

const unquoted = (quoted: string): string =>
  quoted
    .slice(1, -1)
    .replace(/\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|([\s\S]))/g, (_, byte?: string, unit?: string, character = "") => {
      const code = byte ?? unit
      return code === undefined ? (escapes[character] ?? character) : String.fromCharCode(Number.parseInt(code, 16))
    })

const scopes: Readonly<Record<string, Scope>> = {
  $payload: "event-record-payload",
  $ectx: "event-record-specific-context",
  $ctx: "event-record-common-context",
  $pctx: "packet-context"
}
const facts: ReadonlyArray<Fact> = ["name", "id", "time", "loglevel", "emf", "cpu"]
const comparisons: Readonly<Record<string, Comparison>> = {
  "==": "==",
  "=": "==",
  "!=": "!=",
  "<": "<",
  "<=": "<=",
  ">": ">",
  ">=": ">="
}
const words = ["and", "or", "not", "in", "like", "exists", "true", "false"]

const depthMax = 256

const attempted = (source: string, flags: string): RegExp | SyntaxError => {
  try {
    return new RegExp(source, flags)
  } catch (cause) {
    return cause as SyntaxError
  }
}

/** By whole characters; by halves of some (UTF-16) only if the expression needs it: the flag `u` refuses `\-`, say. */
const regularExpression = (source: string, flags: string, column: number): RegExp => {
  const whole = attempted(source, /[uv]/.test(flags) ? flags : `${flags}u`)
  const found = whole instanceof RegExp ? whole : attempted(source, flags)
  if (found instanceof RegExp) return found
  throw new WhereRefused(column, found.message)
}

class Parser {
  readonly #tokens: ReadonlyArray<Token>
  #at = 0
  #depth = 0

  constructor(tokens: ReadonlyArray<Token>) {
    this.#tokens = tokens
  }

  whole(): Expression {
    const expression = this.#or()
    if (this.#token.kind !== "end") throw this.#unexpected("`and`, `or` or the end")
    return expression
  }

  get #token(): Token {
    return this.#tokens[Math.min(this.#at, this.#tokens.length - 1)] as Token
  }

  #unexpected(wanted: string): WhereRefused {
    const { at, kind, text } = this.#token
    return new WhereRefused(at + 1, `expected ${wanted}, found ${kind === "end" ? text : `\`${text}\``}`)
  }

  #take(...texts: ReadonlyArray<string>): string | undefined {
    const { kind, text } = this.#token
    if ((kind !== "sign" && kind !== "name") || !texts.includes(text)) return undefined
    this.#at++
    return text
  }

  #need(text: string): void {
    if (this.#take(text) === undefined) throw this.#unexpected(`\`${text}\``)
  }

  #or(): Expression {
    const terms = [this.#and()]
    while (this.#take("or", "||") !== undefined) terms.push(this.#and())
    return terms.length === 1 ? (terms[0] as Expression) : { kind: "or", terms }
  }

  #and(): Expression {
    const terms = [this.#not()]
    while (this.#take("and", "&&") !== undefined) terms.push(this.#not())
    return terms.length === 1 ? (terms[0] as Expression) : { kind: "and", terms }
  }

  #not(): Expression {
    if (++this.#depth > depthMax) throw new WhereRefused(this.#token.at + 1, "nested too deep")
    const isNot = this.#take("not", "!") !== undefined
    const term = isNot ? this.#not() : this.#test()
    this.#depth--
    return isNot ? { kind: "not", term } : term
  }

  #test(): Expression {
    if (this.#take("(") !== undefined) {
      const inner = this.#or()
      this.#need(")")
      return inner
    }
    const { at } = this.#token
    const test = this.#testOfOperands()
    const operands = operandsOf(test)
    const [first] = operands
    if (first?.kind === "string" && !operands.some(isOfRecord)) {
      const name = JSON.stringify(first.value)
      throw new WhereRefused(at + 1, `a text is no field: the one of that name is \`$payload.${name}\``)
    }
    return test
  }

  #testOfOperands(): Expression {
    if (this.#take("exists") !== undefined) return { kind: "exists", operand: this.#operand() }
    const left = this.#operand()
    const operator = this.#take(...Object.keys(comparisons))
    if (operator !== undefined) {
      return { kind: "comparison", operator: comparisons[operator] as Comparison, left, right: this.#operand() }
    }
    const match = this.#take("=~", "!~", "like", "in", "not")
    switch (match) {
      case undefined:
        return { kind: "truth", operand: left }
      case "not":
        return hasNot(left, this.#take("in") !== undefined ? this.#in(left) : this.#like(left))
      case "in":
        return this.#in(left)
      case "like":
        this.#at--
        return this.#like(left)
      default:
        return match === "!~" ? hasNot(left, this.#regex(left)) : this.#regex(left)
    }
  }

  #in(left: Operand): Expression {
    const terms: Array<Expression> = []
    this.#need("(")
    do terms.push({ kind: "comparison", operator: "==", left, right: this.#operand() })
    while (this.#take(",") !== undefined)
    this.#need(")")
    return { kind: "or", terms }
  }

  #like(operand: Operand): Expression {
    this.#need("like")
    const { kind, text } = this.#token
    if (kind !== "string") throw this.#unexpected("a pattern in quotes")
    this.#at++
    // Backslashes are part of the pattern.
    return { kind: "match", operand, matches: Glob.matcher(text.slice(1, -1)) }
  }

  #regex(operand: Operand): Expression {
    const { at, kind, text } = this.#token
    if (kind !== "regex" && kind !== "string") throw this.#unexpected("a regular expression, /in slashes/ or in quotes")
    this.#at++
    const end = text.lastIndexOf("/")
    const [source, flags] = kind === "regex" ? [text.slice(1, end), text.slice(end + 1)] : [text.slice(1, -1), ""]
    const regex = regularExpression(source, flags.replace(/[gy]/g, ""), at + 1)
    return { kind: "match", operand, matches: (value) => regex.test(value) }
  }

  #operand(): Operand {
    const sign = this.#take("-", "+")
    const { kind, text } = this.#token
    if (kind === "integer" || kind === "float") {
      this.#at++
      if (kind === "float") return { kind, value: sign === "-" ? -Number(text) : Number(text) }
      return { kind, value: sign === "-" ? -BigInt(text) : BigInt(text) }
    }
    if (sign !== undefined) throw this.#unexpected("a number")
    if (kind === "dollar") return this.#dollar()
    if (kind === "string") {
      const next = this.#tokens[this.#at + 1]?.text
      if (next === "." || next === "[") return { kind: "field", scope: undefined, path: this.#path() }
      this.#at++
      return { kind, value: unquoted(text) }
    }
    if (this.#take("true") !== undefined) return { kind: "boolean", value: true }
    if (this.#take("false") !== undefined) return { kind: "boolean", value: false }
    return { kind: "field", scope: undefined, path: this.#path() }
  }

  #dollar(): Operand {
    const { at, text } = this.#token
    this.#at++
    const scope = scopes[text]
    const isEnvironment = text === "$env"
    if (scope !== undefined || isEnvironment) {
      this.#need(".")
      if (scope !== undefined) return { kind: "field", scope, path: this.#path() }
      return { kind: "environment", name: this.#name() }
    }
    const fact = facts.find((one) => `$${one}` === text)
    if (fact !== undefined) return { kind: "fact", fact }
    const known = [...facts.map((one) => `$${one}`), ...Object.keys(scopes), "$env"].join(" ")
    throw new WhereRefused(at + 1, `\`${text}\` is none of ${known}`)
  }

  #name(): string {
    const { kind, text } = this.#token
    if (kind === "string") {
      this.#at++
      return unquoted(text)
    }
    const isFirst = this.#tokens[this.#at - 1]?.text !== "."
    if (kind !== "name" || (isFirst && words.includes(text))) throw this.#unexpected("a field or a value")
    this.#at++
    return text
  }

  #path(): ReadonlyArray<string | number> {
    const path: Array<string | number> = [this.#name()]
    while (true) {
      if (this.#take(".") !== undefined) {
        path.push(this.#name())
      } else if (this.#take("[") !== undefined) {
        const { at, kind, text } = this.#token
        if (kind !== "integer") throw this.#unexpected("an index")
        if (!Number.isSafeInteger(Number(text))) throw new WhereRefused(at + 1, "no array is as long as that")
        this.#at++
        path.push(Number(text))
        this.#need("]")
      } else {
        return path
      }
    }
  }
}

/** Parses an expression of the language of `--where` (`docs/events.md`). Fails with `WhereRefused`. */
export const parse = (text: string): Result.Result<Expression, WhereRefused> => {
  try {
    return Result.succeed(new Parser(lex(text)).whole())
  } catch (cause) {
    if (cause instanceof WhereRefused) return Result.fail(cause)
    throw cause
  }
}
