/** `lttng-relay support`: what a report of a fault needs of a running relay, in one archive. */
import { open, rm } from "node:fs/promises"
import { pipeline } from "node:stream/promises"
import { Console, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { type Pack, pack } from "tar-stream"
import * as SystemError from "../../errors/SystemError.ts"
import { wallMillis } from "../../Machine.ts"
import type * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import * as Paths from "../Paths.ts"
import * as Operator from "./Operator.ts"

const config = {
  ...Operator.flags,
  output: Paths.fileFlag("output").pipe(
    Flag.optional,
    Flag.withDescription("The archive (default: lttng-relay-support-TIME.tar here); nothing is overwritten")
  ),
  json: Output.jsonFlag
}

type Input = Flags.Given<typeof config>

/** Entries on a page of a list: the most that may be asked for. */
const limit = 1000

const pretty = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

const parts = ({ daemon, relay, sessions }: Operator.Client, text: Operator.Text) => {
  const json = <A, E>(effect: Effect.Effect<A, E>) => Effect.map(effect, pretty)
  return {
    "process.json": json(relay.process()),
    "configuration.json": json(daemon.configuration()),
    "readiness.json": text("/readyz"),
    "metrics.txt": text("/metrics"),
    "counters.json": json(relay.counters()),
    "activity.json": json(relay.activity()),
    "drain.json": json(relay.draining()),
    "sessions.json": json(sessions.list({ query: { limit } })),
    "connections.json": json(relay.connections({ query: { limit } })),
    "closed-connections.json": json(relay.connections({ query: { limit, state: "closed" } })),
    "log.txt": Effect.map(daemon.log(), ({ lines }) => lines.map((line) => `${line}\n`).join(""))
  } satisfies Record<string, Effect.Effect<string, unknown>>
}

const nameOf = (now: Date): string => `lttng-relay-support-${now.toISOString().replaceAll(/[-:]|\.\d+/g, "")}`

/** Writes a new file: one that exists stays as it is, and a failure leaves none. */
const write = async (archive: Pack, path: string): Promise<void> => {
  const file = await open(path, "wx")
  try {
    await pipeline(archive, file.createWriteStream())
  } catch (cause) {
    await rm(path, { force: true })
    throw cause
  }
}

const run = (input: Input) =>
  Operator.withClient(input, (client, text) =>
    Effect.gen(function* () {
      const now = new Date(wallMillis())
      const name = nameOf(now)
      const path = Option.getOrElse(input.output, () => `${name}.tar`)
      // A relay that cannot be reached leaves no archive.
      yield* client.relay.process()
      const archive = pack()
      const missing: Array<string> = []
      for (const [member, part] of Object.entries(parts(client, text))) {
        const found = yield* Effect.result(part)
        const isThere = found._tag === "Success"
        if (!isThere) missing.push(member)
        const content = isThere ? found.success : `${Operator.wordsOf(found.failure, input)}\n`
        archive.entry({ name: `${name}/${member}${isThere ? "" : ".missing"}`, mtime: now }, content)
      }
      archive.finalize()
      yield* Effect.tryPromise({
        try: () => write(archive, path),
        catch: (cause) => new Error(`${path}: ${SystemError.reasonOf(cause)}`)
      })
      if (input.json) return yield* Output.printJson({ path, missing })
      yield* Console.log(`${path}${missing.length === 0 ? "" : `, without ${missing.join(", ")}`}`)
    })
  )

export const command = Command.make("support", config, (input) => Output.reported(run(input))).pipe(
  Command.withDescription(
    "Collect what a fault report needs into one tar: configuration, metrics, sessions, connections, last log lines"
  ),
  Command.withExamples([
    { command: "lttng-relay support http://localhost:5345", description: "Look through it before you send it" },
    { command: "lttng-relay support unix:///run/relay.sock --output=relay.tar", description: "Under another name" }
  ])
)
