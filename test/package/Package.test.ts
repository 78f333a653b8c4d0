/**
 * The package as it is published: a project with declarations compiles against it, with the oldest TypeScript that is
 * supported and with today's; so does what the documents show of programs. The examples compile and run in it as their
 * reader would run them.
 */
import { copyFileSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Package from "../support/package.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const compilers = {
  "TypeScript 5.8": here("older/node_modules/typescript/bin/tsc"),
  "TypeScript 7": here("../../node_modules/typescript/bin/tsc")
}

const options = {
  target: "ES2024",
  module: "NodeNext",
  types: ["node"],
  strict: true,
  exactOptionalPropertyTypes: true,
  declaration: true,
  emitDeclarationOnly: true,
  outDir: "out",
  rootDir: ".",
  allowImportingTsExtensions: true,
  // Declarations are checked, too: one that names what it leaves out is found by nobody else.
  skipLibCheck: false
}

const compile = (compiler: string, project: string) =>
  Process.attempt(process.execPath, [compiler, "-p", project], { timeoutSeconds: 300 })

/** Of the head of an index file (storage.md §5). */
const indexHeadBytes = 16

/** What the documents show of programs, each a module of its own. */
const writeDocumented = (directory: string) => {
  mkdirSync(directory)
  for (const document of ["README", "docs/embedding"]) {
    const text = readFileSync(here(`../../${document}.md`), "utf8")
    for (const [at, [, block = ""]] of [...text.matchAll(/^```ts\n(.*?)^```$/gms)].entries()) {
      writeFileSync(join(directory, `${document.replaceAll("/", "-")}-${at}.ts`), block)
    }
  }
}

const play = (project: string, example: string, ...args: ReadonlyArray<string>) =>
  Process.daemon(process.execPath, [join(project, "examples", `${example}.ts`), ...args], { cwd: project })

/** A live session streamed by one example to the relay of another, watched by a third. */
const recordAndWatch = (project: string) =>
  Effect.gen(function* () {
    const output = yield* Relays.temporaryDirectory("example")
    const embedded = yield* play(project, "01-embed", output)
    const said = yield* Process.said(embedded, /watch with.*\n/, { seconds: 60 })
    const streamingUrl = /net:\/\/127\.0\.0\.1:\d+:\d+/.exec(said)?.[0] ?? ""
    const liveUrl = /net:\/\/127\.0\.0\.1:\d+$/m.exec(said)?.[0] ?? ""
    const producing = yield* play(project, "02-produce", streamingUrl, "5")
    yield* Process.said(producing, /^streaming \S+\/example at .*\n/, { seconds: 60 })
    const isStored = (name: string, size: number) =>
      globSync(`**/${name}`, { cwd: output }).some((file) => statSync(join(output, file)).size > size)
    // Viewers are given a packet once its index has come.
    const isFirst = () => isStored("metadata", 0) && isStored("example_0.idx", indexHeadBytes)
    yield* Process.until("its first packet", isFirst)
    // Viewers have to come while it lasts, and take their time where the machine has too much to do.
    producing.signal("SIGSTOP")
    const listed = (yield* (yield* play(project, "03-view", liveUrl)).ended).stdout.trim()
    assert.match(listed, /^[^/]+\/example$/)
    const session = `${liveUrl}/host/${listed.split("/")[0]}/example`
    const decoding = yield* play(project, "05-events", session)
    const viewing = yield* play(project, "03-view", session)
    yield* Process.said(viewing, /^\+ .*\/example_0\n/m, { seconds: 60 })
    yield* Process.said(decoding, "load:tick", { seconds: 60 })
    producing.signal("SIGCONT")
    const viewed = yield* viewing.ended
    const produced = yield* producing.ended
    assert.strictEqual(produced.code, 0, produced.stderr)
    const [, eventCount, path = ""] = /^(\d+) events are stored in (.+)$/m.exec(produced.stdout) ?? []
    assert.isAbove(Number(eventCount), 0)
    const packetCount = Babeltrace.assertIndexed(join(output, path))
    assert.include(viewed.stdout, "+ ust/uid/0/64-bit/example_0\n")
    assert.match(viewed.stdout, new RegExp(`^example_0: ${packetCount} packets, \\d+ bytes$`, "m"))
    const decoded = yield* decoding.ended
    assert.strictEqual(decoded.code, 0, decoded.stderr)
    assert.lengthOf(decoded.stdout.match(/^\d+n load:tick /gm) ?? [], Number(eventCount))
    assert.include(viewed.stdout, "- ust/uid/0/64-bit/example_0\n")
  })

/** The program's own route, and the API of its relay. */
const askByHttp = (project: string) =>
  Effect.gen(function* () {
    const output = yield* Relays.temporaryDirectory("example")
    const serving = yield* play(project, "06-http", output, "0")
    const said = yield* Process.said(serving, /http:\/\/127\.0\.0\.1:\d+/, { seconds: 60 })
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0] ?? ""
    const ask = (path: string) => Effect.promise(() => fetch(url + path).then((answer) => answer.text()))
    assert.match(yield* ask("/"), /^record with: lttng create -U net:\/\/127\.0\.0\.1:\d+:\d+\n$/)
    assert.include(yield* ask("/api/v1/overview"), '"sessions":[]')
  })

describe("the package as it is published", () => {
  it.live(
    "compiles in a project with declarations, and its examples compile and run",
    () =>
      Effect.gen(function* () {
        const project = yield* Package.install
        copyFileSync(here("consumer.ts"), join(project, "consumer.ts"))
        writeDocumented(join(project, "documented"))
        const include = ["consumer.ts", "examples", "documented"]
        writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: options, include }))
        for (const [name, compiler] of Object.entries(compilers)) {
          const { code, stdout } = yield* compile(compiler, project)
          assert.strictEqual(code, 0, `${name}\n${stdout}`)
        }
        const tested = yield* (yield* play(project, "04-test")).ended
        assert.strictEqual(tested.code, 0, tested.stderr)
        assert.include(tested.stdout, "host/tested/ust/events_0 4096\n")
        assert.include(tested.stdout, "the relay refused ADD_STREAM")
        yield* recordAndWatch(project)
        yield* askByHttp(project)
      }),
    { timeout: 600_000 }
  )
})
