/** Makes drafts of TSDL's types: follows aliases, makes native byte orders and default alignments explicit. */
import type { ByteOrder, Integer, Mapping, Scope } from "../../model/FieldClass.ts"
import type { ClockClass } from "../../model/TraceClass.ts"
import * as Draft from "../Draft.ts"
import { invalid, syntax } from "../MetadataRefused.ts"
import { Attributes, alignmentMax } from "./Attributes.ts"
import type { Declarator, Enumerator, Item, Placed, TypeSyntax, Value } from "./Syntax.ts"
import { type TypeName, TypeScope } from "./TypeScope.ts"
import { basicWords } from "./Words.ts"

/** What types can refer to outside types. */
export interface Surroundings {
  readonly byteOrder: ByteOrder
  readonly clocks: ReadonlyMap<string, ClockClass>
  readonly environment: ReadonlyMap<string, bigint | string>
}

/** The name without the underscore that LTTng puts before names so that none is a keyword. */
const shownName = (name: string): string => (name.startsWith("_") ? name.slice(1) : name)

const prefixes: ReadonlyArray<readonly [string, Scope]> = [
  ["trace.packet.header", "packet-header"],
  ["stream.packet.context", "packet-context"],
  ["stream.event.header", "event-record-header"],
  ["stream.event.context", "event-record-common-context"],
  ["event.context", "event-record-specific-context"],
  ["event.fields", "event-record-payload"]
]

const locationOf = (names: ReadonlyArray<string>, place: Placed): Draft.Location => {
  for (const [prefix, origin] of prefixes) {
    const length = prefix.split(".").length
    if (names.slice(0, length).join(".") !== prefix) continue
    if (names.length === length) throw invalid(place, `expected a field of ${prefix}`)
    return { origin, from: 0, path: names.slice(length), place }
  }
  return { origin: undefined, from: "outwards", path: names, place }
}

const checkAlignment = (alignment: bigint, place: Placed): number => {
  if (alignment <= 0n || (alignment & (alignment - 1n)) !== 0n || alignment > alignmentMax) {
    throw invalid(place, "expected a power of two for the alignment")
  }
  return Number(alignment)
}

const fits = (value: bigint, isSigned: boolean): bigint => {
  // A negative number may be written as its 64 bits.
  if (isSigned && value >= 1n << 63n) return BigInt.asIntN(64, value)
  return isSigned ? value : BigInt.asUintN(64, value)
}

const mappingsOf = (enumerators: ReadonlyArray<Enumerator>, isSigned: boolean): ReadonlyArray<Mapping> => {
  const byLabel = new Map<string, Array<{ lower: bigint; upper: bigint }>>()
  let next = 0n
  for (const { label, lower: written, upper: writtenUpper, place } of enumerators) {
    const lower = fits(written ?? next, isSigned)
    const upper = fits(writtenUpper ?? written ?? next, isSigned)
    if (lower > upper) throw invalid(place, `the range of \`${label}\` ends before it begins`)
    next = upper + 1n
    const ranges = byLabel.get(label)
    if (ranges === undefined) byLabel.set(label, [{ lower, upper }])
    else ranges.push({ lower, upper })
  }
  return [...byLabel].map(([label, ranges]) => ({ label, ranges }))
}

/** The integer of a draft, if it is one and no enumeration. */
const plainInteger = (draft: Draft.Draft): Integer | undefined =>
  draft.kind === "leaf" && draft.leaf.kind === "integer" && draft.leaf.mappings === undefined ? draft.leaf : undefined

const hasTag = (type: TypeSyntax): boolean => "name" in type && type.name !== undefined

const string = (attributes: Attributes): Draft.Draft => {
  // The encoding is only checked: all text is read as UTF-8.
  attributes.isEncoded("encoding")
  return Draft.leaf({ kind: "string", encoding: "utf-8", alignment: 8 })
}

