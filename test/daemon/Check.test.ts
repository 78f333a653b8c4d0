/** `--check` says all that would be wrong with a start, and leaves everything as it was. */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Daemons from "./daemons.ts"

const occupied = Effect.gen(function* () {
  const port = yield* Ports.free
  const server = createServer()
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(port, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.sync(() => server.close())
  )
  return port
})

/** Self-signed, valid between two times as ASN.1 writes them. */
const certificate = (home: string, name: string, from: string, to: string) =>
  Effect.gen(function* () {
    const directory = join(home, `ca-${name}`)
    mkdirSync(directory)
    writeFileSync(join(directory, "index"), "")
    const policy = "[p]\ncommonName = supplied\n"
    const section = "[a]\ndatabase = index\nnew_certs_dir = .\nrand_serial = yes\ndefault_md = sha256\npolicy = p\n"
    writeFileSync(join(directory, "conf"), `[ca]\ndefault_ca = a\n${section}${policy}`)
    const run = (command: string) => Process.run("sh", ["-c", command], { cwd: directory })
    yield* run(
      `openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -subj /CN=${name} -out request`
    )
    yield* run(
      `openssl ca -batch -notext -config conf -selfsign -keyfile key.pem -in request -startdate ${from} -enddate ${to} -out cert`
    )
    return { path: join(directory, "cert"), key: join(directory, "key.pem") }
  })

const treeOf = (directory: string) => readdirSync(directory, { recursive: true }).toSorted()

