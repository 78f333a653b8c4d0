/** `lttng-relay certs`: certificates for people without an authority of their own, and the commands that use them. */
import { hostname } from "node:os"
import { resolve } from "node:path"
import { Console, Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as Output from "../Output.ts"
import * as Paths from "../Paths.ts"
import * as Authority from "./Authority.ts"
import { daysUntil, endOf } from "./Certificate.ts"
import type { Kind, Made } from "./Request.ts"
import * as Revocation from "./Revocation.ts"

const directory = Paths.directoryArgument("dir").pipe(
  Argument.withDescription("Where the authority's files are: keep ca.key there, and from everybody")
)
const name = Argument.String("name").pipe(
  Argument.withDescription("Of the host or person: letters, digits, dots, dashes")
)

const subcommand = Command.make

/** A word for a shell, quoted if the shell would take it apart. */
const word = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)

const namesDefault = (): string => [...new Set([hostname(), "localhost", "127.0.0.1", "::1"])].join(",")

const listOf = (names: string): ReadonlyArray<string> =>
  names
    .split(",")
    .map((text) => text.trim())
    .filter((text) => text !== "")

const names = Flag.String("names").pipe(
  Flag.withDefault(namesDefault()),
  Flag.withDescription("Names and addresses the relay is reached by, with commas (default: this host's and localhost)")
)

const init = subcommand("init", { directory, names }, (input) =>
  Output.reported(
    Effect.gen(function* () {
      const { authority, relay } = yield* Authority.init(resolve(input.directory), listOf(input.names))
      yield* Console.log(
        `lttng-relayd --tls=require --tls-cert=${word(relay.certificate)} --tls-key=${word(relay.key)} ` +
          `--tls-client-ca=${word(authority.certificate)}`
      )
    })
  )
).pipe(
  Command.withDescription(
    "An authority, unless there is one, and a relay's certificate; prints how to start the relay with them"
  )
)

const flagsOf = (made: Made, authority: string) =>
  `--tls-ca=${word(authority)} --tls-cert=${word(made.certificate)} --tls-key=${word(made.key)}`

const target = subcommand("target", { name, directory }, (input) =>
  Output.reported(
    Effect.gen(function* () {
      const made = yield* Authority.client(resolve(input.directory), "target", input.name)
      const flags = flagsOf(made, resolve(input.directory, "ca.pem"))
      yield* Console.log(`lttng-relay tunnel --to=tls://RELAY:5342 ${flags}`)
      yield* Console.log("lttng create demo --set-url=net://localhost")
    })
  )
).pipe(Command.withDescription("A traced host's certificate; prints how to send its traces with it"))

const viewer = subcommand("viewer", { name, directory }, (input) =>
  Output.reported(
    Effect.gen(function* () {
      const made = yield* Authority.client(resolve(input.directory), "viewer", input.name)
      const flags = flagsOf(made, resolve(input.directory, "ca.pem"))
      yield* Console.log(`lttng-relay sessions tls://RELAY:5344 ${flags}`)
      yield* Console.log(`lttng-relay follow tls://RELAY:5344/host/HOST/SESSION ${flags}`)
    })
  )
).pipe(Command.withDescription("A viewer's certificate; prints how to watch with it"))

const kind = Argument.Literals("kind", ["target", "viewer"]).pipe(Argument.withDescription("What it was made for"))

const day = (millis: number) => new Date(millis).toISOString().slice(0, 10)

/** Renewal is advised so early; the relay's log and `--check` begin then, too. */
const soonDays = 30

const renewCommandOf = (file: string, at: string): string => {
  const client = /^(target|viewer)-(.+)\.pem$/.exec(file)
  const what = client === null ? (file === "ca.pem" ? "authority" : "relay") : `${client[1]} ${client[2]}`
  return `lttng-relay certs renew ${what} ${word(at)}`
}

