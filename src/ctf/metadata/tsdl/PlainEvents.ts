/**
 * The events that tracers declare by the hundred: a name, ids, and fields that are numbers, texts and arrays of them,
 * each with its own name. Such a block is one token. Only its types can be wrong, and of those there are few, so its
 * fields need not be resolved before their first use; blocks with the same text of fields share them.
 */
import { keywords } from "./Words.ts"

export interface PlainField {
  readonly name: string
  readonly type: string
  /** Length of an array, or the name of an earlier field that tells it. */
  readonly length: number | string | undefined
  /** Index of the type in the fields' text. */
  readonly distance: number
}

/** What is between the braces of `fields := struct { … }`. */
export type PlainFields = ReadonlyArray<PlainField>

export interface PlainEvent {
  /** The text of the whole block. The fields' text begins at index `fieldsAt`. */
  readonly written: string
  readonly fieldsAt: number
  readonly name: string
  readonly id: bigint
  readonly streamId: bigint
  readonly logLevel: bigint | undefined
  readonly emfUri: string | undefined
  readonly fields: PlainFields
}

/** The fields of texts met before; undefined for a text that is not plain. */
export type KnownFields = Map<string, PlainFields | undefined>

const blank = "[ \\t\\r\\n\\v\\f]*"
const number = "(0|[1-9]\\d{0,14})"
const head = new RegExp(
  [
    `event${blank}\\{${blank}name = "([^"\\\\\\n]*)";${blank}id = ${number};${blank}stream_id = ${number};${blank}`,
    `(?:loglevel = ${number};${blank})?(?:model\\.emf\\.uri = "([^"\\\\\\n]*)";${blank})?fields := struct \\{`
  ].join(""),
  "y"
)
const tail = new RegExp(`\\};${blank}\\};`, "y")
const type = `(?:integer|floating_point)${blank}\\{[^{}"'/\\\\]*\\}|string(?:${blank}\\{[^{}"'/\\\\]*\\})?`
const length = "[ \\t]*([1-9]\\d{0,8}|[A-Za-z_]\\w*)[ \\t]*"
const member = new RegExp(`${blank}(${type})[ \\t]+([A-Za-z_]\\w*)(?:\\[${length}\\])?;`, "y")
const rest = new RegExp(`${blank}$`, "y")

const fieldsOf = (text: string): PlainFields | undefined => {
  const names = new Set<string>()
  const fields: Array<PlainField> = []
  let at = 0
  while (true) {
    member.lastIndex = at
    const found = member.exec(text)
    if (found === null) break
    const [all, type = "", name = "", length] = found
    const count = length === undefined ? undefined : Number(length)
    if (keywords.has(name) || names.has(name)) return undefined
    if (length !== undefined && Number.isNaN(count) && !names.has(length)) return undefined
    names.add(name)
    fields.push({ name, type, length: Number.isNaN(count) ? length : count, distance: at + all.indexOf(type) })
    at += all.length
  }
  rest.lastIndex = at
  return rest.test(text) ? fields : undefined
}

/** Reads the block that begins at index `at`; undefined if it is not a plain event. */
export const read = (source: string, at: number, known: KnownFields): PlainEvent | undefined => {
  head.lastIndex = at
  const found = head.exec(source)
  if (found === null) return undefined
  const [before, name = "", id = "", streamId = "", logLevel, emfUri] = found
  const from = at + before.length
  const to = source.indexOf("};", from)
  tail.lastIndex = to
  if (to === -1 || !tail.test(source)) return undefined
  const text = source.slice(from, to)
  let fields = known.get(text)
  if (fields === undefined) {
    fields = known.has(text) ? undefined : fieldsOf(text)
    known.set(text, fields)
    if (fields === undefined) return undefined
  }
  return {
    written: source.slice(at, tail.lastIndex),
    name,
    id: BigInt(id),
    streamId: BigInt(streamId),
    logLevel: logLevel === undefined ? undefined : BigInt(logLevel),
    emfUri,
    fields,
    fieldsAt: before.length
  }
}
