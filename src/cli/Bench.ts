/**
 * `lttng-relay bench`: the benchmark. It is a program of its own, which imports from the toolbox; here is only its name
 * and where it is: beside the sources, or built beside the toolbox.
 */
import { Effect } from "effect"
import { Command } from "effect/cli"

const program = new URL(import.meta.url.endsWith(".ts") ? "../../bench/run.ts" : "../bench/run.js", import.meta.url)

interface Program {
  readonly main: (args: ReadonlyArray<string>, toolbox: string) => void
}

/** Hands the process over to the benchmark. */
export const run = async (args: ReadonlyArray<string>): Promise<void> => {
  const { main } = (await import(program.href)) as Program
  main(args, "lttng-relay")
}

/** Its place in the toolbox's help. */
export const command = Command.make("bench", {}, () => Effect.promise(() => run([]))).pipe(
  Command.withDescription("Measure relays: ours, LTTng's, or one that runs; on any disk, behind any network")
)
