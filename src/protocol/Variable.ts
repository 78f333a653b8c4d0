/**
 * Layouts whose size depends on their content: strings, lists and trailing bytes behind a fixed head that announces
 * their length. The length members exist on the wire only; values do not carry them.
 *
 * An announced length is checked against its limit and against the bytes at hand before anything is read or allocated.
 */
import { Schema } from "effect"
import {
  type Cursor,
  extend,
  type Fields,
  type Layout,
  layout,
  Malformed,
  type Struct,
  take,
  textSchema,
  type Value
} from "./Struct.ts"
import { bytesOf, textOf } from "./Text.ts"

/** A string behind the head. Its length is the head's u32 member `length`. */
export interface Text<A, L extends string> {
  readonly length: L
  /** Bytes, including the NUL if there is one. */
  readonly lengthMin: number
  readonly lengthMax: number
  /** Whether a NUL ends the string and is counted in its length. */
  readonly terminated: boolean
  /** The value that length zero stands for. */
  readonly absent: A | undefined
  readonly schema: Schema.Codec<A>
}

/** How many bytes a string may have, its NUL included if it has one; `lengthMin` is 0 if absent. */
export interface Limits {
  readonly lengthMin?: number
  readonly lengthMax: number
}

const text = <const L extends string>(length: L, limits: Limits, terminated: boolean): Text<string, L> => ({
  length,
  lengthMin: limits.lengthMin ?? 0,
  lengthMax: limits.lengthMax,
  terminated,
  absent: "",
  schema: textSchema(terminated ? limits.lengthMax - 1 : limits.lengthMax)
})

/** A NUL-terminated string; length zero reads as the empty string, which is written as its NUL alone. */
export const terminated = <const L extends string>(length: L, limits: Limits) => text(length, limits, true)

/** A string without NUL. */
export const counted = <const L extends string>(length: L, limits: Limits) => text(length, limits, false)

/** A NUL-terminated string, `undefined` where its length is zero. */
export const maybe = <const L extends string>(length: L, limits: Limits): Text<string | undefined, L> => {
  const present = text(length, limits, true)
  const least = present.lengthMin
  return {
    ...present,
    absent: undefined,
    schema: Schema.UndefinedOr(
      (present.schema as Schema.Codec<string>).pipe(
        Schema.check(Schema.makeFilter((value: string) => bytesOf(value).length + 1 >= least || "too short"))
      ) as Schema.Codec<string>
    ) as unknown as Schema.Codec<string | undefined>
  }
}

/** Strings by the names they have as members. */
export type Texts = { readonly [name: string]: Text<string, string> | Text<string | undefined, string> }
/** The values as which such strings are read. */
export type TextValue<T extends Texts> = { readonly [K in keyof T]: T[K] extends Text<infer A, string> ? A : never }
/** The members of the head that announce them. */
export type Lengths<T extends Texts> = T[keyof T]["length"]
/** The members of the head without the lengths, and the strings by their names. */
export type WithTexts<F extends Fields, T extends Texts> = Omit<Value<F>, Lengths<T>> & TextValue<T>

const readText = (cursor: Cursor, spec: Texts[string], length: number): string | undefined => {
  if (length === 0 && spec.lengthMin === 0) return spec.absent
  if (length === 0 && spec.absent === undefined) return undefined
  if (length < spec.lengthMin || length > spec.lengthMax) {
    const range = `${spec.lengthMin}..${spec.lengthMax}`
    throw new Malformed({ reason: "string", detail: `${spec.length} is ${length}, allowed ${range}` })
  }
  if (length > cursor.bytes.length - cursor.at) {
    throw new Malformed({ reason: "string", detail: `${spec.length} is ${length}, past the end of the message` })
  }
  const at = take(cursor, length)
  const array = cursor.bytes.subarray(at, at + length)
  if (!spec.terminated) return textOf(array)
  if (array[length - 1] !== 0) throw new Malformed({ reason: "string", detail: `${spec.length}: no NUL at the end` })
  // As C reads it: an earlier NUL ends the string, which may make it too short after all.
  const end = array.indexOf(0)
  if (end + 1 < spec.lengthMin) throw new Malformed({ reason: "string", detail: `${spec.length}: empty` })
  return textOf(array.subarray(0, end))
}

