/** Cuts growing text after the last complete declaration, at a `;` outside braces, texts and comments. */
import { advanced, type Start } from "../Lines.ts"

export interface Piece {
  readonly text: string
  readonly start: Start
}

const interesting = /["'{};]|\/[/*]|\/$/g

export class Splitter {
  #text = ""
  #start: Start = { line: 1, column: 1 }
  /** Index up to which the text was scanned, and how many braces are open there. */
  #at = 0
  #depth = 0

  /** The declarations that are complete now, if there are any. */
  append(text: string): Piece | undefined {
    this.#text += text
    const end = this.#scan()
    return end === 0 ? undefined : this.#cut(end)
  }

  /** The text that is left when nothing more comes. */
  end(): Piece {
    return this.#cut(this.#text.length)
  }

  #cut(end: number): Piece {
    const piece = { text: this.#text.slice(0, end), start: this.#start }
    this.#start = advanced(this.#start, piece.text)
    this.#text = this.#text.slice(end)
    this.#at = Math.max(0, this.#at - end)
    return piece
  }

  #scan(): number {
    let end = 0
    while (true) {
      interesting.lastIndex = this.#at
      const found = interesting.exec(this.#text)
      if (found === null) {
        this.#at = this.#text.length
        return end
      }
      this.#at = found.index
      const past = this.#past(found[0], found.index)
      // Only more text will show where it ends.
      if (past === undefined) return end
      this.#at = past
      if (found[0] === "{") this.#depth++
      if (found[0] === "}") this.#depth = Math.max(0, this.#depth - 1)
      if (found[0] === ";" && this.#depth === 0) end = past
    }
  }

  #past(sign: string, at: number): number | undefined {
    switch (sign) {
      case "/":
        return undefined
      case "/*":
        return this.#pastText("*/", at + 2)
      case "//":
        return this.#pastText("\n", at + 2)
      case '"':
      case "'":
        return this.#pastQuote(sign, at + 1)
      default:
        return at + 1
    }
  }

  #pastText(end: string, from: number): number | undefined {
    const found = this.#text.indexOf(end, from)
    return found === -1 ? undefined : found + end.length
  }

  #pastQuote(quote: string, from: number): number | undefined {
    for (let at = from; at < this.#text.length; at++) {
      const character = this.#text[at]
      // A text may go on in the next line. More often there is a quote too many, which the reader should report now.
      if (character === quote || character === "\n") return at + 1
      if (character === "\\") at++
    }
    return undefined
  }
}
