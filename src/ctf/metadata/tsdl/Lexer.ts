/**
 * Words, numbers, texts and signs of TSDL (CTF 1.8, §3.1 of the decoder's specification), each with its place; a block
 * of a plain event is one token.
 */
import * as RawText from "../../model/RawText.ts"
import { advanced, type Start } from "../Lines.ts"
import { syntax } from "../MetadataRefused.ts"
import * as PlainEvents from "./PlainEvents.ts"

export interface Token extends Start {
  readonly kind: "word" | "integer" | "string" | "character" | "sign" | "event" | "end"
  /** The content of a text; of other tokens what is written. */
  readonly text: string
  /** The value of an integer; else 0. */
  readonly value: bigint
  /** Number of the token in all of the metadata. */
  readonly order: number
  readonly event: PlainEvents.PlainEvent | undefined
}

export interface Origin extends Start {
  /** `order` of the first token. */
  readonly order: number
  /** Fields of plain events known so far; undefined: blocks of plain events are read word by word, too. */
  readonly plain: PlainEvents.KnownFields | undefined
}

// A group that is repeated some million times runs out of stack, so words and texts are matched part by part.
const wordBegin = /(?:[A-Za-z_]|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})\w*/y
const wordPart = /(?:\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})\w*/y
const integer = /(?:0[xX][0-9A-Fa-f]+|[0-9]+)(?:[uU](?:LL?|ll?)?|(?:LL?|ll?)[uU])?/y
const sign = /\.\.\.|:=|->|[{}[\]()<>;,:=.*+-]/y
const blockComment = /\/\*[\s\S]*?\*\//y
const lineComment = /\/\/[^\n]*/y
const textPart = { '"': /[^"\\]*(?:\\.|("))/y, "'": /[^'\\]*(?:\\.|('))/y }
const escapes = /\\(?:([abfnrtv\\'"?])|([0-7]{1,3})|x([0-9A-Fa-f]{0,3})|(.))/g

const controls: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v"
}

const uint64Max = 2n ** 64n - 1n

/** Joins bytes that were written as numbers and together make up characters. */
const decodeBytes = (content: string): string =>
  content.replace(/[\udc80-\udcff]+/gu, (bytes) => RawText.decode(RawText.encode(bytes)))

/** Replaces escapes as readers do: of a number the lowest byte counts, and a zero ends the text. */
const unescaped = (content: string, place: Start): string => {
  if (!content.includes("\\")) return content
  const byteOf = (number: number): string => {
    const code = number & 0xff
    return String.fromCharCode(code < 0x80 ? code : 0xdc00 + code)
  }
  const [whole = ""] = decodeBytes(
    content.replace(escapes, (_, named?: string, octal?: string, hex?: string, other?: string) => {
      if (named !== undefined) return controls[named] ?? named
      if (octal !== undefined) return byteOf(Number.parseInt(octal, 8))
      if (hex !== undefined) return byteOf(Number(`0x0${hex}`))
      throw syntax(place, `no escape \\${other}`)
    })
  ).split("\0")
  return whole
}

const parseInteger = (written: string, place: Start): bigint => {
  const digits = written.replace(/[uUlL]+$/, "")
  const isOctal = /^0[0-9]/.test(digits)
  if (isOctal && /[89]/.test(digits)) throw syntax(place, `no octal number ${digits}`)
  // 64 bits are 22 octal digits; a million digits would take seconds.
  const isLong = digits.replace(/^0[xX]?0*/, "").length > 22
  const value = isLong ? uint64Max + 1n : BigInt(isOctal ? `0o${digits.slice(1)}` : digits)
  if (value > uint64Max) throw syntax(place, `${digits} does not fit 64 bits`)
  return value
}

const wordAt = (source: string, at: number): string | undefined => {
  wordBegin.lastIndex = at
  if (!wordBegin.test(source)) return undefined
  let end = wordBegin.lastIndex
  for (wordPart.lastIndex = end; wordPart.test(source); ) end = wordPart.lastIndex
  return source.slice(at, end)
}

const textAt = (source: string, at: number): string | undefined => {
  const quote = source[at]
  if (quote !== '"' && quote !== "'") return undefined
  const part = textPart[quote]
  part.lastIndex = at + 1
  for (let found = part.exec(source); found !== null; found = part.exec(source)) {
    if (found[1] !== undefined) return source.slice(at, part.lastIndex)
  }
  return undefined
}

const blankKind = 1
/** A sign that begins no longer sign. */
const markKind = 2
const wordKind = 3
/** A character that a word can contain but not begin with. */
const digitKind = 4

/** The kind of token that begins with an ASCII character, where that alone decides; else 0. */
const kinds = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code)
  if (/[ \t\r\n\v\f]/.test(character)) return blankKind
  if (/[A-Za-z_]/.test(character)) return wordKind
  if (/[0-9]/.test(character)) return digitKind
  return /[{}[\]()<>;,=*+]/.test(character) ? markKind : 0
})

