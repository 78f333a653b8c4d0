/** The toolbox as a program: what it prints, how it ends, and that its commands do what the modules do. */
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:net"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as Babeltrace from "../support/babeltrace.ts"
import { toolboxProgram } from "../support/bundle.ts"
import * as Load from "../support/load.ts"
import * as Peers from "../support/peers.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import { attempt, run, start } from "../support/toolbox.ts"
import * as Tree from "../support/tree.ts"
import * as Viewing from "../support/viewing.ts"

const jsonLines = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))

const streamingUrl = ({ controlPort, dataPort }: Relays.Relay) => `net://127.0.0.1:${controlPort}:${dataPort}`
const liveUrl = ({ livePort }: Relays.Relay) => `net://127.0.0.1:${livePort}`

Peers.describeConcurrently([], "lttng-relay", () => {
  it.live("--help names every subcommand; each has a help with examples", () =>
    Effect.gen(function* () {
      const { stdout } = yield* run("--help")
      for (const name of ["sessions", "follow", "record", "replay", "load"]) {
        assert.match(stdout, new RegExp(`^  ${name} +[A-Z]`, "m"))
        const help = (yield* run(name, "--help")).stdout
        assert.include(help, "EXAMPLES")
        assert.include(help, `lttng-relay ${name}`)
      }
    })
  )

  it.live("--version is the package's", () =>
    Effect.gen(function* () {
      const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))
      assert.include((yield* run("--version")).stdout, manifest.version)
    })
  )

  it.live("--completions are a script that the shell accepts and that knows the subcommands", () =>
    Effect.gen(function* () {
      const { stdout } = yield* run("--completions", "bash")
      yield* Process.run("bash", ["-n", "-c", stdout])
      for (const name of ["sessions", "follow", "record", "replay", "load", "--packet-size"])
        assert.include(stdout, name)
    })
  )

  it.live("completes directories and files where an argument or a flag names one", () =>
    Effect.gen(function* () {
      const directory = yield* Relays.temporaryDirectory("completed")
      mkdirSync(join(directory, "traces"))
      writeFileSync(join(directory, "trust.pem"), "")
      const { stdout: script } = yield* run("--completions", "bash")
      const complete = `${script}
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=\${#COMP_LINE}
        _lttng_relay "$1" "\${COMP_WORDS[COMP_CWORD]}"; printf "%s\\n" "\${COMPREPLY[@]}"`
      const completed = (...words: ReadonlyArray<string>) =>
        Effect.map(
          Process.run("bash", ["-c", complete, "bash", "lttng-relay", ...words, join(directory, "tr")]),
          ({ stdout }) => stdout.trim()
        )
      for (const name of ["show", "check", "repair", "export", "replay"])
        assert.strictEqual(yield* completed(name), join(directory, "traces"), name)
      assert.strictEqual(yield* completed("repair", "--to"), join(directory, "traces"))
      assert.sameMembers(
        (yield* completed("sessions", "--tls-ca")).split("\n"),
        ["traces", "trust.pem"].map((name) => join(directory, name))
      )
    })
  )

  it.live("says in one line that it may open too few files, as soon as the runtime itself comes so far", () =>
    Effect.gen(function* () {
      const texts: Array<string> = []
      for (let limit = 20; limit < 30; limit++) {
        const words = [process.execPath, toolboxProgram, "sessions", "net://127.0.0.1:1"]
        const { stderr } = yield* Process.attempt("sh", ["-c", `ulimit -n ${limit} && exec "$@"`, "sh", ...words])
        if (stderr.startsWith("Error: ")) texts.push(stderr)
        else assert.notInclude(stderr, join(toolboxProgram, ".."))
      }
      assert.include(texts[0], "too low")
      for (const text of texts) assert.match(text, /^Error: .*\n$/)
    })
  )

  it.live("runs through a link in PATH", () =>
    Effect.gen(function* () {
      const directory = yield* Relays.temporaryDirectory("path")
      symlinkSync(toolboxProgram, join(directory, "lttng-relay"))
      const env = { PATH: `${directory}:${join(process.execPath, "..")}` }
      assert.include((yield* Process.run(join(directory, "lttng-relay"), ["--help"], { env })).stdout, "SUBCOMMANDS")
    })
  )

  it.live.each<readonly [ReadonlyArray<string>, number, RegExp]>([
    [["sessions", "net://127.0.0.1:1"], 1, /^Error: cannot connect to 127\.0\.0\.1:1: Connection refused$/m],
    [
      ["sessions", "net://no.invalid"],
      1,
      /no\.invalid:5344: (Name or service not known|Temporary failure in name resol)/
    ],
    [["sessions", "tls://h", "--tls-ca=/nowhere"], 1, /^Error: --tls-ca=\/nowhere: No such file or directory\n/],
    [["sessions", "tls://h", "--tls-cert=/etc/hosts/x"], 1, /^Error: --tls-cert=\/etc\/hosts\/x: Not a directory\n/],
    [["load", "tls://h", "--tls-key=/nowhere"], 2, /--tls-key is of no use without --tls-cert/],
    [["sessions", "http://h", "--tls-ca=/etc/ssl/certs/ca-certificates.crt"], 2, /certificates are for https:/],
    [["sessions", "net://h", "--token-file=/nowhere"], 2, /--token-file is for the relay's --http-port/],
    [["sessions", "relay"], 2, /^Error: relay: not a URL/],
    [["sessions", "net://::1"], 2, /^Error: net:\/\/::1: an IPv6 address is in brackets/],
    [["sessions", "net://relay:0"], 2, /0 is not a port/],
    [["follow", "net://127.0.0.1:1/host/h"], 2, /a session is \/host\/TARGETHOST\/SESSION/],
    [["replay", "/nowhere", "net://127.0.0.1:1"], 1, /\/nowhere: No such file or directory/],
    [["replay", "net://h", "/nowhere"], 2, /<dir>: "net:\/\/h"\. Expected: a directory, not a URL \(see/],
    [["check", "net://h/host/h/s"], 2, /a directory, not a URL/],
    [["repair", "http://h"], 2, /a directory, not a URL/],
    [["certs", "init", "tls://h"], 2, /a directory, not a URL/],
    [["edge", "--to-file=net://h"], 2, /--to-file: "net:\/\/h"\. Expected: a file, not a URL/],
    [["follow", "http://h:5345"], 2, /http:\/\/h:5345 is for operators; to watch: net:\/\/HOST.*lttng-relay sessions/],
    [["record", "unix:///run/relay.sock", "t"], 2, /is for operators/],
    [["replay", "--speed=0", "/tmp", "net://h"], 2, /must be above 0/],
    [["replay", "--live=soon", "/tmp", "net://h"], 2, /soon is not a duration/],
    [["load", "--packet-size=1", "net://h"], 2, /must be at least 100/],
    [["edge", "--to=net://h", "--spool-limit=1", "--check"], 2, /--spool-limit: "1".*must be at least 1M/],
    [["load", "--packet-size=5G", "net://h"], 2, /at most 1G/],
    [["show", "--begin=soon", "test"], 2, /soon is neither seconds/],
    [["show", "--begin=", "test"], 2, /--begin: nothing is neither seconds/],
    [["show", "net://localhost/host/h/s"], 2, /is no directory; live sessions are for `lttng-relay follow`/],
    [["show", "--end=1", "--end=2", "test"], 2, /--end is given twice/],
    [["show", "--timerange=1,2", "-e", "3", "test"], 2, /--timerange and --end exclude each other/],
    [["show", "--timerange=1", "test"], 2, /--timerange: 1 is not BEGIN,END/],
    [["show", "-o", "ctf", "test"], 2, /--output-format=ctf: no CTF is written here/],
    [["show", "-o", "text", "--format=ndjson", "test"], 2, /exclude each other/],
    [["show", "--counts", "test"], 2, /--counts in command lttng-relay show; similar: --count \(see/],
    [["show", "--json", "--histogram", "test"], 2, /no NDJSON/],
    [["show", "-i", "lttng-live", "net://h/host/h/s"], 2, /--input-format=lttng-live: live sessions are for/],
    [["show", "--debug-info-dir=/x", "test"], 2, /--debug-info-dir: addresses are not looked up/],
    [["show", "test", "-c", "sink.utils.dummy"], 2, /-c: it is about babeltrace2's own components/],
    [["show", "--names=all,none", "test"], 2, /--names: all and none are two answers/],
    [["show", "--where=((", "test"], 2, /filter, column 3/],
    [["show", "--fields=some", "test"], 2, /--fields: some is none of/],
    [["export", "--where=((", "test"], 2, /filter, column 3/],
    [["follow", "--where=((", "net://h/host/h/s"], 2, /filter, column 3/],
    [["follow", "--quiet", "net://h/host/h/s"], 2, /--quiet is for --packets/],
    [["follow", "--packets", "--where=a == 1", "net://h/host/h/s"], 2, /--where cannot choose among them/],
    [["follow", "--packets", "--event=a", "net://h/host/h/s"], 2, /--event cannot choose among them/],
    [["follow", "--clock-offset=x", "net://h/host/h/s"], 2, /x is no whole number/],
    [["repair", "test", "--to=/tmp/x", "--in-place"], 2, /exclude each other/],
    [["top", "net://h"], 2, /is not http:\/\/HOST/],
    [["top", "--interval=0s", "http://h"], 2, /must be at least 100ms/],
    [["drain", "--deadline=30", "http://h"], 2, /30 has no unit: 30s\?/],
    [["drain", "--deadline=030", "http://h"], 2, /030 has no unit/],
    [["drain", "--cancel", "--deadline=30s", "http://h"], 2, /--cancel and --deadline exclude each other/],
    [["load", "--live=99999999999999999999h", "net://h"], 2, /is not a duration like 500ms or 2s/],
    [["top", "http://127.0.0.1:1"], 1, /does not answer as a relay does: Connection refused/],
    [["top", "http://127.0.0.1:1", "--token-file=/"], 1, /^Error: --token-file=\/: Is a directory\n/],
    [["edge"], 2, /says which relay/],
    [["edge", "--to-file=/nowhere"], 1, /^Error: --to-file=\/nowhere: No such file or directory\n/],
    [["edge", "--to=net://h", "--spool=/etc/hosts"], 1, /^Error: --spool=\/etc\/hosts: Not a directory\n/],
    [["edge", "--to-file=/dev/null"], 1, /^Error: --to-file=\/dev\/null: it is empty\n/],
    [["edge", "--to-file=/proc/version"], 1, /^Error: --to-file=\/proc\/version: Linux .*: not a URL like net:/],
    [["edge", "status", "--spool=/etc/hosts"], 1, /^Error: no edge has its spool in \/etc\/hosts: Not a directory\n/],
    [["edge", "status", "--spool=/etc/hosts/x"], 1, /hosts\/x: Not a directory\n/],
    [["edge", "status", "--spool=/nowhere"], 1, /in \/nowhere: No such file or directory\n/],
    [["edge", "status", "--spool=/proc"], 1, /in \/proc: --spool=DIR says where it is\n/],
    [["certs", "list", "/nowhere"], 1, /^Error: \/nowhere: No such file or directory\n/],
    [["certs", "init", "--names=a b", "/nowhere"], 2, /^Error: a b: a host has letters/],
    [["certs", "init", "--names=", "/nowhere"], 2, /^Error: "": a host has letters/],
    [["certs", "target", "a b", "/nowhere"], 2, /^Error: a b: a name has letters/],
    [["certs", "renew", "viewer", "a/b", "/nowhere"], 2, /^Error: a\/b: a name has letters/],
    [["certs", "revoke", "target", "../a", "/nowhere"], 2, /^Error: \.\.\/a: a name has letters/],
    [["certs", "target", "a", "/nowhere"], 1, /ca\.key: no authority/],
    [["edge", "--to=net://h", "--listen=a:b"], 2, /--listen=a:b: expected/],
    [["edge", "--to=net://h", "--spool=/nowhere/x", "--http-port=ftp://x"], 2, /--http-port/],
    [["tunnel", "--to=tls://h", "--listen=a:b"], 2, /a:b/],
    [["tunnel", "--to=tls://h", "--listen=127.0.0.1:,,"], 2, /--listen=127.0.0.1:,,: expected HOST/],
    [["load", "tcp://h"], 2, /tcp:\/\/ needs a data URL too/],
    [["follow", "--json", "--nosuch", "net://h"], 2, /--nosuch.*\(see lttng-relay follow --help\)/],
    [["nosuch"], 2, /nosuch.*\(see lttng-relay --help\)/],
    [[], 2, /a subcommand is missing \(see lttng-relay --help\)/]
  ])("%s ends with status %i and says why in one line, and nothing on standard output", ([args, status, message]) =>
    Effect.gen(function* () {
      const outcome = yield* attempt(...args)
      assert.deepStrictEqual([outcome.code, outcome.stdout], [status, ""])
      assert.match(outcome.stderr, message)
      assert.match(outcome.stderr, /^Error: [^\n]+\n$/)
    })
  )

  it.live("edge status of an edge that has just ended does not say that it forwards", () =>
    Effect.gen(function* () {
      const spool = yield* Relays.temporaryDirectory("ended")
      const numbers = ["connectedCount", "lossCount", "sentByteCount", "resentByteCount", "savedByteCount"]
      const rest = ["heardByteCount", "heardBytesPerSecond", "sentBytesPerSecond", "spoolBytes", "spoolBytesMax"]
      const zeros = Object.fromEntries([...numbers, ...rest, "oldestMillis", "lagMillis"].map((name) => [name, 0]))
      // As far ahead as a command may take to start: within ten seconds a clock that differs is none.
      const status = { ...zeros, atMillis: Date.now() + 5000, pid: 7, relay: "net://h", isFull: false, journals: [] }
      writeFileSync(
        join(spool, "status.json"),
        JSON.stringify({ ...status, losses: [], lostPartCount: 0, lostParts: [] })
      )
      const { stdout } = yield* run("edge", "status", `--spool=${spool}`)
      assert.match(stdout, /^no edge has run for .*\nlink: 0 sessions connected; /)
    })
  )

  it.live("help to a full disk is a failure, to a pipe that nobody reads an end", () =>
    Effect.gen(function* () {
      const through = (script: string) => Process.attempt("sh", ["-c", script, "sh", process.execPath, toolboxProgram])
      const full = yield* through('"$@" --help >/dev/full')
      assert.deepStrictEqual(
        [full.code, full.stderr],
        [1, "Error: cannot write to standard output: No space left on device\n"]
      )
      const unread = yield* through('{ "$@" --help; echo "status $?" >&2; } | sleep 0')
      assert.strictEqual(unread.stderr, "status 0\n")
      const untold = yield* through('"$@" sessions net://127.0.0.1:1 2>/dev/full')
      assert.strictEqual(untold.code, 1)
    })
  )

  it.live("replay takes traces only, and says so before it connects", () =>
    Effect.gen(function* () {
      const home = yield* Relays.temporaryDirectory("no-trace")
      mkdirSync(join(home, "letters"))
      writeFileSync(join(home, "letters", "first"), "dear")
      const without = yield* attempt("replay", home, "net://127.0.0.1:1")
      assert.deepStrictEqual([without.code, without.stderr], [1, `Error: ${home}/letters: not a trace: no metadata\n`])
      writeFileSync(join(home, "letters", "metadata"), "of another kind")
      const other = yield* attempt("replay", home, "net://127.0.0.1:1")
      assert.match(other.stderr, /letters\/metadata: not the metadata of a trace\n$/)
    })
  )

  it.live("replay into the relay that recorded the trace leaves it as it was, and stores another", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start("ours")
      const loaded = ["load", "--packets=5", "--session=l", "--hostname=h", streamingUrl(relay)]
      yield* run(...loaded)
      const directory = Babeltrace.sessionDirectory(relay.output, "l-0")
      const before = Tree.read(directory)
      const { stdout } = yield* run("replay", "--json", "--hostname=h", directory, streamingUrl(relay))
      const [{ outputPath }] = jsonLines(stdout)
      assert.deepStrictEqual(Tree.read(directory), before)
      assert.notStrictEqual(join(relay.output, outputPath), directory)
      assert.deepStrictEqual(Tree.read(join(relay.output, outputPath)), before)
    })
  )

  it.live("a peer that says nothing costs seconds, and is told of", () =>
    Effect.gen(function* () {
      const port = yield* Ports.free
      yield* Effect.acquireRelease(
        Effect.callback<Server>((resume) => {
          const server = createServer(() => undefined).listen(port, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      const outcome = yield* attempt("sessions", `net://127.0.0.1:${port}`)
      assert.deepStrictEqual([outcome.code, outcome.stdout], [1, ""])
      assert.match(outcome.stderr, /nothing answers: is this a relay's live port\?\n$/)
    })
  )
})

const suite = (kind: Relays.Kind) => () => {
  it.live("load, seen by sessions, follow and record; the record replayed: the same trace four times", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start(kind)
      const load = ["--json", "--hostname=h", "--session=l[1]", "--live=100ms", "--streams=2", "--rate=20"]
      const startedAt = Date.now()
      const loading = yield* Load.held(relay, ...load, "--packets=120")
      const url = `${liveUrl(relay)}/host/h/l[1]-0`
      const directory = join(yield* Relays.temporaryDirectory("recorded"), "trace")
      const recording = run("record", "--json", "--wait", url, directory)
      const recordingFiber = yield* Effect.forkScoped(recording)
      const listed = Effect.map(run("sessions", "--json", liveUrl(relay)), ({ stdout }) => JSON.parse(stdout))
      yield* Process.until(
        "the session with its viewer",
        listed,
        (all) => all.length === 1 && all[0].url === url && all[0].clientCount === 1
      )
      const lines = (yield* run("sessions", liveUrl(relay))).stdout
      assert.strictEqual(lines, `${url} (timer 100000 µs, 3 streams with metadata, 1 client, ctf-1.8)\n`)

      yield* loading.goOn
      const [summary] = jsonLines((yield* loading.running.ended).stdout)
      const endedAt = Date.now()
      assert.deepStrictEqual([summary.packets, summary.bytes], [240, 240 * 4096])
      assert.isTrue(0 < summary.answerP50Millis && summary.answerP50Millis <= summary.answerP99Millis, summary)
      assert.approximately(summary.megabytesPerSecond, summary.bytes / 1e6 / summary.seconds, 0.01)
      const [recorded] = jsonLines((yield* Fiber.join(recordingFiber)).stdout)
      assert.deepStrictEqual([recorded.streams, recorded.packets, recorded.lost], [3, 240, 0])

      const stored = Babeltrace.sessionDirectory(relay.output, "l[1]-0")
      const contents = (root: string) => Tree.read(root).map((line) => line.replace(/ 0\d{3}/, ""))
      assert.deepStrictEqual(contents(directory), contents(stored))
      const { stdout: events } = yield* Process.run("babeltrace2", ["--clock-seconds", directory])
      const read = [...events.matchAll(/^\[(\d+\.\d+)\].* load:tick: \{ cpu_id = (\d) \}, \{ seq = (\d+) \}$/gm)]
      const numbers = ["0", "1"].map((cpu) => read.filter((event) => event[2] === cpu).map((event) => Number(event[3])))
      const expected = Array.from({ length: 120 * 250 }, (_, seq) => seq)
      assert.deepStrictEqual(numbers, [expected, expected])
      const millis = read.map((event) => Number(event[1]) * 1000)
      assert.isTrue(
        millis.every((at) => at >= startedAt && at <= endedAt),
        "events at the time they were made"
      )

      const replayed = yield* run("replay", "--json", "--session=copy", directory, streamingUrl(relay))
      const [{ outputPath }] = jsonLines(replayed.stdout)
      assert.deepStrictEqual(contents(join(relay.output, outputPath)), contents(stored))
    })
  )

  it.live("follow --packets prints one JSON value a line and counters at the end", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start(kind)
      const load = ["--hostname=h", "--session=l", "--live=100ms", "--rate=20", "--packets=40"]
      const loading = yield* Load.held(relay, ...load)
      const url = `${liveUrl(relay)}/host/h/l-0`
      const follow = ["follow", "--packets", "--json", "--wait", "--seek=beginning", url]
      const following = yield* Process.daemon(process.execPath, [toolboxProgram, ...follow])
      yield* Process.until("it to follow", Viewing.isWatched(relay, "l-0"))
      yield* loading.goOn
      const { code, stdout } = yield* following.ended
      assert.deepStrictEqual([code, (yield* loading.running.ended).code], [0, 0])
      const values = jsonLines(stdout)
      const packets = values.filter(({ event }) => event === "packet")
      assert.strictEqual(packets.length, 40)
      assert.hasAllKeys(packets[0], [
        ...["event", "stream", "timestampBegin", "timestampEnd"],
        ...["packetBytes", "contentBits", "eventsDiscarded"]
      ])
      const { streams } = values.find(({ event }) => event === "summary")
      const counted = streams.find(({ stream }: { readonly stream: string }) => stream.endsWith("/load_0"))
      assert.deepInclude(counted, { packets: 40, lost: 0, eventsDiscarded: "0" })
    })
  )

  it.live("record ended by Ctrl-C leaves a trace that reads, up to the last packet", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start(kind)
      const load = ["load", "--hostname=h", "--session=l", "--live=50ms", "--rate=50", "--duration=60s"]
      yield* start(...load, streamingUrl(relay))
      const directory = join(yield* Relays.temporaryDirectory("recorded"), "trace")
      const url = `${liveUrl(relay)}/host/h/l-0`
      const recording = yield* start("record", "--wait", url, directory)
      const indexed = Effect.try(() => readFileSync(join(directory, "ust/uid/0/64-bit/index/load_0.idx")).length)
      yield* Process.until(
        "some packets",
        Effect.orElseSucceed(indexed, () => 0),
        (size) => size > 16 + 5 * 72
      )
      recording.signal("SIGINT")
      yield* recording.ended
      assert.isAtLeast(Babeltrace.assertIndexed(directory), 5)
    })
  )

  it.live("a control port is told from a live port", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start(kind)
      const outcome = yield* attempt("sessions", `net://127.0.0.1:${relay.controlPort}`)
      assert.strictEqual(outcome.code, 1)
      assert.match(outcome.stderr, /a relay's control port; viewers use its live port, 5344/)
    })
  )

  it.live("Ctrl-C in load, record and replay prints what was done until then", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start(kind)
      const stopped = Effect.fnUntraced(function* (args: ReadonlyArray<string>, isUnderWay: () => boolean) {
        const running = yield* start(...args)
        yield* Process.until(`${args[0]} to be under way`, isUnderWay, { seconds: 60 })
        running.signal("SIGINT")
        return (yield* running.ended).stdout
      })
      const sizeOf = (path: () => string) => {
        try {
          return statSync(join(path(), "ust/uid/0/64-bit/load_0")).size
        } catch {
          return 0
        }
      }
      const stored = (session: string) => sizeOf(() => Babeltrace.sessionDirectory(relay.output, session))
      const load = (session: string) => [
        ...["load", `--session=${session}`, "--hostname=h", "--live=50ms", "--rate=50", "--duration=60s"],
        streamingUrl(relay)
      ]
      const loaded = yield* stopped(load("l"), () => stored("l-0") > 5 * 4096)
      assert.match(loaded, /^1 session: \d+ packets, .* MB\/s, \d+ packets\/s, answers p50 [\d.]+ ms, p99 [\d.]+ ms\n$/)

      const directory = join(yield* Relays.temporaryDirectory("recorded"), "trace")
      yield* start(...load("m"))
      const record = ["record", "--wait", "--json", `${liveUrl(relay)}/host/h/m-0`, directory]
      const recorded = yield* stopped(record, () => sizeOf(() => directory) > 5 * 4096)
      assert.hasAllKeys(JSON.parse(recorded), ["directory", "streams", "packets", "bytes", "lost", "cut"])

      const copy = ["replay", "--speed=0.01", "--session=n", "--hostname=h", directory, streamingUrl(relay)]
      const replayed = yield* stopped(copy, () => stored("n") > 0)
      assert.match(replayed, /^\d+ packets?, .*\n$/)
    })
  )

  it.live("follow --wait waits for the relay, then for the session, and begins at its beginning", () =>
    Effect.gen(function* () {
      const livePort = yield* Ports.free
      const url = `net://127.0.0.1:${livePort}/host/h/l-0`
      const following = yield* Process.daemon(process.execPath, [
        toolboxProgram,
        "follow",
        "--packets",
        "--json",
        "--wait",
        url
      ])
      const relay = yield* Relays.start(kind, { livePort })
      const loading = yield* Load.held(
        relay,
        "--session=l",
        "--hostname=h",
        "--live=100ms",
        "--rate=20",
        "--packets=40"
      )
      yield* Process.until("it to follow", Viewing.isWatched(relay, "l-0"))
      yield* loading.goOn
      const { stdout } = yield* following.ended
      const [first] = jsonLines(stdout).filter(({ event }) => event === "packet")
      const index = join(Babeltrace.sessionDirectory(relay.output, "l-0"), "ust/uid/0/64-bit/index/load_0.idx")
      const beginOfFirstRecord = 16 + 24
      assert.strictEqual(first.timestampBegin, String(readFileSync(index).readBigUInt64BE(beginOfFirstRecord)))
    })
  )
}

const all = [...Peers.reference, "babeltrace2"]
Peers.describeConcurrently(all, "the toolbox and the installed relay", suite("reference"))
Peers.describeConcurrently(["babeltrace2"], "the toolbox and our relay", suite("ours"))