describe("lttng-relayd --check", () => {
  it.live("of options that would do ends with 0 and makes nothing, not even the output", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const args = ["--check", ...at.urls, "-o", join(at.home, "not", "yet"), "--pid-file", join(at.home, "pid")]
      const before = treeOf(at.home)
      const { code, stderr, stdout } = yield* Daemons.attempt("ours", at, args)
      assert.deepStrictEqual([code, stderr.replace(/^Warning: .*\n/gm, "")], [0, ""])
      assert.include(stdout, "Nothing keeps the relay from starting")
      assert.deepStrictEqual(treeOf(at.home), before)
      assert.isFalse(Daemons.listening(at))
    })
  )

  it.live("names everything that is wrong, whatever kind it is of", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const taken = yield* occupied
      writeFileSync(join(at.home, "file"), "in the way")
      writeFileSync(join(at.home, "token"), "\n")
      writeFileSync(join(at.home, "more.ini"), "[relayd]\nmemory-limit = much\nverbosity = 2\n")
      mkdirSync(join(at.home, ".lttng"))
      writeFileSync(join(at.home, ".lttng", "lttng.conf"), "[relayd]\nlive-cache = -1\n")
      const [, control = "", , data = ""] = at.urls
      const args = [
        ...["--check", "--no-such-option", "-C", control, "-D", data, "-L", `tcp://127.0.0.1:${taken}`],
        ...["-o", join(at.home, "file", "traces"), "--config", "more.ini", "--stop-timeout=soon", "--workers=-1"],
        ...["--http-port", `tcp://127.0.0.1:${at.ports[0]}`, "--http-token-file", "token", "-w", "/nowhere"],
        ...["--pid-file", "/nowhere/pid", "--log-file", "/nowhere/log"]
      ]
      const env = { LTTNG_RELAYD_HEALTH: join(at.home, "file") }
      const { code, stderr } = yield* Daemons.attempt("ours", at, args, { env })
      assert.strictEqual(code, 1)
      const expected = [
        "unrecognized option '--no-such-option'",
        "Wrong value in --live-cache parameter: -1",
        "Wrong value in --memory-limit parameter: much",
        'Warning: Unrecognized option "verbosity"',
        "Wrong value in --stop-timeout parameter: soon; --stop-timeout=SECONDS: Longest orderly stop",
        "Wrong value in --workers parameter: -1",
        "The working directory /nowhere is not there",
        "The PID file /nowhere/pid cannot be written",
        "The log file /nowhere/log cannot be written",
        `The health socket ${env.LTTNG_RELAYD_HEALTH} cannot be made: a file that is no socket is in its place`,
        `The output ${join(at.home, "file", "traces")} cannot be written`,
        `The HTTP token file ${join(at.home, "token")} is empty`,
        `The live port 127.0.0.1:${taken} is not to be had: Address already in use`,
        `The http port 127.0.0.1:${at.ports[0]} is not to be had: Address already in use`
      ]
      assert.deepStrictEqual(
        expected.filter((part) => !stderr.includes(part)),
        [],
        stderr
      )
      assert.strictEqual(stderr.match(/^Error: /gm)?.length, expected.length - 2, stderr)
    })
  )

  it.live("says each thing once", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const { code, stderr } = yield* Daemons.attempt("ours", at, ["--check", ...at.urls, "-o", "relative"])
      assert.deepStrictEqual(
        [code, stderr.match(/^Error: .*$/gm)?.map((line) => line.slice(0, 30))],
        [1, ["Error: Please specify an absol"]]
      )
    })
  )

  it.live("a socket at which somebody answers is among it, one that was left is not", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const socket = join(at.home, "http")
      const flag = `--http-port=unix://${socket}`
      const { running } = yield* Daemons.runForeground([flag])
      yield* Process.until("the socket", () => existsSync(socket))
      const check = () => Daemons.attempt("ours", at, ["--check", ...at.urls, flag])
      assert.include((yield* check()).stderr, `The http socket ${socket} cannot be made: Address already in use`)
      running.signal("SIGKILL")
      yield* running.ended
      const { code, stderr } = yield* check()
      assert.deepStrictEqual([code, existsSync(socket)], [0, true], stderr)
    })
  )

  it.live("names that do not resolve are among it", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const args = ["--check", "-C", "tcp://no.such.host.invalid:5342", "-D", "tcp://also.not.invalid:5343"]
      const { code, stderr } = yield* Daemons.attempt("ours", at, args)
      assert.strictEqual(code, 1)
      for (const host of ["no.such.host.invalid", "also.not.invalid"]) assert.include(stderr, host)
    })
  )

  it.live(
    "so are certificates out of their time, wherever in a file, a foreign key, rules that are none, paths that lead nowhere",
    () =>
      Effect.gen(function* () {
        const at = yield* Daemons.place
        const good = yield* certificate(at.home, "good", "20200101000000Z", "20990101000000Z")
        const old = yield* certificate(at.home, "old", "20200101000000Z", "20210101000000Z")
        const early = yield* certificate(at.home, "early", "20980101000000Z", "20990101000000Z")
        const chain = join(at.home, "chain.pem")
        writeFileSync(chain, `${readFileSync(good.path, "utf8")}${readFileSync(old.path, "utf8")}`)
        writeFileSync(
          join(at.home, "rules.json"),
          JSON.stringify({ principals: [], rules: [{ principals: ["ghost"] }] })
        )
        symlinkSync("loop", join(at.home, "loop"))
        mkdirSync(join(at.home, "directory"))
        const args = [
          ...["--check", ...at.urls, "-o", join(at.home, "loop", "traces"), "-w", join(at.home, "loop")],
          ...["--tls-cert", chain, "--tls-key", old.key, "--tls-client-ca", early.path],
          ...["--access", join(at.home, "rules.json"), "--log-file", join(at.home, "directory")],
          `--http-port=unix://${join(at.home, "x".repeat(120))}`
        ]
        const { code, stderr } = yield* Daemons.attempt("ours", at, args)
        assert.strictEqual(code, 1, stderr)
        const expected = [
          `The TLS certificate ${chain} (CN=old) expired 2021-01-01`,
          `The TLS key ${old.key} is no use: that of certificate 2 in its file`,
          `The TLS authority ${early.path} (CN=early) is not valid before 2098-01-01`,
          "rules.json is no use: no principal is called ghost",
          `The log file ${join(at.home, "directory")} cannot be written: it is a directory`,
          `The working directory ${join(at.home, "loop")} is not there`,
          `The output ${join(at.home, "loop", "traces")} cannot be written: Too many levels of symbolic links`,
          "its path is longer than 107 bytes"
        ]
        assert.deepStrictEqual(
          expected.filter((part) => !stderr.includes(part)),
          [],
          stderr
        )
        assert.strictEqual(stderr.match(/^Error: /gm)?.length, expected.length, stderr)
      })
  )

  it.live("and principals that no peer can be, as it is started", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const { key, path } = yield* certificate(at.home, "good", "20200101000000Z", "20990101000000Z")
      const rules = join(at.home, "rules.json")
      const principals = [
        { name: "lab", addresses: ["10.0.0.0/8"] },
        { name: "web", names: ["URI:*"] }
      ]
      writeFileSync(rules, JSON.stringify({ principals, rules: [{ principals: ["lab", "web"], record: [{}] }] }))
      const tls = ["--tls-cert", path, "--tls-key", key, "--tls-client-ca", path]
      const start = ["--check", ...at.urls, "-o", at.home, "--access", rules]
      for (const [args, whom] of [
        [[], ["web"]],
        [tls.slice(0, 4), ["web"]],
        [["--proxy-from=10.0.0.1"], []],
        [["--proxy-from=10.0.0.1,0.0.0.0/0"], []],
        [tls, ["lab"]],
        [[...tls, "--tls=require,live=allow"], []],
        [[...tls, "--proxy-from=10.0.0.1"], []]
      ] as const) {
        const { code, stderr, stdout } = yield* Daemons.attempt("ours", at, [...start, ...args])
        assert.strictEqual(code, 0, stderr)
        const found = [...`${stderr}${stdout}`.matchAll(/rules\.json: nobody is (\w+): /g)].map(([, name]) => name)
        assert.deepStrictEqual(found, [...whom], args.join(" "))
        const isOpen = stderr.includes("--proxy-from has all addresses (0.0.0.0/0): everybody is believed")
        assert.strictEqual(isOpen, `${args}`.includes("/0"), stderr)
      }
    })
  )

  it.live("and each port that has no number", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const ports = ["-C", "tcp://127.0.0.1:0", "-D", "tcp://127.0.0.1:0", "-L", "tcp://127.0.0.1:0"]
      const { code, stderr } = yield* Daemons.attempt("ours", at, ["--check", "-o", at.home, ...ports])
      assert.strictEqual(code, 1)
      for (const name of ["control", "data", "live"]) assert.include(stderr, `Invalid ${name} URI specified`)
    })
  )
})

