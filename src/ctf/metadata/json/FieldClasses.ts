/** Reads field classes of CTF 2 (§5.2 of the decoder's specification) into drafts, and checks them. */
import type { DisplayBase, Encoding, Mapping, Range, Role, Scope } from "../../model/FieldClass.ts"
import { scopes } from "../../model/FieldClass.ts"
import * as Draft from "../Draft.ts"
import { int64Max, int64Min, type Node, type Properties, shown, uint64Max } from "./Node.ts"

const rangesOf = (node: Node, lowest: bigint, highest = uint64Max): ReadonlyArray<Range> => {
  const ranges = node.array().map((range) => {
    const ends = range.array()
    const [lower, upper] = ends.map((end) => end.integer(lowest, highest))
    if (lower === undefined || upper === undefined || ends.length !== 2) throw range.wrong("expected two integers")
    if (lower > upper) throw range.wrong("the range ends before it begins")
    return { lower, upper }
  })
  if (ranges.length === 0) throw node.wrong("expected a range")
  return ranges
}

const mappingsOf = (node: Node, lowest: bigint, highest: bigint): ReadonlyArray<Mapping> =>
  node.entries().map(([label, ranges]) => ({ label: shown(label), ranges: rangesOf(ranges, lowest, highest) }))

const bases: ReadonlyArray<DisplayBase> = [2, 8, 10, 16]

const numericOf = (properties: Properties, isSigned: boolean) => {
  const base = properties.get("preferred-display-base")?.among(bases) ?? 10
  const written = properties.get("mappings")
  const mappings =
    written === undefined ? [] : isSigned ? mappingsOf(written, int64Min, int64Max) : mappingsOf(written, 0n, uint64Max)
  return { isSigned, base, mappings: mappings.length === 0 ? undefined : mappings, roles: rolesOf(properties) }
}

const integerRoles: ReadonlyArray<Role> = [
  "packet-magic-number",
  "data-stream-class-id",
  "data-stream-id",
  "packet-total-length",
  "packet-content-length",
  "default-clock-timestamp",
  "packet-end-default-clock-timestamp",
  "discarded-event-record-counter-snapshot",
  "packet-sequence-number",
  "event-record-class-id"
]

const rolesOf = (properties: Properties, known = integerRoles): ReadonlyArray<Role> => [
  ...new Set((properties.get("roles")?.array() ?? []).map((role) => role.oneOf(known)))
]

const bitProperties = ["type", "length", "byte-order", "bit-order", "alignment"]
const numericProperties = ["preferred-display-base", "mappings"]

const bitsOf = (properties: Properties) => {
  const byteOrder = properties.need("byte-order").oneOf(["little-endian", "big-endian"])
  const natural = byteOrder === "little-endian" ? "first-to-last" : "last-to-first"
  const bitOrder = properties.get("bit-order")?.oneOf(["first-to-last", "last-to-first"]) ?? natural
  return {
    size: Number(properties.need("length").integer(1n, 64n)),
    alignment: properties.get("alignment")?.alignment() ?? 1,
    byteOrder,
    isReversed: bitOrder !== natural
  } as const
}

const encodings: ReadonlyArray<Encoding> = ["utf-8", "utf-16le", "utf-16be", "utf-32le", "utf-32be"]
const encodingOf = (properties: Properties): Encoding => properties.get("encoding")?.oneOf(encodings) ?? "utf-8"

const mediaTypeOf = (properties: Properties): string => properties.string("media-type") ?? "application/octet-stream"

const locationOf = (node: Node): Draft.Location => {
  const properties = node.object("origin", "path")
  const origin: Scope | undefined = properties.get("origin")?.oneOf(scopes)
  const written = properties.need("path")
  const path: Array<string> = []
  let up = 0
  const steps = written.array()
  for (const step of steps) {
    if (step.value !== null) path.push(step.string())
    // A null undoes the name before it; without one it leads out of the structure.
    else if (path.pop() === undefined) up++
  }
  if (steps.length === 0 || steps.at(-1)?.value === null) throw written.wrong("a path ends with a name")
  if (origin !== undefined && up > 0) throw written.wrong("the path leaves its origin")
  return { origin, from: up, path, place: node.place }
}

const minimumAlignmentOf = (properties: Properties): number => properties.get("minimum-alignment")?.alignment() ?? 1

export class FieldClasses {
  readonly #aliases = new Map<string, Draft.Draft>()

  alias(name: Node, fieldClass: Node): void {
    const text = name.string()
    if (this.#aliases.has(text)) throw name.wrong(`the alias \`${text}\` is declared twice`)
    this.#aliases.set(text, this.draft(fieldClass))
  }

  structure(node: Node): Draft.StructureDraft {
    const draft = this.draft(node)
    if (draft.kind !== "structure") throw node.wrong("expected a structure")
    return draft
  }

  draft(node: Node): Draft.Draft {
    if (typeof node.value === "string") {
      const found = this.#aliases.get(node.value)
      if (found === undefined) throw node.wrong(`no alias \`${node.value}\` is declared before`)
      return found
    }
    const type = new Map(node.entries()).get("type")
    if (type === undefined) throw node.wrong("`type` is missing")
    switch (type.string()) {
      case "structure":
        return this.#structure(node)
      case "static-length-array":
      case "dynamic-length-array":
        return this.#array(node, type.string() === "static-length-array")
      case "optional":
        return this.#optional(node)
      case "variant":
        return this.#variant(node)
      default:
        return leafOf(node, type)
    }
  }

  #structure(node: Node): Draft.Draft {
    const properties = node.object("type", "member-classes", "minimum-alignment")
    const names = new Set<string>()
    const members = (properties.get("member-classes")?.array() ?? []).map((member) => {
      const inner = member.object("name", "field-class")
      const name = inner.need("name").string()
      if (names.has(name)) throw member.wrong(`\`${name}\` is declared twice`)
      names.add(name)
      return { name: shown(name), declaredName: name, draft: this.draft(inner.need("field-class")) }
    })
    return Draft.structure(members, minimumAlignmentOf(properties), node.place)
  }

