/** What the text of TSDL says, before anything is known about what it means. */
import type { Start } from "../Lines.ts"
import type { PlainEvent } from "./PlainEvents.ts"

/** `order` counts tokens over all of the metadata: the name of a type is known only after its declaration. */
export interface Placed extends Start {
  readonly order: number
}

export type Value =
  | { readonly kind: "integer"; readonly value: bigint; readonly place: Placed }
  | { readonly kind: "string"; readonly text: string; readonly place: Placed }
  | { readonly kind: "path"; readonly names: ReadonlyArray<string>; readonly place: Placed }

export interface Attribute {
  readonly name: string
  readonly value: Value
  readonly place: Placed
}

export interface Enumerator {
  readonly label: string
  readonly lower: bigint | undefined
  readonly upper: bigint | undefined
  readonly place: Placed
}

export type TypeSyntax =
  | {
      readonly kind: "structure"
      readonly name: string | undefined
      /** Undefined: the structure with this name, declared elsewhere. */
      readonly body: ReadonlyArray<Item> | undefined
      readonly alignment: bigint | undefined
      readonly place: Placed
    }
  | {
      readonly kind: "variant"
      readonly name: string | undefined
      readonly tag: ReadonlyArray<string> | undefined
      readonly body: ReadonlyArray<Item> | undefined
      readonly place: Placed
    }
  | {
      readonly kind: "enumeration"
      readonly name: string | undefined
      readonly container: TypeSyntax | undefined
      readonly enumerators: ReadonlyArray<Enumerator> | undefined
      readonly place: Placed
    }
  | {
      readonly kind: "integer" | "float" | "string"
      readonly attributes: ReadonlyArray<Attribute>
      readonly place: Placed
    }
  /** A name, of one word or of several. */
  | { readonly kind: "named"; readonly words: ReadonlyArray<string>; readonly place: Placed }

/** `*name[2][n]`: the lengths from left to right. */
export interface Declarator {
  readonly pointerCount: number
  readonly name: string | undefined
  readonly lengths: ReadonlyArray<Value>
  readonly place: Placed
}

export type Item =
  | {
      readonly kind: "alias"
      readonly type: TypeSyntax
      readonly declarator: Declarator
      readonly name: string
      readonly place: Placed
    }
  | {
      readonly kind: "typedef" | "member"
      readonly type: TypeSyntax
      /** Empty: only a tag is declared. */
      readonly declarators: ReadonlyArray<Declarator>
      readonly place: Placed
    }
  | { readonly kind: "value"; readonly path: string; readonly value: Value; readonly place: Placed }
  | { readonly kind: "type"; readonly path: string; readonly type: TypeSyntax; readonly place: Placed }

export const blocks = ["trace", "env", "clock", "callsite", "stream", "event"] as const
export type BlockName = (typeof blocks)[number]

export interface Block {
  readonly kind: "block"
  readonly name: BlockName
  readonly items: ReadonlyArray<Item>
  readonly place: Placed
}

/** The block of an event with nothing but plain fields. */
export interface Plain {
  readonly kind: "plain"
  readonly event: PlainEvent
  readonly place: Placed
}
