/** A file of its own: a relay without TLS, which answers with this error, loads none of the runtime's TLS. */
import { Schema } from "effect"

/** A certificate, key or authority that the system cannot use, or that do not fit together. */
export class TlsRefused extends Schema.TaggedError<TlsRefused>()("TlsRefused", { reason: Schema.String }) {
  override get message(): string {
    return `TLS: ${this.reason}`
  }
}
