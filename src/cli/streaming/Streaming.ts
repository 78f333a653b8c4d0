/** What `replay` and `load` share: where to stream to, as which host, live or not. */
import { Effect, Option } from "effect"
import { Argument, Flag } from "effect/cli"
import * as Target from "../../target/Target.ts"
import * as Flags from "../Flags.ts"
import * as Terms from "../Terms.ts"
import * as TlsFlags from "../TlsFlags.ts"

export const url = Argument.String("url").pipe(
  Argument.withDescription(
    "net://HOST[:CONTROL[:DATA]][/SUBDIR], the same with tls://, or tcp://HOST[:PORT] with --data-url"
  )
)

export const flags = {
  ...TlsFlags.flags,
  dataUrl: Flag.String("data-url").pipe(
    Flag.optional,
    Flag.withDescription("tcp://HOST[:PORT] of the data port, for a control URL of tcp://")
  ),
  hostname: Flag.String("hostname").pipe(
    Flag.optional,
    Flag.withDescription("Stream as this host (default: this one)")
  ),
  session: Flag.String("session").pipe(Flag.optional, Flag.withDescription("Name of the session")),
  live: Flags.timer("live").pipe(
    Flag.optional,
    Flag.withDescription("Stream live sessions with this timer, as 1s or 200ms")
  )
}

/** The member under its name, or nothing: absent options must be absent members. */
export const given = <K extends string, A>(name: K, option: Option.Option<A>): { readonly [N in K]?: A } =>
  Option.isSome(option) ? ({ [name]: option.value } as { readonly [N in K]: A }) : {}

export const target = (options: Flags.Given<typeof flags> & { readonly url: string }) =>
  Effect.flatMap(Terms.identityOf(options), (tls) =>
    Target.make({
      url: options.url,
      ...given("dataUrl", options.dataUrl),
      ...given("hostname", options.hostname),
      ...(tls === undefined ? {} : { tls })
    })
  )
