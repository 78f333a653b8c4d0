/**
 * Why metadata is refused, and where. Parsers throw it to their caller here, who gives it back as a value.
 */

/**
 * In a text from 1 on, with its line; in fragments of CTF 2 from 0 on, with a JSON pointer, and where that leads to in
 * all of the metadata; in the bytes around.
 */
export type Place =
  | { readonly line: number; readonly column: number; readonly text?: string }
  | { readonly fragment: number; readonly pointer: string; readonly line?: number; readonly column?: number }
  | { readonly byte: number }

const showPlace = (place: Place): string => {
  if ("byte" in place) return `byte ${place.byte}`
  const where = place.line === undefined ? "" : `line ${place.line}, column ${place.column}`
  if (!("fragment" in place)) return `${where}${place.text === undefined ? "" : ` (${place.text.trim()})`}`
  const fragment = `fragment ${place.fragment}${place.pointer === "" ? "" : `, ${place.pointer}`}`
  return where === "" ? fragment : `${where} (${fragment})`
}

/** Its words are no metadata; it means nothing; the packets around it are none. */
export type RefusalKind = "metadata-syntax" | "metadata-invalid" | "metadata-packet"

/** Metadata that is none, with the place. */
export class MetadataRefused extends Error {
  readonly _tag = "MetadataRefused"
  readonly kind: RefusalKind
  readonly place: Place
  /** What was expected or found, without the place. */
  readonly reason: string

  constructor(kind: RefusalKind, place: Place, reason: string) {
    super(`metadata, ${showPlace(place)}: ${reason}`)
    this.name = "MetadataRefused"
    this.kind = kind
    this.place = place
    this.reason = reason
  }
}

export const syntax = (place: Place, reason: string): MetadataRefused =>
  new MetadataRefused("metadata-syntax", place, reason)

export const invalid = (place: Place, reason: string): MetadataRefused =>
  new MetadataRefused("metadata-invalid", place, reason)
