/**
 * Parses TSDL by recursive descent: from tokens of whole declarations to their syntax.
 *
 * Types are told from names without knowing which are declared: of the words before `;`, `,` or `[` the last is a name.
 */
import { invalid, type MetadataRefused, syntax } from "../MetadataRefused.ts"
import type { Token } from "./Lexer.ts"
import type { Attribute, Block, Declarator, Enumerator, Item, Placed, Plain, TypeSyntax, Value } from "./Syntax.ts"
import { type BlockName, blocks } from "./Syntax.ts"
import { basicWords, compounds, keywords } from "./Words.ts"

/** How deep syntax may be nested. A structure in a structure counts twice: as the member's type, and as a body. */
const depthMax = 1100

export class Parser {
  readonly #source: Iterator<Token>
  /** Those of the declaration that is being parsed, and that after it: of all of a text they take much memory. */
  readonly #tokens: Array<Token> = []
  #at = 0
  #depth = 0

  constructor(tokens: Iterator<Token>) {
    this.#source = tokens
  }

  metadata(): ReadonlyArray<Block | Item | Plain> {
    const items: Array<Block | Item | Plain> = []
    while (this.#token.kind !== "end") {
      this.#tokens.splice(0, this.#at)
      this.#at = 0
      if (this.#take(";")) continue
      const { event } = this.#token
      if (event !== undefined) {
        items.push({ kind: "plain", event, place: this.#place })
        this.#at++
        continue
      }
      const name = blocks.find((block) => this.#is(block))
      items.push(name !== undefined && this.#peek(1).text === "{" ? this.#block(name) : this.#entry())
    }
    return items
  }

  /** Parses tokens that are one type, which begins with its own keyword. */
  type(): TypeSyntax {
    return this.#compound()
  }

  get #token(): Token {
    return this.#peek(0)
  }

  #peek(ahead: number): Token {
    const at = this.#at + ahead
    while (at >= this.#tokens.length) {
      const { done, value } = this.#source.next()
      // The last token is the end, which is answered however far ahead one looks.
      if (done === true) return this.#tokens[this.#tokens.length - 1] as Token
      this.#tokens.push(value)
    }
    return this.#tokens[at] as Token
  }

  /** The number of the token that is next. */
  get order(): number {
    return this.#token.order
  }

  get #place(): Placed {
    return this.#token
  }

  #is(text: string): boolean {
    const { kind, text: found } = this.#token
    return found === text && (kind === "word" || kind === "sign")
  }

  #take(text: string): boolean {
    if (!this.#is(text)) return false
    this.#at++
    return true
  }

  #unexpected(wanted: string): MetadataRefused {
    const { kind, text } = this.#token
    return syntax(this.#token, `expected ${wanted}, found ${kind === "end" ? text : JSON.stringify(text)}`)
  }

  #need(text: string): void {
    if (!this.#take(text)) throw this.#unexpected(`\`${text}\``)
  }

  #word(wanted: string): string {
    const { kind, text } = this.#token
    if (kind !== "word") throw this.#unexpected(wanted)
    this.#at++
    return text
  }

