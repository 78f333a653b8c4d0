/** Cuts growing text after the last complete declaration, at a `;` outside braces, texts and comments. */
import { advanced, type Start } from "../Lines.ts"

export interface Piece {
  readonly text: string
  readonly start: Start
}

/** What ends that in which a scan stands: a comment, the rest of a line, a text. */
type End = "*/" | "\n" | '"' | "'"

const signs = /["'{};]|\/[/*]/g
const ends: Record<End, RegExp> = {
  "*/": /\*\//g,
  "\n": /\n/g,
  // A text may go on in the next line. More often there is a quote too many, which the reader should report now.
  '"': /\\[\s\S]|["\n]/g,
  "'": /\\[\s\S]|['\n]/g
}
/** The first character of a sign of two, as the last there is. */
const half: Record<"" | End, string> = { "": "/", "*/": "*", "\n": "", '"': "\\", "'": "\\" }

/** Each character is looked at once, however many pieces a declaration comes in. */
export class Splitter {
  #text = ""
  #start: Start = { line: 1, column: 1 }
  /** In what the scan stands at the end of the text, and how many braces are open there. */
  #inside: "" | End = ""
  #depth = 0
  /** The last character, if it may be half a sign; it is in `#text` too. */
  #carried = ""

  /** The declarations that are complete now, if there are any. */
  append(text: string): Piece | undefined {
    const before = this.#text.length - this.#carried.length
    const end = this.#scan(this.#carried + text)
    this.#text += text
    return end === 0 ? undefined : this.#cut(before + end)
  }

  /** The text that is left when nothing more comes. */
  end(): Piece {
    return this.#cut(this.#text.length)
  }

  #cut(end: number): Piece {
    const piece = { text: this.#text.slice(0, end), start: this.#start }
    this.#start = advanced(this.#start, piece.text)
    this.#text = this.#text.slice(end)
    return piece
  }

  /** Where the last declaration in the text that is complete ends; 0 if none is. */
  #scan(text: string): number {
    let end = 0
    let at = 0
    while (true) {
      const pattern = this.#inside === "" ? signs : ends[this.#inside]
      pattern.lastIndex = at
      const found = pattern.exec(text)
      if (found === null) break
      const [sign] = found
      at = pattern.lastIndex
      if (this.#inside === "") {
        this.#enter(sign)
        if (sign === ";" && this.#depth === 0) end = at
      } else if (!sign.startsWith("\\")) this.#inside = ""
    }
    const last = text.slice(at).slice(-1)
    this.#carried = last === half[this.#inside] ? last : ""
    return end
  }

  #enter(sign: string): void {
    if (sign === "{") this.#depth++
    if (sign === "}") this.#depth = Math.max(0, this.#depth - 1)
    if (sign === "/*") this.#inside = "*/"
    if (sign === "//") this.#inside = "\n"
    if (sign === '"' || sign === "'") this.#inside = sign
  }
}
