/**
 * What the fields of a trace look like in bits: one language for CTF 1.8 and CTF 2, in which nothing is implied.
 *
 * Every class has its alignment (of a structure: that of its members included), every number its byte order, every
 * reference its root scope and path, every option of a variant its selector values, every member with a meaning its
 * roles. Texts of CTF 1.8 (arrays of encoded bytes) are strings here, its `uuid` is a blob. One class may be used at
 * several places of a tree, unless it contains a reference. Integers that may need 64 bits are bigints.
 */

/** In decoding order: a field may refer to any field that is decoded before it. */
export const scopes = [
  "packet-header",
  "packet-context",
  "event-record-header",
  "event-record-common-context",
  "event-record-specific-context",
  "event-record-payload"
] as const
/** The root structure that a field belongs to. */
export type Scope = (typeof scopes)[number]

/** Which byte of a number comes first. */
export type ByteOrder = "little-endian" | "big-endian"

/** The meaning of a field; such a field is not shown. The names are those of CTF 2 (§5.3), for CTF 1.8 too. */
export type Role =
  | "packet-magic-number"
  | "metadata-stream-uuid"
  | "data-stream-class-id"
  | "data-stream-id"
  | "packet-total-length"
  | "packet-content-length"
  /** Moves the clock of the stream (§7.2). In CTF 1.8: each integer mapped to the clock, in any scope. */
  | "default-clock-timestamp"
  | "packet-end-default-clock-timestamp"
  | "discarded-event-record-counter-snapshot"
  | "packet-sequence-number"
  | "event-record-class-id"

/** The integers from `lower` to `upper`, both included. */
export interface Range {
  readonly lower: bigint
  readonly upper: bigint
}

/** A label and its values. A class has each label once, in order of declaration; ranges of two may overlap. */
export interface Mapping {
  readonly label: string
  readonly ranges: ReadonlyArray<Range>
}

/** In which base integers are shown. */
export type DisplayBase = 2 | 8 | 10 | 16

/**
 * A reference to an earlier field. `path` has an index for each step from the root structure of `scope` on: the member
 * of a structure, the option of a variant (the field is missing if another option was chosen), none for an array (the
 * current element) and none for an optional.
 */
export interface Reference {
  readonly scope: Scope
  readonly path: ReadonlyArray<number>
  /** Paths of the field in the other options of variants on the way; the chosen option decides (CTF 2). */
  readonly others: ReadonlyArray<ReadonlyArray<number>>
}

interface Bits {
  /** Number of bits, 1–64. */
  readonly size: number
  /** A power of two, in bits, counted from the first bit of the packet. */
  readonly alignment: number
  readonly byteOrder: ByteOrder
  /** The bits of the value are in the order opposite to the natural one of its byte order (§6.3). */
  readonly isReversed: boolean
}

/** Bits without further meaning, shown as one unsigned number. */
export interface BitArray extends Bits {
  readonly kind: "bit-array"
}

/** Bits with names. */
export interface BitMap extends Bits {
  readonly kind: "bit-map"
  /** Names of bits. Their ranges are bit numbers, 0 for the least significant bit of the value. */
  readonly flags: ReadonlyArray<Mapping>
}

/** True if any bit is set. */
export interface Bool extends Bits {
  readonly kind: "boolean"
}

interface Numeric {
  readonly isSigned: boolean
  readonly base: DisplayBase
  /** The labels of an enumeration; undefined: it is none. */
  readonly mappings: ReadonlyArray<Mapping> | undefined
  readonly roles: ReadonlyArray<Role>
}

/** An integer of a fixed number of bits. */
export interface Integer extends Bits, Numeric {
  readonly kind: "integer"
}

/** An integer in LEB128, at most 64 bits of data. */
export interface VariableInteger extends Numeric {
  readonly kind: "variable-integer"
  readonly alignment: 8
}

/** A floating-point number, IEEE 754 binary. */
export interface Float extends Bits {
  readonly kind: "float"
  readonly size: 32 | 64
}

/** How text is encoded. */
export type Encoding = "utf-8" | "utf-16le" | "utf-16be" | "utf-32le" | "utf-32be"

/** Text that ends with one zero code unit. */
export interface NullTerminatedString {
  readonly kind: "string"
  readonly encoding: Encoding
  readonly alignment: 8
}

/** Text in as many bytes as the class says, cut at its first zero code unit, if it has one. */
export interface StaticString {
  readonly kind: "static-string"
  /** Number of bytes. */
  readonly length: number
  readonly encoding: Encoding
  readonly alignment: 8
}

/** Text in as many bytes as another field tells, cut at its first zero code unit, if it has one. */
export interface DynamicString {
  readonly kind: "dynamic-string"
  /** The field with the number of bytes. */
  readonly length: Reference
  readonly encoding: Encoding
  readonly alignment: 8
}

/** Bytes, as many as the class says. */
export interface StaticBlob {
  readonly kind: "static-blob"
  /** Number of bytes. */
  readonly length: number
  readonly mediaType: string
  readonly roles: ReadonlyArray<Role>
  readonly alignment: 8
}

/** Bytes, as many as another field tells. */
export interface DynamicBlob {
  readonly kind: "dynamic-blob"
  /** The field with the number of bytes. */
  readonly length: Reference
  readonly mediaType: string
  readonly alignment: 8
}

/** A member of a structure. */
export interface Member {
  /** The name that is shown: in CTF 1.8 without one leading underscore. Two members may have the same. */
  readonly name: string
  /** The name as it was declared. */
  readonly declaredName: string
  readonly fieldClass: FieldClass
}

/** Members one after the other. */
export interface Structure {
  readonly kind: "structure"
  readonly members: ReadonlyArray<Member>
  readonly alignment: number
}

/** Elements, as many as the class says. */
export interface StaticArray {
  readonly kind: "static-array"
  readonly length: number
  readonly element: FieldClass
  /** In bits; an array without elements is aligned, too. */
  readonly alignment: number
}

/** Elements, as many as another field tells. */
export interface DynamicArray {
  readonly kind: "dynamic-array"
  readonly length: Reference
  readonly element: FieldClass
  /** In bits; an array without elements is aligned, too. */
  readonly alignment: number
}

/** A field that is there or not, as another field tells. */
export interface Optional {
  readonly kind: "optional"
  readonly content: FieldClass
  /** Refers to a boolean; to an integer if there are ranges. */
  readonly selector: Reference
  /** Values of an integer selector with which the content is there; undefined for a boolean selector. */
  readonly ranges: ReadonlyArray<Range> | undefined
  readonly alignment: 1
}

/** One of the fields that a variant can be. */
export interface Option {
  /** The name that is shown; empty if it has none (CTF 2). */
  readonly name: string
  readonly declaredName: string
  readonly fieldClass: FieldClass
}

/** One of several fields, as another field tells. */
export interface Variant {
  readonly kind: "variant"
  readonly selector: Reference
  readonly options: ReadonlyArray<Option>
  /** Which selector values choose which option (its index): disjoint, ascending. Other values choose none. */
  readonly choices: ReadonlyArray<Range & { readonly option: number }>
  readonly alignment: 1
}

/** Everything that a field can be (ctf.md §3). */
export type FieldClass =
  | BitArray
  | BitMap
  | Bool
  | Integer
  | VariableInteger
  | Float
  | NullTerminatedString
  | StaticString
  | DynamicString
  | StaticBlob
  | DynamicBlob
  | Structure
  | StaticArray
  | DynamicArray
  | Optional
  | Variant

/** How deep field classes may be nested; deeper metadata is refused. */
export const depthMax = 512
