/** What the entries say that are one token each. */
import { syntax } from "../MetadataRefused.ts"
import type { Token } from "./Lexer.ts"
import type { Attribute, Item, TypeSyntax, Value } from "./Syntax.ts"
import { keywords } from "./Words.ts"

/** Beyond its name. */
const valueIn = ({ column, entry, line, order, text: name }: Token): Value => {
  const { distance = 0, kind = "word", written = name } = entry ?? {}
  const place = { line, column: column + distance, order }
  if (kind === "integer") return { kind, value: BigInt(written), place }
  return kind === "string" ? { kind, text: written, place } : { kind: "path", names: [written], place }
}

export const assignment = (token: Token): Attribute => ({ name: token.text, value: valueIn(token), place: token })

/** Throws `MetadataRefused`. */
export const member = (token: Token, type: TypeSyntax): Item => {
  if (keywords.has(token.text)) throw syntax(token, `expected a name, found ${JSON.stringify(token.text)}`)
  const lengths = token.entry?.written === undefined ? [] : [valueIn(token)]
  const declarator = { pointerCount: 0, name: token.text, lengths, place: token }
  return { kind: "member", type, declarators: [declarator], place: token }
}