/**
 * The tokens of a text, of which the last is `end`; each is made when it is asked for. Throws `MetadataRefused`.
 */
export function* lex(source: string, { plain, ...start }: Origin): Generator<Token, void> {
  let count = 0
  let last = undefined as Token | undefined
  const nul = source.indexOf("\0")
  if (nul !== -1) throw syntax(advanced(start, source.slice(0, nul)), "a NUL")
  let { line, column } = start
  let at = 0
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(source)?.[0]
  }
  const pass = (passed: string) => {
    at += passed.length
    const after = advanced({ line, column }, passed)
    line = after.line
    column = after.column
  }
  const blanks = (): boolean => {
    for (; kinds[source.charCodeAt(at)] === blankKind; at++) {
      column++
      if (source[at] !== "\n") continue
      line++
      column = 1
    }
    return true
  }
  const add = (kind: Token["kind"], content: string, value: bigint, event?: PlainEvents.PlainEvent) => {
    last = { kind, text: content, value, line, column, order: start.order + count, event }
    count++
  }
  const push = (kind: Token["kind"], written: string, content: string, value = 0n) => {
    add(kind, content, value)
    at += written.length
    column += written.length
    return true
  }
  /** Adds a text, which may contain line feeds. */
  const pushText = (written: string) => {
    add(written.startsWith('"') ? "string" : "character", unescaped(written.slice(1, -1), { line, column }), 0n)
    pass(written)
    return true
  }
  /** Adds a plain event, if one begins here and a declaration may. */
  const event = (known: PlainEvents.KnownFields): boolean => {
    if (last !== undefined && last.kind !== "event" && (last.kind !== "sign" || last.text !== ";")) return false
    const found = PlainEvents.read(source, at, known)
    if (found === undefined) return false
    add("event", "event", 0n, found)
    pass(found.written)
    return true
  }
  /** Takes the next token. Most tell by their first character what they are, so that few patterns are tried in vain. */
  const next = (): boolean => {
    const first = kinds[source.charCodeAt(at)]
    if (first === blankKind) return blanks()
    if (first === wordKind) {
      let end = at + 1
      while ((kinds[source.charCodeAt(end)] ?? 0) >= wordKind) end++
      if (source[end] !== "\\") {
        const found = source.slice(at, end)
        if (plain !== undefined && found === "event" && event(plain)) return true
        return push("word", found, found)
      }
    }
    if (first === markKind) return push("sign", source[at] ?? "", source[at] ?? "")
    const comment = match(blockComment) ?? match(lineComment)
    if (comment !== undefined) {
      // A comment may contain line feeds.
      pass(comment)
      return true
    }
    const found = wordAt(source, at)
    if (found !== undefined) return push("word", found, found)
    const digits = match(integer)
    if (digits !== undefined) {
      if (/[\w]/.test(source[at + digits.length] ?? "")) throw syntax({ line, column }, "a number runs into a word")
      return push("integer", digits, digits, parseInteger(digits, { line, column }))
    }
    const quoted = textAt(source, at)
    if (quoted !== undefined) return pushText(quoted)
    const mark = match(sign)
    return mark !== undefined && push("sign", mark, mark)
  }
  while (at < source.length) {
    const before = count
    if (next()) {
      if (count > before) yield last as Token
      continue
    }
    const rest = source.slice(at)
    if (rest.startsWith("/*")) throw syntax({ line, column }, "a comment without end")
    if (/^["']/.test(rest)) throw syntax({ line, column }, "a text without end")
    throw syntax(
      { line, column },
      `no sign of the language: ${JSON.stringify(String.fromCodePoint(rest.codePointAt(0) ?? 0))}`
    )
  }
  push("end", "", "the end")
  yield last as Token
}