const listed = (at: string, { endMillis, file, isRevoked, names }: Authority.Kept): string => {
  const days = daysUntil(endMillis)
  const until = `${days < 0 ? "over since" : "until"} ${day(endMillis)}`
  const left = days < 0 ? "" : `, ${Output.plural(days, "day")}`
  const advice = days < soonDays ? `: ${renewCommandOf(file, at)}` : ""
  const state = isRevoked ? "revoked" : `${until}${left}${advice}`
  return [file, names.join(","), state].filter((part) => part !== "").join("  ")
}

const list = subcommand("list", { directory, json: Output.jsonFlag }, ({ directory, json }) =>
  Output.reported(
    Effect.gen(function* () {
      const kept = yield* Authority.list(resolve(directory))
      if (kept.length === 0) yield* Output.tell(`no certificates in ${directory}`)
      for (const one of kept) {
        yield* json ? Output.printJson(one) : Console.log(listed(directory, one))
      }
    })
  )
).pipe(Command.withDescription("What certificates there are, and until when; what ends first comes first"))

/** Renews a certificate; prints where it is, and until when it is good. */
const renewal = (renewed: Effect.Effect<Made, Error>, advice: string) =>
  Output.reported(
    Effect.gen(function* () {
      const { certificate } = yield* renewed
      yield* Console.log(`${certificate} is good until ${day(yield* endOf(certificate))}`)
      yield* Console.log(advice)
    })
  )

const newNames = Flag.String("names").pipe(
  Flag.optional,
  Flag.withDescription("Names and addresses the relay is reached by from now on, with commas (default: those it has)")
)

const renewRelay = subcommand("relay", { directory, names: newNames }, ({ directory, names }) =>
  renewal(
    Authority.renewRelay(resolve(directory), Option.getOrUndefined(Option.map(names, listOf))),
    "A relay that has it reads it again now; open connections go on"
  )
).pipe(Command.withDescription("The relay's"))

const renewClient = (kind: Kind, description: string) =>
  subcommand(kind, { name, directory }, ({ directory, name }) =>
    renewal(
      Authority.renewClient(resolve(directory), kind, name),
      "Copy it to where it is used: its key is the same, and a tunnel shows it from the next connection on"
    )
  ).pipe(Command.withDescription(description))

const renewAuthority = subcommand("authority", { directory }, ({ directory }) =>
  renewal(
    Authority.renewAuthority(resolve(directory)),
    "Copy it to wherever the one before is, in time: what it has signed is good with either"
  )
).pipe(Command.withDescription("The authority's own"))

const renew = subcommand("renew").pipe(
  Command.withDescription("Another certificate of the same key and name, in the place of one that ends soon"),
  Command.withSubcommands([
    renewRelay,
    renewClient("target", "A traced host's"),
    renewClient("viewer", "A viewer's"),
    renewAuthority
  ])
)

const revoke = subcommand("revoke", { kind, name, directory }, (input) =>
  Output.reported(
    Effect.gen(function* () {
      const list = yield* Revocation.revoke(resolve(input.directory), input.kind, input.name)
      yield* Console.log(`lttng-relayd … --tls-crl=${word(list)}`)
      yield* Console.log("A relay that has this list already reads it again now; open connections go on")
    })
  )
).pipe(Command.withDescription("Have relays let a certificate in no more: a list of all that are revoked"))

export const command = Command.make("certs").pipe(
  Command.withDescription("Make certificates for a relay, its targets and viewers, by openssl"),
  Command.withSubcommands([init, target, viewer, list, renew, revoke]),
  Command.withExamples([
    { command: "lttng-relay certs init --names=relay.example,192.0.2.7 pki", description: "An authority and a relay" },
    { command: "lttng-relay certs target web1 pki", description: "A traced host" },
    { command: "lttng-relay certs viewer alice pki", description: "Somebody who watches" },
    { command: "lttng-relay certs list pki", description: "Until when each is good" },
    { command: "lttng-relay certs renew relay pki", description: "Before it ends" },
    { command: "lttng-relay certs revoke target web1 pki", description: "A host that is gone" }
  ])
)
