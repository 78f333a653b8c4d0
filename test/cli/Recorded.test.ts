/** `show` and `export` as programs: parts of a trace, names that are no UTF-8, terminals. */
import {
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { toolboxProgram } from "../support/bundle.ts"
import { describeWithCorpus } from "../support/corpus.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

const env = { TZ: "UTC", LC_ALL: "C.UTF-8" }
const run = (...args: ReadonlyArray<string>) => Process.run(process.execPath, [toolboxProgram, ...args], { env })
const attempt = (...args: ReadonlyArray<string>) =>
  Process.attempt(process.execPath, [toolboxProgram, ...args], { env })
const shell = (script: string, more: Readonly<Record<string, string>> = {}) =>
  Process.run("bash", ["-c", script, "bash", process.execPath, toolboxProgram], { env: { ...env, ...more } })

interface Exported {
  readonly traceEvents: ReadonlyArray<{ readonly ph: string }>
  readonly otherData: Readonly<Record<string, string>>
}

const exported = (stdout: string): Exported => JSON.parse(stdout)
const nothing = { traceEvents: [], displayTimeUnit: "ns", otherData: { session: "types" } }

describeWithCorpus("recorded traces on the command line", ["discarded", "types", "plain", "ust-million"], (root) => {
  it.live("export of a part: the event records and losses that show has of it", () =>
    Effect.gen(function* () {
      const part = ["--begin=23:44:02.3", "--end=23:44:02.7", join(root(), "discarded")]
      const shown = yield* run("show", ...part)
      const found = yield* run("export", ...part)
      const count = exported(found.stdout).traceEvents.filter(({ ph }) => ph !== "M").length
      assert.isAbove(count, 0)
      assert.strictEqual(count, shown.stdout.split("\n").length - 1)
      assert.include(found.stderr, "WARNING: Tracer")
      assert.strictEqual(found.stderr, shown.stderr)
    })
  )

  it.live("onto a full disk show and export end with one line, and status 1", () =>
    Effect.gen(function* () {
      for (const command of ["show", "export"]) {
        const script = `"$1" "$2" ${command} '${join(root(), "types")}' 2>&1 >/dev/full; echo $?`
        const { stdout } = yield* shell(script)
        assert.strictEqual(stdout, "Error: cannot write to standard output: No space left on device\n1\n")
      }
    })
  )

  it.live("what somebody is writing is shown as far as it is there, and is damaged only when it is over", () =>
    Effect.gen(function* () {
      const directory = yield* Relays.temporaryDirectory("written")
      cpSync(join(root(), "plain"), directory, { recursive: true })
      const file = join(directory, "ust/uid/0/64-bit/channel0_1")
      truncateSync(file, readFileSync(file).length - 1)
      // A relay that records: the path has links, as that of a relay's output may have.
      const [link, writer] = [join(yield* Relays.temporaryDirectory("link"), "link"), openSync(file, "a")]
      symlinkSync(directory, link)
      for (const command of ["show", "export"]) {
        const { code, stderr } = yield* attempt(command, link)
        assert.strictEqual(code, 0, stderr)
        assert.match(stderr, /^WARNING: .*packet-size.*being recorded.*\n$/)
      }
      closeSync(writer)
      for (const command of ["show", "export"]) {
        const { code, stderr } = yield* attempt(command, link)
        assert.strictEqual(code, 1)
        assert.match(stderr, /^ERROR: packet-size.*[^)]\n$/)
      }
    })
  )

  it.live("babeltrace2's short options, ranges and files mean what they mean there", () =>
    Effect.gen(function* () {
      const trace = join(root(), "plain")
      const directory = yield* Relays.temporaryDirectory("options")
      const [begin, end] = ["23:43:47.04925", "23:43:47.049255"]
      const all: ReadonlyArray<ReadonlyArray<string>> = [
        ["-b", begin, "-e", end],
        [`-b${begin}`, `-e${end}`, "-nnone", "-fall"],
        [`--timerange=${begin},${end}`],
        [`--timerange=[${begin},${end}]`, "-n", "payload,scope", "-f", "trace,loglevel"],
        ["-o", "text", "-i", "ctf", "-e", end]
      ]
      for (const [at, options] of all.entries()) {
        const theirs = yield* Process.run("babeltrace2", [...options, trace], { env })
        const path = join(directory, `${at}.txt`)
        const ours = yield* run("show", ...options, "-w", path, trace)
        assert.isAbove(theirs.stdout.length, 0)
        assert.deepStrictEqual([ours.stdout, readFileSync(path, "utf8")], ["", theirs.stdout], options.join(" "))
      }
      const { code, stderr } = yield* attempt("show", "-w", join(directory, "none", "x"), trace)
      assert.deepStrictEqual([code, stderr.includes("none/x: No such file or directory")], [1, true])
      const swapped = yield* attempt("show", `--timerange=${end},${begin}`, trace)
      assert.deepStrictEqual([swapped.code, swapped.stderr], [2, "Error: --begin is after --end\n"])
    })
  )

  it.live("warnings that nobody reads before all is printed are there", () =>
    Effect.gen(function* () {
      // More than a pipe holds.
      const count = 3000
      const names = Array.from({ length: count }, (_, at) => `--event=there-is-no-event-of-this-name-${at}`).join(" ")
      const show = `"$1" "$2" show ${names} '${join(root(), "types")}'`
      const { stdout } = yield* shell(`${show} 2>&1 >/dev/null | { sleep 1; grep -c WARNING; }`)
      assert.strictEqual(stdout.trim(), `${count}`)
    })
  )

  it.live("Ctrl-C ends what is in the middle of its work, and held up by a reader", () =>
    Effect.gen(function* () {
      const directory = yield* Relays.temporaryDirectory("ended")
      const script = `
        mkfifo '${directory}/pipe'; exec 3<>'${directory}/pipe'
        "$1" "$2" export '${join(root(), "discarded")}' >&3 & pid=$!
        until read -r -t 0 -u 3; do kill -0 $pid || exit; sleep 0.05; done
        kill -s $SIGNAL $pid; timeout 20 tail --pid=$pid -f /dev/null || kill -KILL $pid
        wait $pid; echo $?`
      const statuses = yield* Effect.forEach(["INT", "TERM"], (SIGNAL) => {
        rmSync(join(directory, "pipe"), { force: true })
        return Effect.map(shell(script, { SIGNAL }), ({ stdout }) => stdout.trim())
      })
      assert.deepStrictEqual(statuses, ["130", "143"])
    })
  )

  it.live("Ctrl-C in the middle of an export: what was written until then is whole, and says that it is not all", () =>
    Effect.gen(function* () {
      const directory = yield* Relays.temporaryDirectory("interrupted")
      const path = join(directory, "part.json")
      const script = `
        "$1" "$2" export '${join(root(), "ust-million")}' > '${path}' & pid=$!
        until test -s '${path}'; do kill -0 $pid || exit; done
        kill -s INT $pid; wait $pid; echo $?`
      const { stderr, stdout } = yield* shell(script)
      const { otherData, traceEvents } = exported(readFileSync(path, "utf8"))
      assert.deepStrictEqual([stdout, stderr], ["130\n", "WARNING: interrupted: the rest of the trace is missing\n"])
      assert.strictEqual(otherData.interrupted, "true")
      assert.isBelow(traceEvents.length, 1_000_000)
    })
  )

  it.live("what is said of names acts on no terminal", () =>
    Effect.gen(function* () {
      const name = "a\x1b[2J\u202eb"
      for (const args of [
        ["show", `/${name}`],
        ["show", "--", `/${name}`],
        ["check", `/${name}`],
        ["follow", name]
      ]) {
        const { code, stderr } = yield* attempt(...args)
        assert.notStrictEqual(code, 0)
        assert.match(stderr, /^Error: [^\p{Cc}\u202e]*a\\x1b\[2J[^\p{Cc}\u202e]*\n$/u, args.join(" "))
      }
      const damaged = join(root(), "named")
      mkdirSync(join(damaged, name), { recursive: true })
      writeFileSync(join(damaged, name, "metadata"), "none")
      for (const args of [["check"], ["check", "--json"], ["repair"], ["repair", "--json"]]) {
        const { stdout } = yield* attempt(...args, damaged)
        assert.match(stdout, /^([^\p{Cc}\u202e]*\n)+$/u, args.join(" "))
        assert.match(stdout, /a\\(x|u00)1b\[2J\\u202eb/, args.join(" "))
      }
    })
  )

  it.live("export of nothing says of no time that it began then", () =>
    Effect.gen(function* () {
      const { stdout } = yield* run("export", "--event=none", join(root(), "types"))
      assert.deepStrictEqual<unknown>(exported(stdout), nothing)
    })
  )

  it.live("a directory whose name is no UTF-8", () =>
    Effect.gen(function* () {
      const within = yield* Relays.temporaryDirectory("odd")
      cpSync(join(root(), "types"), join(within, "plain"), { recursive: true })
      yield* shell(`mv '${within}/plain' '${within}'/b$'\\xff'`)
      const path = `'${within}'/b$'\\xff'`
      const shown = yield* shell(`"$1" "$2" show ${path}`)
      const plain = yield* run("show", join(root(), "types"))
      assert.strictEqual(shown.stdout, plain.stdout)
      const { stdout } = yield* shell(`"$1" "$2" export ${path} | iconv -f utf-8 -t utf-8`)
      assert.strictEqual(exported(stdout).otherData.session, "b\ufffd")
      const checked = yield* shell(`"$1" "$2" check ${path}`)
      assert.match(checked.stdout, /^1 trace, .*: no damage\n$/)
      const repaired = yield* shell(`"$1" "$2" repair ${path} --to=${path}.copy && diff -r ${path} ${path}.copy`)
      assert.deepStrictEqual([repaired.code, repaired.stderr], [0, ""])
      // It is read: what is missing is the relay.
      const replayed = yield* shell(`"$1" "$2" replay ${path} net://127.0.0.1:1 2>&1 || true`)
      assert.include(replayed.stdout, "cannot connect to 127.0.0.1:1: Connection refused")
    })
  )

  it.live("as NDJSON, what is refused is an object, whether something else is shown or not", () =>
    Effect.gen(function* () {
      const directory = yield* Relays.temporaryDirectory("refused")
      const bad = join(directory, "bad")
      mkdirSync(bad)
      writeFileSync(join(bad, "metadata"), "/* CTF 1.8 */ trace { ] };")
      const good = join(root(), "types")
      for (const [args, reason] of [
        [[bad], "metadata, line 1"],
        [[good, bad], "metadata, line 1"],
        [[join(directory, "nowhere")], "No such file or directory"],
        [["--stream-intersection", bad], "metadata, line 1"]
      ] as const) {
        const { code, stderr, stdout } = yield* attempt("show", "--json", ...args)
        const [first = "", ...others] = stdout.split("\n")
        const { kind, message, type } = JSON.parse(first)
        assert.deepStrictEqual([code, type, kind], [1, "error", "refused"], args.join(" "))
        assert.include(message, reason)
        assert.include(stderr, message)
        assert.strictEqual(others.length > 1, args.length === 2 && args[0] === good)
      }
      const file = join(directory, "file")
      yield* attempt("show", "--json", "-w", file, bad)
      assert.strictEqual(JSON.parse(readFileSync(file, "utf8")).kind, "refused")
      assert.strictEqual((yield* attempt("show", bad)).stdout, "")
      const unread = `mkfifo ${file}.pipe && exec 8<>${file}.pipe 9>${file}.pipe 8<&-`
      const { stdout: heard } = yield* shell(`${unread}; "$1" "$2" show --json ${bad} 2>&1 >&9 || echo status $?`)
      assert.match(heard, /metadata, line 1.*\nstatus 1\n$/)
    })
  )

  it.live("what nothing puts right is said by whoever is asked what repair would do, too", () =>
    Effect.gen(function* () {
      const within = yield* Relays.temporaryDirectory("lost")
      cpSync(join(root(), "types"), within, { recursive: true })
      yield* shell(`find '${within}' -name metadata -delete`)
      for (const args of [
        ["repair", within],
        ["repair", "--in-place", within]
      ]) {
        const { code, stdout } = yield* attempt(...args)
        assert.strictEqual(code, 1, stdout)
        assert.match(stdout, /^left: damage: metadata-missing: .*: data, and nothing that says how to read it$/m)
      }
    })
  )

  it.live("a directory that is none, and one without traces, are not taken for whole recordings", () =>
    Effect.gen(function* () {
      const within = yield* Relays.temporaryDirectory("none")
      const empty = yield* run("check", within)
      assert.deepStrictEqual(
        [empty.code, empty.stdout],
        [0, "0 traces, 0 data files, 0 packets, 0 B: nothing to check\n"]
      )
      const file = join(root(), "types", "ust", "uid", "0", "64-bit", "metadata")
      for (const [path, reason] of [
        [join(within, "nowhere"), "No such file or directory"],
        [file, "Not a directory"]
      ] as const) {
        for (const args of [["check"], ["repair"], ["repair", `--to=${within}/copy`], ["repair", "--in-place"]]) {
          const outcome = yield* attempt(...args, path)
          assert.deepStrictEqual([outcome.code, outcome.stderr], [1, `Error: ${path}: ${reason}\n`])
        }
      }
    })
  )

  Peers.describeWithPeers(["script"], "on a terminal", () => {
    it.live("colours, but not where nobody wants them", () =>
      Effect.gen(function* () {
        const script = `script -qec "'$1' '$2' show '${join(root(), "types")}'" /dev/null </dev/null | head -1`
        const first = (more: Readonly<Record<string, string>>) =>
          Effect.map(shell(script, { TERM: "xterm", ...more }), ({ stdout }) => stdout.includes("\u001b["))
        assert.isTrue(yield* first({}))
        assert.isTrue(yield* first({ NO_COLOR: "" }))
        assert.isFalse(yield* first({ NO_COLOR: "1" }))
        assert.isFalse(yield* first({ TERM: "dumb" }))
      })
    )

    it.live(
      "values in a trace do nothing there either, in whatever encoding; elsewhere they are as babeltrace2 has them",
      () =>
        Effect.gen(function* () {
          const trace = yield* Relays.temporaryDirectory("hostile-values")
          writeFileSync(
            join(trace, "metadata"),
            `/* CTF 1.8 */ trace { major = 1; minor = 8; byte_order = le; };
          stream { event.header := struct { integer { size = 8; } id; }; };
          event { name = "e"; id = 0; fields := struct {
            string plain; string acting; string raw; enum : integer { size = 8; } { "at\u009b2J" = 0 } label; }; };`
          )
          const bytes = Buffer.concat([Buffer.from("\0caf\u00e9\0\u009b2J\u202e\0\x1b"), Buffer.of(0x9b, 0x4a, 0, 0)])
          writeFileSync(join(trace, "stream"), bytes)
          const there = yield* shell(`script -qec "'$1' '$2' show '${trace}'" /dev/null </dev/null`, { NO_COLOR: "1" })
          const label = (text: string) => `label = ( "${text}" : container = 0 )`
          assert.strictEqual(
            there.stdout,
            `e: { plain = "caf\u00e9", acting = "\\x9b2J\\u202e", raw = "\\e\\x9bJ", ${label("at\\x9b2J")} }\r\n`
          )
          const { stdout } = yield* run("show", trace)
          assert.include(stdout, `acting = "\u009b2J\u202e"`)
          assert.include(stdout, label("at\u009b2J"))
        })
    )

    it.live("names in a trace do nothing there; elsewhere they are as babeltrace2 has them", () =>
      Effect.gen(function* () {
        const trace = yield* Relays.temporaryDirectory("hostile")
        const hostile = "\\x1b[2J\u202e"
        writeFileSync(
          join(trace, "metadata"),
          `/* CTF 1.8 */ trace { major = 1; minor = 8; byte_order = le; }; env { hostname = "host${hostile}"; };
          stream { event.header := struct { integer { size = 8; } id; }; };
          event { name = "event${hostile}"; id = 0; fields := struct { string s; }; };`
        )
        writeFileSync(join(trace, "stream"), "\0\x1b[2J\0")
        const there = yield* shell(`script -qec "'$1' '$2' show '${trace}'" /dev/null </dev/null`, { NO_COLOR: "1" })
        assert.strictEqual(there.stdout, 'host\\x1b[2J\\u202e event\\x1b[2J\\u202e: { s = "\\e[2J" }\r\n')
        const { stdout } = yield* run("show", trace)
        assert.strictEqual(stdout, 'host\x1b[2J\u202e event\x1b[2J\u202e: { s = "\\e[2J" }\n')
      })
    )
  })
})