/** A member whose type refers to no other declaration. */
export interface PlainMember {
  readonly name: string
  readonly type: TypeSyntax
  /** Length of an array, or the name of an earlier member that tells it. */
  readonly length: number | string | undefined
}

const nowhere = new TypeScope(undefined)

const lengthOf = (length: number | string, place: Placed): Value =>
  typeof length === "number"
    ? { kind: "integer", value: BigInt(length), place }
    : { kind: "path", names: [length], place }

export class Types {
  readonly #surroundings: () => Surroundings
  /** Drafts of types that are the same wherever they are used. */
  readonly #leaves = new WeakMap<TypeSyntax, Draft.Draft>()

  constructor(surroundings: () => Surroundings) {
    this.#surroundings = surroundings
  }

  /** Declares an alias, a typedef, or the tag of a type. */
  declare(item: Item & { readonly kind: "alias" | "typedef" | "member" }, scope: TypeScope): void {
    if (item.kind === "alias") {
      const draft = this.declared(item.type, item.declarator, scope)
      this.#name({ space: "type", name: item.name }, draft, scope, item.place)
      return
    }
    if (item.declarators.length === 0) this.type(item.type, scope)
    for (const declarator of item.declarators) {
      const { name, place } = declarator
      if (item.kind === "member") throw syntax(place, "a member outside of a structure or variant")
      if (name === undefined) throw invalid(place, "expected a name")
      this.#name({ space: "type", name }, this.declared(item.type, declarator, scope), scope, item.place)
    }
  }