  #array(node: Node, isStatic: boolean): Draft.Draft {
    const lengthName = isStatic ? "length" : "length-field-location"
    const properties = node.object("type", lengthName, "element-field-class", "minimum-alignment")
    const length = isStatic ? properties.need(lengthName).length() : locationOf(properties.need(lengthName))
    const element = this.draft(properties.need("element-field-class"))
    return Draft.array(length, element, minimumAlignmentOf(properties), node.place)
  }

  #optional(node: Node): Draft.Draft {
    const properties = node.object("type", "field-class", "selector-field-location", "selector-field-ranges")
    const content = this.draft(properties.need("field-class"))
    const ranges = properties.get("selector-field-ranges")
    const selector = locationOf(properties.need("selector-field-location"))
    return Draft.optional(content, selector, ranges && rangesOf(ranges, int64Min), node.place)
  }

  #variant(node: Node): Draft.Draft {
    const properties = node.object("type", "selector-field-location", "options")
    const names = new Set<string>()
    const options = properties
      .need("options")
      .array()
      .map((option) => {
        const inner = option.object("name", "field-class", "selector-field-ranges")
        const name = inner.string("name")
        if (name !== undefined && names.has(name)) throw option.wrong(`\`${name}\` is declared twice`)
        if (name !== undefined) names.add(name)
        const written = inner.need("selector-field-ranges")
        const ranges = rangesOf(written, int64Min)
        return { name: name ?? "", declaredName: name ?? "", draft: this.draft(inner.need("field-class")), ranges }
      })
    if (options.length === 0) throw node.wrong("a variant without options")
    const sorted = options.flatMap(({ ranges }) => ranges).sort((a, b) => (a.lower < b.lower ? -1 : 1))
    const isApart = sorted.every(({ lower }, at) => at === 0 || (sorted[at - 1]?.upper ?? lower) < lower)
    if (!isApart) throw node.wrong("the ranges of options overlap")
    return Draft.variant(options, locationOf(properties.need("selector-field-location")), node.place)
  }
}

const leafOf = (node: Node, type: Node): Draft.Draft => {
  switch (type.string()) {
    case "fixed-length-bit-array":
      return Draft.leaf({ kind: "bit-array", ...bitsOf(node.object(...bitProperties)) })
    case "fixed-length-boolean":
      return Draft.leaf({ kind: "boolean", ...bitsOf(node.object(...bitProperties)) })
    case "fixed-length-bit-map":
      return bitMap(node)
    case "fixed-length-unsigned-integer": {
      const properties = node.object(...bitProperties, ...numericProperties, "roles")
      return Draft.leaf({ kind: "integer", ...bitsOf(properties), ...numericOf(properties, false) })
    }
    case "fixed-length-signed-integer": {
      const properties = node.object(...bitProperties, ...numericProperties)
      return Draft.leaf({ kind: "integer", ...bitsOf(properties), ...numericOf(properties, true) })
    }
    case "variable-length-unsigned-integer": {
      const numeric = numericOf(node.object("type", ...numericProperties, "roles"), false)
      return Draft.leaf({ kind: "variable-integer", ...numeric, alignment: 8 })
    }
    case "variable-length-signed-integer": {
      const numeric = numericOf(node.object("type", ...numericProperties), true)
      return Draft.leaf({ kind: "variable-integer", ...numeric, alignment: 8 })
    }
    case "fixed-length-floating-point-number": {
      const properties = node.object(...bitProperties)
      const size = properties.need("length").among([32, 64])
      return Draft.leaf({ kind: "float", ...bitsOf(properties), size })
    }
    default:
      return bytesOf(node, type)
  }
}

const bitMap = (node: Node): Draft.Draft => {
  const properties = node.object(...bitProperties, "flags")
  const bits = bitsOf(properties)
  const flags = mappingsOf(properties.need("flags"), 0n, BigInt(bits.size - 1))
  if (flags.length === 0) throw properties.need("flags").wrong("expected a flag")
  return Draft.leaf({ kind: "bit-map", ...bits, flags })
}

const bytesOf = (node: Node, type: Node): Draft.Draft => {
  switch (type.string()) {
    case "null-terminated-string":
      return Draft.leaf({ kind: "string", encoding: encodingOf(node.object("type", "encoding")), alignment: 8 })
    case "static-length-string": {
      const properties = node.object("type", "encoding", "length")
      const length = properties.need("length").length()
      return Draft.leaf({ kind: "static-string", length, encoding: encodingOf(properties), alignment: 8 })
    }
    case "dynamic-length-string": {
      const properties = node.object("type", "encoding", "length-field-location")
      return Draft.dynamicString(locationOf(properties.need("length-field-location")), encodingOf(properties))
    }
    case "static-length-blob": {
      const properties = node.object("type", "length", "media-type", "roles")
      const length = properties.need("length").length()
      const roles = rolesOf(properties, ["metadata-stream-uuid"])
      if (roles.length > 0 && length !== 16) throw node.wrong("a UUID has 16 bytes")
      return Draft.leaf({ kind: "static-blob", length, mediaType: mediaTypeOf(properties), roles, alignment: 8 })
    }
    case "dynamic-length-blob": {
      const properties = node.object("type", "length-field-location", "media-type")
      return Draft.dynamicBlob(locationOf(properties.need("length-field-location")), mediaTypeOf(properties))
    }
    default:
      throw type.wrong(`no field class type \`${type.string()}\``)
  }
}
