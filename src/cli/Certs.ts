/** `lttng-relay certs`: certificates for people without an authority of their own, and the commands that use them. */
import { hostname } from "node:os"
import { resolve } from "node:path"
import { Console, Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as Authority from "./Authority.ts"
import * as Output from "./Output.ts"

const directory = Argument.String("dir").pipe(
  Argument.withDescription("Where the authority's files are: keep ca.key there, and from everybody")
)
const name = Argument.String("name").pipe(
  Argument.withDescription("Of the host or person: letters, digits, dots, dashes")
)

const subcommand = Command.make

const namesDefault = (): string => [...new Set([hostname(), "localhost", "127.0.0.1", "::1"])].join(",")

const names = Flag.String("names").pipe(
  Flag.withDefault(namesDefault()),
  Flag.withDescription("Names and addresses the relay is reached by, with commas (default: this host's and localhost)")
)

const init = subcommand("init", { directory, names }, (input) =>
  Output.reported(
    Effect.gen(function* () {
      const listed = input.names.split(",").filter((text) => text !== "")
      const { authority, relay } = yield* Authority.init(resolve(input.directory), listed)
      yield* Console.log(
        `lttng-relayd --tls=require --tls-cert=${relay.certificate} --tls-key=${relay.key} ` +
          `--tls-client-ca=${authority.certificate}`
      )
    })
  )
).pipe(Command.withDescription("An authority, and a relay's certificate; prints how to start the relay with them"))

const flagsOf = (made: Authority.Made, authority: string) =>
  `--tls-ca=${authority} --tls-cert=${made.certificate} --tls-key=${made.key}`

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

const revoke = subcommand("revoke", { kind, name, directory }, (input) =>
  Output.reported(
    Effect.gen(function* () {
      const list = yield* Authority.revoke(resolve(input.directory), input.kind, input.name)
      yield* Console.log(`lttng-relayd … --tls-crl=${list}`)
      yield* Console.log("A relay that has this list already reads it again now; open connections go on")
    })
  )
).pipe(Command.withDescription("Have relays let a certificate in no more: a list of all that are revoked"))

export const command = Command.make("certs").pipe(
  Command.withDescription("Make certificates for a relay, its targets and viewers, by openssl"),
  Command.withSubcommands([init, target, viewer, revoke]),
  Command.withExamples([
    { command: "lttng-relay certs init --names=relay.example,192.0.2.7 pki", description: "An authority and a relay" },
    { command: "lttng-relay certs target web1 pki", description: "A traced host" },
    { command: "lttng-relay certs viewer alice pki", description: "Somebody who watches" },
    { command: "lttng-relay certs revoke target web1 pki", description: "A host that is gone" }
  ])
)
