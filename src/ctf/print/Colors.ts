/** The colours of babeltrace2's text on a terminal, as escape sequences; all are empty if there are no colours. */
export interface Colors {
  readonly time: string
  readonly event: string
  /** The name of a field. */
  readonly name: string
  /** The name of a scope, or of what is before the fields. */
  readonly label: string
  readonly value: string
  readonly unknown: string
  readonly reset: string
}

export const none: Colors = {
  time: "",
  event: "",
  name: "",
  label: "",
  value: "",
  unknown: "",
  reset: ""
}

const bold = "\u001b[1m"

export const terminal: Colors = {
  time: `${bold}${bold}\u001b[33m`,
  event: `${bold}${bold}\u001b[35m`,
  name: "\u001b[36m",
  label: bold,
  value: bold,
  unknown: `${bold}${bold}\u001b[31m`,
  reset: "\u001b[0m"
}
