/** The colours of babeltrace2's text on a terminal; of none of them, nothing is written. */
import { encoded } from "./Bytes.ts"

export interface Colors {
  readonly time: Uint8Array
  readonly event: Uint8Array
  /** Of a field. */
  readonly name: Uint8Array
  /** Of a scope, or of what stands before the fields. */
  readonly label: Uint8Array
  readonly value: Uint8Array
  readonly unknown: Uint8Array
  readonly reset: Uint8Array
}

const nothing = new Uint8Array(0)

export const none: Colors = {
  time: nothing,
  event: nothing,
  name: nothing,
  label: nothing,
  value: nothing,
  unknown: nothing,
  reset: nothing
}

const bold = "\u001b[1m"

export const terminal: Colors = {
  time: encoded(`${bold}${bold}\u001b[33m`),
  event: encoded(`${bold}${bold}\u001b[35m`),
  name: encoded("\u001b[36m"),
  label: encoded(bold),
  value: encoded(bold),
  unknown: encoded(`${bold}${bold}\u001b[31m`),
  reset: encoded("\u001b[0m")
}