describe("lttng-relayd --check beside a relay that runs", () => {
  it.live("with the same output warns of what that one has, and finds no fault", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const http = `--http-port=unix://${at.home}/http`
      const relay = yield* Daemons.start("ours", at, [...at.urls, http])
      yield* Daemons.untilReady(at, relay)
      const check = (...args: ReadonlyArray<string>) =>
        Daemons.attempt("ours", at, ["--check", ...at.urls, http, ...args])
      const said = (what: string) =>
        `Warning: A relay runs with this output, process ${relay.pid}, and has ${what}: it must end first\n`
      const has = "the control port, the data port, the live port, the http socket"
      const first = yield* check()
      assert.strictEqual(first.code, 0, first.stderr)
      assert.include(first.stderr, said(has))
      mkdirSync(join(at.home, "lttng-traces", ".journals"), { recursive: true })
      const second = yield* check()
      assert.strictEqual(second.code, 0, second.stderr)
      assert.include(second.stderr, said(`${has}, sessions of edges`))
      const taken = yield* occupied
      const third = yield* check("-L", `tcp://127.0.0.1:${taken}`)
      assert.strictEqual(third.code, 1)
      assert.include(third.stderr, said("the control port, the data port, the http socket, sessions of edges"))
      assert.include(third.stderr, `The live port 127.0.0.1:${taken} is not to be had: Address already in use`)
      assert.isTrue(Daemons.listening(at))
    })
  )

  it.live("with another output has its ports for good", () =>
    Effect.gen(function* () {
      const { at } = yield* Daemons.runForeground()
      const other = yield* Daemons.place
      const { code, stderr } = yield* Daemons.attempt("ours", other, ["--check", ...at.urls])
      assert.strictEqual(code, 1)
      for (const port of at.ports) assert.include(stderr, `127.0.0.1:${port} is not to be had: Address already in use`)
    })
  )
})
