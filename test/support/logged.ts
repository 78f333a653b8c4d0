/** What is logged, as a value. */
import { Logger, References } from "effect"

/** The text and the code of each line that is logged under `layer`. */
export const logged = () => {
  const lines: Array<string> = []
  const codes: Array<unknown> = []
  const logger = Logger.make(({ fiber, message }) => {
    lines.push(String(message))
    codes.push(fiber.getRef(References.CurrentLogAnnotations).code)
  })
  return { codes, lines, layer: Logger.layer([logger]) }
}
