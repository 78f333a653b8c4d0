/** The words of TSDL that are no names. */

export const basicWords = new Set(
  "void char short int long float double signed unsigned _Bool _Complex _Imaginary const".split(" ")
)
/** All words that cannot be names, basic words included. */
export const keywords = new Set([
  ...basicWords,
  ..."align callsite clock enum env event floating_point integer stream string struct trace".split(" "),
  ..."typealias typedef variant".split(" ")
])
/** Words that begin a type. */
export const compounds = new Set(["struct", "variant", "enum", "integer", "floating_point", "string"])
