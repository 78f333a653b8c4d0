/** Whom a command trusts, and who it is, where its URL is `tls://` or `https://`. */
import { Effect, Option } from "effect"
import { Flag } from "effect/cli"
import { certificatesOf, matchKey } from "../config/Pem.ts"
import * as TextFile from "../config/TextFile.ts"
import type { ClientIdentity } from "../transport/tls/Tls.ts"
import type * as Flags from "./Flags.ts"
import { Misused } from "./Misused.ts"
import * as Paths from "./Paths.ts"

const path = (name: string, description: string) =>
  Paths.fileFlag(name).pipe(Flag.optional, Flag.withDescription(description))

export const flags = {
  tlsCa: path("tls-ca", "With TLS: PEM file of the authorities to trust (default: the runtime's own)"),
  tlsCert: path("tls-cert", "With TLS: PEM file of our certificate"),
  tlsKey: path("tls-key", "With TLS: PEM file of its key (default: in the file of --tls-cert)"),
  tlsName: Flag.String("tls-name").pipe(
    Flag.optional,
    Flag.withDescription("With TLS: the name the relay's certificate has (default: the host of the URL)")
  )
}

export type Given = Flags.Given<typeof flags>

/** The text of the file that a flag names; `look` throws what is wrong with it. */
const read = (flag: string, path: Option.Option<string>, look: (text: string) => unknown) =>
  Paths.optional(flag, path, (at) => {
    const text = TextFile.textOf(at)
    look(text)
    return text
  })

/** Whom to trust, and who we are; undefined: nothing was given. */
export const identityOf = ({ tlsCa, tlsCert, tlsKey, tlsName }: Given) =>
  Effect.gen(function* () {
    if ([tlsCa, tlsCert, tlsKey, tlsName].every(Option.isNone)) return undefined
    if (Option.isSome(tlsKey) && Option.isNone(tlsCert)) {
      return yield* Effect.fail(new Misused("--tls-key is of no use without --tls-cert"))
    }
    const ca = yield* read("tls-ca", tlsCa, certificatesOf)
    const certificate = yield* read("tls-cert", tlsCert, certificatesOf)
    const keyFlag = Option.isSome(tlsKey) ? "tls-key" : "tls-cert"
    const keyPath = Option.orElse(tlsKey, () => tlsCert)
    const key = yield* read(keyFlag, keyPath, (found) => matchKey(found, certificate ?? ""))
    const identity: ClientIdentity = { ca, certificate, key, serverName: Option.getOrUndefined(tlsName) }
    return identity
  })
