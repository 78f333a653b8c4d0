/**
 * Why metadata is refused, and where. Parsers throw it; `GrowingMetadata` catches it and answers it as a value.
 */

/**
 * Where metadata is wrong. In TSDL: line and column, from 1, and the text of the line. In CTF 2: the fragment, from 0,
 * a JSON pointer into it, and line and column of that in the whole text. In the packets around the text: byte offset.
 */
export type Place =
  | { readonly line: number; readonly column: number; readonly text?: string }
  | { readonly fragment: number; readonly pointer: string; readonly line?: number; readonly column?: number }
  | { readonly byte: number }

/** Characters that a message has at most of a reason, and of a path to a place. */
const shownMax = 400

const cut = (text: string): string => (text.length > shownMax ? `${text.slice(0, shownMax)}…` : text)

const showPlace = (place: Place): string => {
  if ("byte" in place) return `byte ${place.byte}`
  const where = place.line === undefined ? "" : `line ${place.line}, column ${place.column}`
  if (!("fragment" in place)) return `${where}${place.text === undefined ? "" : ` (${place.text.trim()})`}`
  const fragment = `fragment ${place.fragment}${place.pointer === "" ? "" : `, ${cut(place.pointer)}`}`
  return where === "" ? fragment : `${where} (${fragment})`
}

/** The text cannot be parsed; what it declares is not allowed; the packets around the text are damaged. */
export type RefusalKind = "metadata-syntax" | "metadata-invalid" | "metadata-packet"

/** Metadata that cannot be used: why, and where. */
export class MetadataRefused extends Error {
  readonly _tag = "MetadataRefused"
  readonly kind: RefusalKind
  readonly place: Place
  /** What was expected or found, without the place. */
  readonly reason: string

  constructor(kind: RefusalKind, place: Place, reason: string) {
    super(`metadata, ${showPlace(place)}: ${cut(reason)}`)
    this.name = "MetadataRefused"
    this.kind = kind
    this.place = place
    this.reason = cut(reason)
  }
}

export const syntax = (place: Place, reason: string): MetadataRefused =>
  new MetadataRefused("metadata-syntax", place, reason)

export const invalid = (place: Place, reason: string): MetadataRefused =>
  new MetadataRefused("metadata-invalid", place, reason)
