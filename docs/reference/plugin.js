/**
 * Two places of comments that the generator does not know: the head of a file, which says what its module is for, and the
 * statement that exports several names of one structure.
 */
import { Comment, Converter, ReflectionKind } from "typedoc"
import ts from "typescript"

const headOf = (text = "") => /^(?:#!.*\n)?\/\*\*([\s\S]*?)\*\//.exec(text)?.[1]
const commentOf = (text) => {
  const plain = text?.replace(/^ ?\*? ?/gm, "").trim()
  return plain === undefined ? undefined : new Comment([{ kind: "text", text: plain }])
}

export const load = (app) => {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    const declarations = context.getSymbolFromReflection(reflection)?.declarations ?? []
    if (reflection.kindOf([ReflectionKind.Module, ReflectionKind.Namespace])) {
      reflection.comment ??= commentOf(headOf(declarations.find(ts.isSourceFile)?.text))
    }
    const statement = ts.findAncestor(declarations.find(ts.isBindingElement), ts.isVariableStatement)
    if (statement !== undefined) reflection.comment ??= commentOf(headOf(statement.getFullText().trimStart()))
  })
}
