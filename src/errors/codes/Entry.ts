/** One row of the catalogue. */
export interface Entry {
  /** How loud: `debug` is what happens all the time. */
  readonly level: "debug" | "warning" | "error"
  /** What happened, as the log line begins. */
  readonly text: string
  /** What it means for traces and peers, and what can be done. */
  readonly remedy: string
}

export const entry = (level: Entry["level"], text: string, remedy: string): Entry => ({ level, text, remedy })
