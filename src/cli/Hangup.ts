/** What ends a command when its terminal is closed, or the terminal of whoever started it: nothing that has none. */
import * as Terminal from "../config/Terminal.ts"

/** As early as can be. */
export const outlive = (): void => {
  if (!Terminal.isUsed()) process.on("SIGHUP", () => {})
}
