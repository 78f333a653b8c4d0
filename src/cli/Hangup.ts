/** Keeps a command that uses no terminal from ending when the terminal of whoever started it is closed. */
import * as Terminal from "../config/Terminal.ts"

/** To be called as early as can be. */
export const outlive = (): void => {
  if (!Terminal.isUsed()) process.on("SIGHUP", () => {})
}