/** A head that announces lengths, then the strings in declaration order, back to back. */
export const withTexts = <F extends Fields, const T extends Texts>(
  head: Struct<F>,
  texts: T
): Layout<WithTexts<F, T>> => {
  type A = WithTexts<F, T>
  const specs = Object.entries(texts)
  const lengths = specs.map(([, spec]) => spec.length)
  const arraysOf = (value: A): ReadonlyArray<Uint8Array> =>
    specs.map(([name, spec]) => {
      const member = (value as Record<string, unknown>)[name] as string | undefined
      if (member === undefined) return new Uint8Array(0)
      return bytesOf(spec.terminated ? `${member}\0` : member)
    })
  return layout<A>({
    schema: extend(
      head.schema,
      Object.fromEntries(specs.map(([name, spec]) => [name, spec.schema])),
      lengths
    ) as unknown as Schema.Codec<A>,
    sizeOf: (value) => arraysOf(value).reduce((sum, array) => sum + array.length, head.size),
    read: (cursor) => {
      const value: Record<string, unknown> = { ...head.read(cursor.view, take(cursor, head.size)) }
      const announced = lengths.map((length) => value[length] as number)
      for (const length of lengths) delete value[length]
      specs.forEach(([name, spec], index) => {
        value[name] = readText(cursor, spec, announced[index] as number)
      })
      return value as A
    },
    write: (cursor, value) => {
      const arrays = arraysOf(value)
      const members: Record<string, unknown> = { ...value }
      lengths.forEach((length, index) => {
        members[length] = arrays[index]?.length
      })
      head.write(cursor.view, take(cursor, head.size), members as Value<F>)
      for (const array of arrays) cursor.bytes.set(array, take(cursor, array.length))
    }
  })
}

/** A head whose u32 member `count` announces how many items follow; they become the member `name`. */
export const withItems = <F extends Fields, const C extends keyof F & string, const N extends string, I>(
  head: Struct<F>,
  count: C,
  name: N,
  item: Layout<I>
): Layout<Omit<Value<F>, C> & { readonly [K in N]: ReadonlyArray<I> }> => {
  type A = Omit<Value<F>, C> & { readonly [K in N]: ReadonlyArray<I> }
  const itemsOf = (value: A) => (value as Record<string, unknown>)[name] as ReadonlyArray<I>
  return layout<A>({
    schema: extend(head.schema, { [name]: Schema.Array(item.schema) as unknown as Schema.Codec<unknown> }, [
      count
    ]) as unknown as Schema.Codec<A>,
    sizeOf: (value) => itemsOf(value).reduce((sum, entry) => sum + item.sizeOf(entry), head.size),
    read: (cursor) => {
      const value: Record<string, unknown> = { ...head.read(cursor.view, take(cursor, head.size)) }
      const due = value[count] as number
      delete value[count]
      const items: Array<I> = []
      // Grown item by item: an announced count alone must not allocate.
      while (items.length < due) items.push(item.read(cursor))
      value[name] = items
      return value as A
    },
    write: (cursor, value) => {
      const items = itemsOf(value)
      head.write(cursor.view, take(cursor, head.size), { ...value, [count]: items.length } as unknown as Value<F>)
      for (const entry of items) item.write(cursor, entry)
    }
  })
}

/** A head, then bytes as the member `name`: as many as its member `length` announces, or all that remain. */
export const withBytes = <F extends Fields, const N extends string, const L extends keyof F & string = never>(
  head: Struct<F>,
  name: N,
  length?: L
): Layout<Omit<Value<F>, L> & { readonly [K in N]: Uint8Array }> => {
  type A = Omit<Value<F>, L> & { readonly [K in N]: Uint8Array }
  const bytesOf = (value: A) => (value as Record<string, unknown>)[name] as Uint8Array
  // A u64 length is a bigint on the wire, and no array is that long.
  const wide = length !== undefined && head.fields[length]?.size === 8
  return layout<A>({
    schema: extend(
      head.schema,
      { [name]: Schema.Uint8Array },
      length === undefined ? [] : [length]
    ) as unknown as Schema.Codec<A>,
    sizeOf: (value) => head.size + bytesOf(value).length,
    read: (cursor) => {
      const value: Record<string, unknown> = { ...head.read(cursor.view, take(cursor, head.size)) }
      const due = length === undefined ? cursor.bytes.length - cursor.at : Number(value[length])
      if (length !== undefined) delete value[length]
      const at = take(cursor, due)
      value[name] = cursor.bytes.subarray(at, at + due)
      return value as A
    },
    write: (cursor, value) => {
      const array = bytesOf(value)
      const members: Record<string, unknown> = { ...value }
      if (length !== undefined) members[length] = wide ? BigInt(array.length) : array.length
      head.write(cursor.view, take(cursor, head.size), members as Value<F>)
      cursor.bytes.set(array, take(cursor, array.length))
    }
  })
}
