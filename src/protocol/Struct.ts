/**
 * The layout vocabulary: a message is declared once, as named fields, and its direct reader, its direct writer and its
 * Schema codec all derive from that declaration, so they cannot disagree.
 *
 * Not here: framing, and what a message means. Every integer is big-endian and nothing is aligned.
 *
 * Invariants: `Layout.decode` never throws and never reads outside its input; bytes after the layout are ignored unless
 * the layout says otherwise; encoders start from zeroed memory, so padding never carries old bytes. Direct writers
 * trust their value: numbers wrap, overlong fixed strings are cut between characters; the codec refuses both.
 *
 * Memory: decoded values own theirs, except the byte arrays of `bytes` and `rest`: views, valid as long as the input.
 */
import { Effect, Result, Schema, type SchemaAST, SchemaGetter, SchemaIssue } from "effect"
import * as Text from "./Text.ts"

/** Why bytes are not a message: too few, a bad string, a value out of its set, or a size that fits no layout. */
export class Malformed extends Schema.TaggedError<Malformed>()("Malformed", {
  reason: Schema.Literals(["short", "string", "value", "size"]),
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.reason}: ${this.detail}`
  }
}

/** One field of a packed, big-endian C structure. `read` may throw `Malformed`; `Layout.decode` catches it. */
export interface Field<A> {
  readonly size: number
  readonly schema: Schema.Codec<A>
  /** The value of the `size` bytes at `at`. */
  readonly read: (view: DataView, at: number) => A
  /** Fills the `size` bytes at `at`; trusts the value. */
  readonly write: (view: DataView, at: number, value: A) => void
}

/** All ones: "none" in sequence numbers, handles and timestamps. */
export const u64Max = 0xffff_ffff_ffff_ffffn

/** A view on the same bytes, for reading and writing numbers. */
export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const within = (view: DataView, at: number, size: number) => new Uint8Array(view.buffer, view.byteOffset + at, size)

/** Text that survives the wire: a NUL would end it early; a lone surrogate has no bytes unless it stands for a byte. */
export const textSchema = (bytesMax: number): Schema.Codec<string> =>
  Schema.String.check(
    Schema.makeFilter((text) => {
      if (text.includes("\0")) return "contains NUL"
      if (!Text.hasBytes(text)) return "contains a lone surrogate"
      return Text.bytesOf(text).length <= bytesMax || `longer than ${bytesMax} bytes`
    })
  )

/** An unsigned byte. */
export const u8: Field<number> = {
  size: 1,
  schema: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xff })),
  read: (view, at) => view.getUint8(at),
  write: (view, at, value) => view.setUint8(at, value)
}

/** Two bytes, unsigned. */
export const u16: Field<number> = {
  size: 2,
  schema: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffff })),
  read: (view, at) => view.getUint16(at),
  write: (view, at, value) => view.setUint16(at, value)
}

/** Four bytes, unsigned. */
export const u32: Field<number> = {
  size: 4,
  schema: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffff_ffff })),
  read: (view, at) => view.getUint32(at),
  write: (view, at, value) => view.setUint32(at, value)
}

/** Eight bytes, unsigned. */
export const u64: Field<bigint> = {
  size: 8,
  schema: Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 0n, maximum: u64Max })),
  read: (view, at) => view.getBigUint64(at),
  write: (view, at, value) => view.setBigUint64(at, value)
}

/** C truth in `field`'s bytes: anything but zero is true, and true is written as one. */
const truth = (field: Field<number>): Field<boolean> => ({
  size: field.size,
  schema: Schema.Boolean,
  read: (view, at) => field.read(view, at) !== 0,
  write: (view, at, value) => field.write(view, at, value ? 1 : 0)
})
/** A truth value in one byte: anything but zero is true. */
export const bool8 = truth(u8)
/** A truth value in four bytes: anything but zero is true. */
export const bool32 = truth(u32)

/** `field`, restricted to a set of numbers. */
export const oneOf = <const L extends number>(field: Field<number>, values: ReadonlyArray<L>): Field<L> => ({
  size: field.size,
  schema: Schema.Literals(values) as unknown as Schema.Codec<L>,
  read: (view, at) => {
    const value = field.read(view, at) as L
    if (values.includes(value)) return value
    throw new Malformed({ reason: "value", detail: `${value} is none of ${values.join(", ")}` })
  },
  write: (view, at, value) => field.write(view, at, value)
})

/** Exactly `size` opaque bytes. What is read is a view of the input. */
export const bytes = (size: number): Field<Uint8Array> => ({
  size,
  schema: Schema.Uint8Array.check(Schema.makeFilter((value) => value.length === size || `expected ${size} bytes`)),
  read: (view, at) => within(view, at, size),
  write: (view, at, value) => within(view, at, size).set(value.subarray(0, size))
})

/** A NUL-terminated string in a fixed array; the array must hold its NUL. */
export const fixedString = (size: number): Field<string> => ({
  size,
  schema: textSchema(size - 1),
  read: (view, at) => {
    const array = within(view, at, size)
    const end = array.indexOf(0)
    if (end < 0) throw new Malformed({ reason: "string", detail: `no NUL in ${size} bytes` })
    return Text.textOf(array.subarray(0, end))
  },
  write: (view, at, value) => {
    const array = within(view, at, size)
    array.fill(0, Text.writeInto(value, array.subarray(0, size - 1)))
  }
})

const hexDigits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))
const uuidNil = "0".repeat(32)

/** Sixteen bytes as thirty-two lower-case hexadecimal digits, without dashes. */
export const uuid: Field<string> = {
  size: 16,
  schema: Schema.String.check(Schema.isPattern(/^[0-9a-f]{32}$/)),
  read: (view, at) => {
    let digits = ""
    for (let index = 0; index < 16; index++) digits += hexDigits[view.getUint8(at + index)]
    return digits
  },
  write: (view, at, value) => {
    for (let index = 0; index < 16; index++) {
      view.setUint8(at + index, Number.parseInt(value.slice(2 * index, 2 * index + 2), 16))
    }
  }
}

/** A `uuid` that identifies something: all zeroes is refused. */
export const uuidNotNil: Field<string> = {
  ...uuid,
  schema: uuid.schema.pipe(
    Schema.check(Schema.makeFilter((value: string) => value !== uuidNil || "all zeroes"))
  ) as Schema.Codec<string>,
  read: (view, at) => {
    const value = uuid.read(view, at)
    if (value === uuidNil) throw new Malformed({ reason: "value", detail: "all-zero UUID" })
    return value
  }
}

/** An `is_set` byte, then the value. The value's bytes are meaningless while unset, and written as zeroes. */
export const optional = <A>(field: Field<A>): Field<A | undefined> => ({
  size: 1 + field.size,
  schema: Schema.UndefinedOr(field.schema) as unknown as Schema.Codec<A | undefined>,
  read: (view, at) => (view.getUint8(at) === 0 ? undefined : field.read(view, at + 1)),
  write: (view, at, value) => {
    view.setUint8(at, value === undefined ? 0 : 1)
    if (value === undefined) within(view, at + 1, field.size).fill(0)
    else field.write(view, at + 1, value)
  }
})

/** The members of a structure, in their order on the wire. */
// biome-ignore lint/suspicious/noExplicitAny: a field's type appears both as input and as output
export type Fields = { readonly [name: string]: Field<any> }
/** The value as which a structure of these fields is read. */
export type Value<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer A> ? A : never }

/** A packed structure. `read` and `write` need `size` bytes at `at`; `codec` takes exactly `size` bytes. */
export interface Struct<F extends Fields> {
  readonly fields: F
  readonly size: number
  readonly offsets: { readonly [K in keyof F]: number }
  readonly schema: Schema.Codec<Value<F>>
  /** The members from `at` on; may throw `Malformed`. */
  readonly read: (view: DataView, at: number) => Value<F>
  /** Fills the bytes from `at` on; trusts the value. */
  readonly write: (view: DataView, at: number, value: Value<F>) => void
  readonly codec: Schema.Codec<Value<F>, Uint8Array>
}

/** The bytes of a message, and the position up to which they are read or written. */
export interface Cursor {
  readonly bytes: Uint8Array
  readonly view: DataView
  at: number
}

/**
 * How a message of fixed or variable size is read as an `A`, and written. If versions of a message carry less than
 * others, `I` is what can be written in every one of them.
 */
export interface Layout<A, I extends A = A> {
  readonly schema: Schema.Codec<A>
  /** Reads a value from the beginning of `bytes`; fails with `Malformed`. Bytes behind the value are ignored. */
  readonly decode: (bytes: Uint8Array) => Result.Result<A, Malformed>
  /** The bytes of a value, in memory of their own. */
  readonly encode: (value: I) => Uint8Array
  readonly codec: Schema.Codec<A, Uint8Array>
  /** What `encode` can say: `schema` without what this version of the message does not carry. */
  readonly writable: Schema.Codec<unknown>
  /** How many bytes a value takes. */
  readonly sizeOf: (value: I) => number
  /** Reads at the cursor and moves it; throws `Malformed`. For layouts made of layouts. */
  readonly read: (cursor: Cursor) => A
  /** Writes a value where the cursor is. */
  readonly write: (cursor: Cursor, value: I) => void
}

/** Advances by `size` and answers where the cursor was; throws `Malformed` if there are fewer bytes. */
export const take = (cursor: Cursor, size: number): number => {
  const at = cursor.at
  if (cursor.bytes.length - at < size) {
    throw new Malformed({ reason: "short", detail: `${size} bytes wanted at ${at} of ${cursor.bytes.length}` })
  }
  cursor.at = at + size
  return at
}

/** The parts every layout is made from; `decode`, `encode` and `codec` follow from them. */
export const layout = <A>(
  parts: Pick<Layout<A>, "schema" | "sizeOf" | "read" | "write"> & Partial<Pick<Layout<A>, "writable">>
): Layout<A> => {
  const decode = (input: Uint8Array): Result.Result<A, Malformed> => {
    try {
      return Result.succeed(parts.read({ bytes: input, view: viewOf(input), at: 0 }))
    } catch (error) {
      if (error instanceof Malformed) return Result.fail(error)
      throw error
    }
  }
  const encode = (value: A): Uint8Array => {
    const output = new Uint8Array(parts.sizeOf(value))
    parts.write({ bytes: output, view: viewOf(output), at: 0 }, value)
    return output
  }
  let codec: Schema.Codec<A, Uint8Array> | undefined
  return {
    writable: parts.schema,
    ...parts,
    decode,
    encode,
    // Built on demand: most layouts are only ever used through their direct reader and writer.
    get codec() {
      codec ??= codecOf(parts.schema, decode, encode)
      return codec
    }
  }
}

const codecOf = <A>(
  schema: Schema.Codec<A>,
  decode: (bytes: Uint8Array) => Result.Result<A, Malformed>,
  encode: (value: A) => Uint8Array
): Schema.Codec<A, Uint8Array> =>
  Schema.Uint8Array.pipe(
    Schema.decodeTo(schema, {
      decode: SchemaGetter.transformEffect((input: Uint8Array, options) =>
        Result.match(decode(input), {
          onSuccess: (value) => Effect.succeed(value),
          onFailure: ({ message }) => Effect.fail(new SchemaIssue.InvalidValue({ message }, input, options))
        })
      ),
      encode: SchemaGetter.transform(encode)
    })
  ) as unknown as Schema.Codec<A, Uint8Array>

/** A structure of `fields`, packed in the order of their declaration. */
export const struct = <const F extends Fields>(fields: F): Struct<F> => {
  const table: Array<{ readonly name: string; readonly at: number; readonly field: Field<unknown> }> = []
  const offsets: Record<string, number> = {}
  let size = 0
  for (const [name, field] of Object.entries(fields)) {
    table.push({ name, at: size, field })
    offsets[name] = size
    size += field.size
  }
  const schema = Schema.Struct(
    Object.fromEntries(table.map(({ name, field }) => [name, field.schema]))
  ) as unknown as Schema.Codec<Value<F>>
  const read = (view: DataView, at: number): Value<F> => {
    const value: Record<string, unknown> = {}
    for (const entry of table) value[entry.name] = entry.field.read(view, at + entry.at)
    return value as Value<F>
  }
  const write = (view: DataView, at: number, value: Value<F>): void => {
    for (const entry of table) entry.field.write(view, at + entry.at, value[entry.name])
  }
  const self = { fields, size, offsets: offsets as Struct<F>["offsets"], schema, read, write }
  const exact = layout<Value<F>>({
    schema,
    sizeOf: () => size,
    read: (cursor) => {
      if (cursor.bytes.length === size) return read(cursor.view, take(cursor, size))
      throw new Malformed({ reason: "size", detail: `${cursor.bytes.length} bytes where ${size} are due` })
    },
    write: (cursor, value) => write(cursor.view, take(cursor, size), value)
  })
  return {
    ...self,
    get codec() {
      return exact.codec
    }
  }
}

/** A structure as a whole message. */
export const fixed = <F extends Fields>(head: Struct<F>): Layout<Value<F>> =>
  layout({
    schema: head.schema,
    sizeOf: () => head.size,
    read: (cursor) => head.read(cursor.view, take(cursor, head.size)),
    write: (cursor, value) => head.write(cursor.view, take(cursor, head.size), value)
  })

/** A layout that is the same between peers of every minor. */
export const everyMinor =
  <A>(layout: Layout<A>): ((minor: number) => Layout<A>) =>
  () =>
    layout

/** A message without payload. */
export const empty: Layout<Record<never, never>> = fixed(struct({}))

/** Adds members that this version of a message does not carry, with the value their absence means. */
export const withConstants = <A, const C extends Partial<A>, I extends A = A>(
  inner: Layout<Omit<A, keyof C>, Omit<I, keyof C> & Omit<A, keyof C>>,
  constants: C
): Layout<A, I> => {
  const schemas = Object.entries(constants).map(([name, value]) => [
    name,
    value === undefined ? Schema.Undefined : Schema.Literal(value as SchemaAST.LiteralValue)
  ])
  return layout<A>({
    schema: extend(inner.schema, Object.fromEntries(schemas)) as Schema.Codec<A>,
    writable: inner.writable,
    sizeOf: inner.sizeOf as (value: unknown) => number,
    read: (cursor) => ({ ...inner.read(cursor), ...constants }) as A,
    write: inner.write as (cursor: Cursor, value: unknown) => void
  })
}

/** A version of a message that demands members which the common type leaves open. */
export const demanding = <A, B extends A>(inner: Layout<B>): Layout<A, B> => inner as unknown as Layout<A, B>

/** The members of a structure's schema, less some and plus others. */
export const extend = (
  schema: Schema.Codec<unknown>,
  added: Record<string, Schema.Codec<unknown>>,
  removed: ReadonlyArray<string> = []
): Schema.Codec<unknown> => {
  const { fields } = schema as unknown as { readonly fields: Record<string, Schema.Codec<unknown>> }
  const kept = Object.entries(fields).filter(([name]) => !removed.includes(name))
  return Schema.Struct({ ...Object.fromEntries(kept), ...added }) as unknown as Schema.Codec<unknown>
}

/** A u64 as a number: beyond 2⁵³ it is rounded. For hot code, which makes no bigint. */
export const u64At = (bytes: Buffer, at: number): number =>
  bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)