  #name(name: TypeName, draft: Draft.Draft, scope: TypeScope, place: Placed): void {
    if (draft.kind === "variant" && draft.selector === undefined) {
      throw invalid(place, "a variant without a tag has no other name than its own")
    }
    scope.declare(name, draft, place)
  }

  /** The type of what a declarator declares: a type, with its pointers and array lengths. */
  declared(type: TypeSyntax, { pointerCount, lengths, place }: Declarator, scope: TypeScope): Draft.Draft {
    let draft = pointerCount === 0 ? this.type(type, scope) : this.#pointer(type, pointerCount, scope)
    for (const length of [...lengths].reverse()) draft = this.#array(draft, length, place)
    return draft
  }

  type(type: TypeSyntax, scope: TypeScope): Draft.Draft {
    switch (type.kind) {
      case "integer":
      case "float":
      case "string":
        return this.#leaf(type)
      case "named":
        return this.#named(type.words, type.place, scope)
      case "structure":
        return this.#structure(type, scope)
      case "variant":
        return this.#variant(type, scope)
      case "enumeration":
        return this.#enumeration(type, scope)
    }
  }

  #leaf(type: TypeSyntax & { readonly kind: "integer" | "float" | "string" }): Draft.Draft {
    let leaf = this.#leaves.get(type)
    if (leaf === undefined) {
      const attributes = new Attributes(type.attributes, type.place)
      leaf =
        type.kind === "integer"
          ? this.#integer(attributes)
          : type.kind === "float"
            ? this.#float(attributes)
            : string(attributes)
      this.#leaves.set(type, leaf)
    }
    return leaf
  }

  #named(words: ReadonlyArray<string>, place: Placed, scope: TypeScope): Draft.Draft {
    const name = words.join(" ")
    const isBasic = words.every((word) => word === "*" || basicWords.has(word))
    const found = scope.find({ space: "type", name }, isBasic ? undefined : place.order)
    if (found === undefined) {
      throw (isBasic ? invalid : syntax)(place, `no type \`${name}\` is declared before`)
    }
    return found
  }

  #pointer(type: TypeSyntax, pointerCount: number, scope: TypeScope): Draft.Draft {
    const words = type.kind === "named" ? type.words : [type.kind]
    const draft = this.#named([...words, ...new Array<string>(pointerCount).fill("*")], type.place, scope)
    const integer = plainInteger(draft)
    return draft.kind === "leaf" && integer !== undefined ? { ...draft, leaf: { ...integer, base: 16 } } : draft
  }

  #integer(attributes: Attributes): Draft.Draft {
    const size = Number(attributes.required("size", attributes.integer("size")))
    if (size < 1 || size > 64) throw attributes.wrong("size", "1 to 64 bits")
    const clock = this.#clock(attributes)
    const isCharacter = attributes.isEncoded("encoding")
    const alignment = attributes.alignment("align") ?? (size % 8 === 0 ? 8 : 1)
    return Draft.leaf(
      {
        kind: "integer",
        size,
        alignment,
        byteOrder: attributes.byteOrder("byte_order") ?? this.#surroundings().byteOrder,
        isReversed: false,
        isSigned: attributes.boolean("signed") ?? false,
        base: attributes.base("base"),
        mappings: undefined,
        roles: clock === undefined ? [] : ["default-clock-timestamp"]
      },
      { isCharacter: isCharacter && size === 8 && alignment === 8, clock }
    )
  }

  #clock(attributes: Attributes): ClockClass | undefined {
    const value = attributes.value("map")
    if (value?.kind === "integer") throw attributes.wrong("map", "a clock")
    if (value?.kind !== "path" || value.names.length > 3) return undefined
    const [first, name, last = "value"] = value.names
    if (first !== "clock" || name === undefined || last !== "value") return undefined
    const clock = this.#surroundings().clocks.get(name)
    if (clock === undefined) throw attributes.wrong("map", `a clock that is declared before, not \`${name}\``)
    return clock
  }

  #float(attributes: Attributes): Draft.Draft {
    const digits = [attributes.integer("exp_dig"), attributes.integer("mant_dig")]
    const [exponent = attributes.required("exp_dig", undefined)] = digits
    const mantissa = attributes.required("mant_dig", digits[1])
    const isDouble = exponent === 11n && mantissa === 53n
    if (!isDouble && !(exponent === 8n && mantissa === 24n)) {
      throw attributes.wrong("mant_dig", "8 and 24, or 11 and 53, digits of exponent and mantissa")
    }
    return Draft.leaf({
      kind: "float",
      size: isDouble ? 64 : 32,
      alignment: attributes.alignment("align") ?? 8,
      byteOrder: attributes.byteOrder("byte_order") ?? this.#surroundings().byteOrder,
      isReversed: false
    })
  }

  #enumeration(type: TypeSyntax & { kind: "enumeration" }, scope: TypeScope): Draft.Draft {
    const { name, container, enumerators, place } = type
    if (enumerators === undefined) return this.#tagged({ space: "enum", name: name ?? "" }, place, scope)
    const draft = container === undefined ? this.#named(["int"], place, scope) : this.type(container, scope)
    const integer = plainInteger(draft)
    if (draft.kind !== "leaf" || integer === undefined) throw invalid(place, "an enumeration needs an integer")
    const leaf: Integer = { ...integer, mappings: mappingsOf(enumerators, integer.isSigned) }
    const made: Draft.Draft = { ...draft, leaf }
    if (name !== undefined) scope.declare({ space: "enum", name }, made, place)
    return made
  }

  #tagged(name: TypeName, place: Placed, scope: TypeScope): Draft.Draft {
    const found = scope.find(name)
    if (found === undefined) throw invalid(place, `no ${name.space} \`${name.name}\` is declared before`)
    return found
  }

  #structure(type: TypeSyntax & { kind: "structure" }, scope: TypeScope): Draft.Draft {
    const { name, body, alignment, place } = type
    if (body === undefined) return this.#tagged({ space: "struct", name: name ?? "" }, place, scope)
    const minimum = alignment === undefined ? 1 : checkAlignment(alignment, place)
    const made = Draft.structure(this.#members(body, scope), minimum, place)
    if (name !== undefined) scope.declare({ space: "struct", name }, made, place)
    return made
  }

  #variant(type: TypeSyntax & { kind: "variant" }, scope: TypeScope): Draft.Draft {
    const { name, tag, body, place } = type
    const selector = tag === undefined ? undefined : locationOf(tag, place)
    if (body === undefined) {
      const found = this.#tagged({ space: "variant", name: name ?? "" }, place, scope)
      return found.kind === "variant" ? Draft.variant(found.options, selector, place) : found
    }
    const options = this.#members(body, scope).map((member) => ({ ...member, ranges: undefined }))
    if (options.length === 0) throw invalid(place, "a variant without options")
    if (name !== undefined) scope.declare({ space: "variant", name }, Draft.variant(options, undefined, place), place)
    return Draft.variant(options, selector, place)
  }

  /** Whether such members are valid, and none of them moves a clock. */
  isPlain(members: ReadonlyArray<PlainMember>): boolean {
    const lengths = new Set<string>()
    return members.every(({ length, name, type }) => {
      const draft = this.type(type, nowhere)
      if (draft.kind !== "leaf" || draft.clocks.size > 0) return false
      if (length === undefined && draft.leaf.kind === "integer" && !draft.leaf.isSigned) lengths.add(name)
      return typeof length !== "string" || lengths.has(length)
    })
  }

  plain(members: ReadonlyArray<PlainMember>, place: Placed): Draft.StructureDraft {
    const drafts = members.map(({ length, name, type }) => {
      const own = this.type(type, nowhere)
      const draft = length === undefined ? own : this.#array(own, lengthOf(length, place), place)
      return { name: shownName(name), declaredName: name, draft }
    })
    return Draft.structure(drafts, 1, place)
  }

  #members(body: ReadonlyArray<Item>, around: TypeScope): ReadonlyArray<Draft.MemberDraft> {
    const scope = new TypeScope(around)
    const members = new Map<string, Draft.MemberDraft>()
    for (const item of body) {
      if (item.kind === "value" || item.kind === "type") throw syntax(item.place, "expected a member, not a value")
      if (item.kind !== "member" || item.declarators.length === 0) {
        // Without the field that is meant, all after it would be misread.
        if (item.kind === "member" && !hasTag(item.type)) throw syntax(item.place, "a member without a name")
        this.declare(item, scope)
        continue
      }
      for (const declarator of item.declarators) {
        const declaredName = declarator.name ?? ""
        if (members.has(declaredName)) throw invalid(declarator.place, `\`${declaredName}\` is declared twice`)
        const draft = this.declared(item.type, declarator, scope)
        if (draft.kind === "variant" && draft.selector === undefined) {
          throw invalid(declarator.place, "a variant without a tag")
        }
        members.set(declaredName, { name: shownName(declaredName), declaredName, draft })
      }
    }
    return [...members.values()]
  }

  #array(element: Draft.Draft, written: Value, place: Placed): Draft.Draft {
    const isText = element.kind === "leaf" && element.isCharacter
    if (written.kind === "path" && written.names[0] !== "env") {
      const location = locationOf(written.names, written.place)
      return isText ? Draft.dynamicString(location, "utf-8") : Draft.array(location, element, 1, place)
    }
    const length = this.#length(written)
    return isText
      ? Draft.leaf({ kind: "static-string", length, encoding: "utf-8", alignment: 8 })
      : Draft.array(length, element, 1, place)
  }

  #length(written: Value): number {
    const value = written.kind === "path" ? this.#environmentInteger(written.names, written.place) : written
    if (value.kind !== "integer") throw invalid(written.place, "expected an integer for the length")
    if (value.value < 0n) throw invalid(written.place, "a length below 0")
    // The largest exact number is longer than any packet.
    return Number(value.value > lengthMax ? lengthMax : value.value)
  }

  #environmentInteger(names: ReadonlyArray<string>, place: Placed): Value {
    const name = names.slice(1).join(".")
    const value = this.#surroundings().environment.get(name)
    if (typeof value !== "bigint") throw invalid(place, `env has no integer \`${name}\``)
    return { kind: "integer", value, place }
  }
}

const lengthMax = BigInt(Number.MAX_SAFE_INTEGER)