  /** Takes a word that is no keyword. */
  #name(wanted: string): string {
    const { kind, text } = this.#token
    if (kind !== "word" || keywords.has(text)) throw this.#unexpected(wanted)
    this.#at++
    return text
  }

  #nested<A>(parse: () => A): A {
    if (++this.#depth > depthMax) throw invalid(this.#token, "nested too deep")
    const parsed = parse()
    this.#depth--
    return parsed
  }

  #block(name: BlockName): Block {
    const place = this.#place
    this.#at++
    const items = this.#body()
    this.#need(";")
    return { kind: "block", name, items, place }
  }

  #body(): ReadonlyArray<Item> {
    return this.#nested(() => {
      const items: Array<Item> = []
      this.#need("{")
      while (!this.#take("}")) {
        if (!this.#take(";")) items.push(this.#entry())
      }
      return items
    })
  }

  /** A declaration or an assignment. */
  #entry(): Item {
    const place = this.#place
    const isPath = this.#token.kind === "word" || this.#token.kind === "string"
    if (isPath && [".", "=", ":="].includes(this.#peek(1).text) && this.#peek(1).kind === "sign") {
      return this.#assignment(place)
    }
    if (this.#take("typealias")) return this.#alias(place)
    const isFirst = this.#take("typedef")
    const { type, name, isTypedef } = this.#specifier(true)
    const declarators = this.#declarators(type, name)
    this.#need(";")
    return { kind: isFirst || isTypedef ? "typedef" : "member", type, declarators, place }
  }

  #assignment(place: Placed): Item {
    const path = this.#path().join(".")
    if (this.#take(":=")) {
      const { type } = this.#specifier(false)
      this.#need(";")
      return { kind: "type", path, type, place }
    }
    this.#need("=")
    const value = this.#value()
    this.#need(";")
    return { kind: "value", path, value, place }
  }

  #path(): ReadonlyArray<string> {
    const names: Array<string> = []
    do {
      const { kind, text } = this.#token
      if (kind !== "word" && kind !== "string") throw this.#unexpected("a name")
      this.#at++
      names.push(text)
    } while (this.#take("."))
    return names
  }

  #value(): Value {
    const place = this.#place
    if (this.#take("(")) {
      const value = this.#nested(() => this.#value())
      this.#need(")")
      return value
    }
    const isNegative = this.#take("-")
    if (isNegative || this.#take("+") || this.#token.kind === "integer") {
      return { kind: "integer", value: isNegative ? -this.#integer() : this.#integer(), place }
    }
    const { kind, text } = this.#token
    if (kind === "string" || kind === "character") {
      this.#at++
      return { kind: "string", text, place }
    }
    if (kind !== "word") throw this.#unexpected("a number, a text or a name")
    return { kind: "path", names: this.#path(), place }
  }

  #integer(): bigint {
    if (this.#take("(")) {
      const inner = this.#nested(() => this.#signed())
      this.#need(")")
      return inner
    }
    const { kind, value } = this.#token
    if (kind !== "integer") throw this.#unexpected("an integer")
    this.#at++
    return value
  }

  #signed(): bigint {
    if (this.#take("-")) return -this.#integer()
    this.#take("+")
    return this.#integer()
  }

  #alias(place: Placed): Item {
    const { type } = this.#specifier(false)
    const declarator = this.#declarator(undefined, true)
    this.#need(":=")
    const words: Array<string> = []
    const at = this.#token
    while (this.#token.kind === "word") words.push(this.#word("a name"))
    if (words.length === 0) throw this.#unexpected("the name of a type")
    if (words.some((word) => keywords.has(word) && !basicWords.has(word))) {
      throw syntax(at, `expected the name of a type, found ${JSON.stringify(words.join(" "))}`)
    }
    while (this.#is("*")) {
      this.#at++
      words.push("*")
      while (this.#take("const"));
    }
    this.#need(";")
    return { kind: "alias", type, declarator, name: words.join(" "), place }
  }

  /** A type; and the word after it that is the first declarator's name, if it has been taken already. */
  #specifier(hasDeclarator: boolean): { type: TypeSyntax; name: string | undefined; isTypedef: boolean } {
    return this.#nested(() => {
      const place = this.#place
      let isTypedef = false
      const words: Array<string> = []
      while (this.#token.kind === "word" && !compounds.has(this.#token.text)) {
        const found = this.#token
        if (found.text === "typedef") {
          isTypedef = true
        } else {
          if (keywords.has(found.text) && !basicWords.has(found.text)) throw this.#unexpected("a type")
          words.push(found.text)
        }
        this.#at++
      }
      if (this.#token.kind === "word" && words.every((word) => word === "const")) {
        const type = this.#compound()
        while (this.#take("const"));
        isTypedef ||= this.#take("typedef")
        return { type, name: undefined, isTypedef }
      }
      const isNamed = hasDeclarator && words.length > 0 && !this.#is("*") && !this.#is("(")
      const name = isNamed ? words.pop() : undefined
      if (words.length === 0 || (name !== undefined && keywords.has(name))) {
        throw this.#unexpected(words.length === 0 ? "a type and a name" : "a name")
      }
      if (!hasDeclarator && this.#token.kind === "word") throw this.#unexpected("the end of a type")
      return { type: { kind: "named", words, place }, name, isTypedef }
    })
  }

  #compound(): TypeSyntax {
    const place = this.#place
    const keyword = this.#word("a type")
    switch (keyword) {
      case "struct":
        return this.#structure(place)
      case "variant":
        return this.#variant(place)
      case "enum":
        return this.#enumeration(place)
      case "string":
        return { kind: "string", attributes: this.#is("{") ? this.#attributes() : [], place }
      default:
        return { kind: keyword === "integer" ? "integer" : "float", attributes: this.#attributes(), place }
    }
  }

  #attributes(): ReadonlyArray<Attribute> {
    const attributes: Array<Attribute> = []
    this.#need("{")
    while (!this.#take("}")) {
      const place = this.#place
      const name = this.#path().join(".")
      this.#need("=")
      attributes.push({ name, value: this.#value(), place })
      this.#need(";")
    }
    return attributes
  }

  #optionalName(): string | undefined {
    return this.#token.kind === "word" ? this.#name("a name that is no keyword") : undefined
  }

  #structure(place: Placed): TypeSyntax {
    const name = this.#optionalName()
    if (!this.#is("{")) {
      if (name === undefined) throw this.#unexpected("a name or `{`")
      return { kind: "structure", name, body: undefined, alignment: undefined, place }
    }
    const body = this.#body()
    let alignment: bigint | undefined
    if (this.#take("align")) {
      this.#need("(")
      alignment = this.#alignment()
      this.#need(")")
    }
    return { kind: "structure", name, body, alignment, place }
  }

  #alignment(): bigint {
    const value = this.#value()
    if (value.kind !== "integer") throw invalid(value.place, "expected an alignment in bits")
    return value.value
  }

  #variant(place: Placed): TypeSyntax {
    const name = this.#optionalName()
    let tag: ReadonlyArray<string> | undefined
    if (this.#take("<")) {
      if (this.#token.kind !== "word") throw this.#unexpected("the path of a tag")
      tag = this.#path()
      this.#need(">")
    }
    const body = this.#is("{") ? this.#body() : undefined
    if (body === undefined && (name === undefined || tag === undefined)) {
      throw this.#unexpected(name === undefined ? "`{`" : "`<` and a tag, or `{`")
    }
    return { kind: "variant", name, tag, body, place }
  }

  #enumeration(place: Placed): TypeSyntax {
    const name = this.#optionalName()
    const container = this.#take(":") ? this.#specifier(false).type : undefined
    if (!this.#is("{")) {
      if (name === undefined || container !== undefined) throw this.#unexpected("`{`")
      return { kind: "enumeration", name, container, enumerators: undefined, place }
    }
    this.#need("{")
    const enumerators: Array<Enumerator> = []
    do {
      if (enumerators.length > 0 && this.#is("}")) break
      enumerators.push(this.#enumerator())
    } while (this.#take(","))
    this.#need("}")
    return { kind: "enumeration", name, container, enumerators, place }
  }

  #enumerator(): Enumerator {
    const place = this.#place
    const { kind, text } = this.#token
    if (kind !== "word" && kind !== "string") throw this.#unexpected("a label")
    this.#at++
    if (!this.#take("=")) return { label: text, lower: undefined, upper: undefined, place }
    const lower = this.#signed()
    return { label: text, lower, upper: this.#take("...") ? this.#signed() : lower, place }
  }

  /** `name`: that of the first declarator, if it was taken with the type. */
  #declarators(type: TypeSyntax, name: string | undefined): ReadonlyArray<Declarator> {
    const isTag = name === undefined && type.kind !== "named" && this.#is(";")
    if (isTag) return []
    const declarators = [this.#declarator(name, false)]
    while (this.#take(",")) declarators.push(this.#declarator(undefined, false))
    return declarators
  }

  #declarator(taken: string | undefined, isAbstract: boolean): Declarator {
    return this.#nested(() => {
      const place = this.#place
      let pointerCount = 0
      while (this.#take("*")) {
        pointerCount++
        while (this.#take("const"));
      }
      if (this.#take("(")) {
        const inner = this.#declarator(undefined, isAbstract)
        this.#need(")")
        const lengths = [...inner.lengths, ...this.#lengths()]
        return { ...inner, pointerCount: pointerCount + inner.pointerCount, lengths }
      }
      const name = taken ?? (isAbstract ? undefined : this.#name("a name"))
      return { pointerCount, name, lengths: this.#lengths(), place }
    })
  }

  #lengths(): ReadonlyArray<Value> {
    const lengths: Array<Value> = []
    while (this.#take("[")) {
      const value = this.#value()
      lengths.push(value.kind === "string" ? { kind: "path", names: [value.text], place: value.place } : value)
      this.#need("]")
    }
    return lengths
  }
}
