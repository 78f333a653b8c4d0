/** An address, or a range in CIDR notation, as a text that is checked: in rules for access, and for balancers. */
import { Schema } from "effect"
import * as Addresses from "../protocol/Addresses.ts"

export const AddressRange = Schema.String.check(
  Schema.makeFilter(
    (text: string) => Addresses.range(text) !== undefined || "Expected an address, or a range like 10.0.0.0/8"
  )
)
