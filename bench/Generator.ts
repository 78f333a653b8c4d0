/**
 * The load generator as a command: the one in `native/`, compiled at the start, and for machines without a C compiler
 * the one in `portable/`.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { Effect } from "effect"
import * as Place from "./Place.ts"
import * as Process from "./Process.ts"

/** The command that starts a generator, and what the report calls it. */
export interface Generator {
  readonly command: readonly [string, ...Array<string>]
  /** For each run. */
  readonly settings: ReadonlyArray<string>
  readonly name: string
  /** It can speak TLS itself. */
  readonly hasTls: boolean
}

/** `loop` sends for all sessions from one event loop; `threads` has a blocking thread for each. */
export const kinds = ["loop", "threads"] as const
export type Kind = (typeof kinds)[number]

const portable: Generator = {
  command: [process.execPath, Place.program("portable/main")],
  settings: [],
  name: "the portable generator, which costs the machine more than the native one: there is no C compiler here",
  hasTls: false
}

/** Compiles the native generator into `folder`; without a compiler the portable one takes its place. */
export const build = (folder: string, kind: Kind = "loop"): Effect.Effect<Generator, Process.CannotRun> =>
  Effect.gen(function* () {
    const compiler = process.env.BENCH_PORTABLE === undefined ? ["cc", "gcc", "clang"].find(Process.has) : undefined
    if (compiler === undefined && kind === "threads") {
      return yield* new Process.CannotRun({ reason: "there is no C compiler for the generator with threads" })
    }
    if (compiler === undefined) return portable
    const { native } = Place
    const sources = fs.readdirSync(native).filter((file) => file.endsWith(".c"))
    const target = path.join(folder, "load")
    const files = sources.map((file) => path.join(native, file))
    const compiled = (...more: ReadonlyArray<string>) =>
      Process.run(compiler, ["-O2", "-pthread", "-o", target, ...files, ...more])
    const hasTls = (yield* compiled("-DSECURE", "-lssl", "-lcrypto")).code === 0
    const { code, output } = hasTls ? { code: 0, output: "" } : yield* compiled()
    if (code !== 0) return yield* new Process.CannotRun({ reason: `the load generator does not compile: ${output}` })
    const name = kind === "loop" ? "the native generator" : "the native generator, a blocking thread for each session"
    return { command: [target], settings: kind === "loop" ? [] : ["threads=1"], name, hasTls }
  })
