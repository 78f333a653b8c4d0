/** Sockets of a service manager: which the relay takes, and that nobody is refused while it is not there. */
import { readFileSync } from "node:fs"
import { connect } from "node:net"
import { dirname, join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { daemonProgram } from "../support/bundle.ts"
import * as Peers from "../support/peers.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Toolbox from "../support/toolbox.ts"
import * as Daemons from "./daemons.ts"

const command = join(dirname(daemonProgram), "lttng-relayd")
const path = `${dirname(process.execPath)}:/usr/bin:/bin`

const environment = (at: Daemons.Place) => ({
  PATH: path,
  HOME: at.home,
  LTTNG_HOME: at.home,
  LTTNG_RUNDIR: at.runDirectory
})

const activate = (at: Daemons.Place, words: ReadonlyArray<string>, options: ReadonlyArray<string> = []) => {
  const variables = Object.keys(environment(at)).flatMap((name) => ["-E", name])
  return Process.daemon("systemd-socket-activate", [...options, ...variables, ...words], {
    cwd: at.home,
    env: environment(at)
  })
}

const listenAt = (ports: ReadonlyArray<number>) => ports.flatMap((port) => ["-l", `127.0.0.1:${port}`])

/**
 * A service manager for three ports: starts what serves them, and once more when that ends.
 * Descriptors up to $^F stay open in what is executed.
 */
const manager = `
  use Socket;
  $^F = 9;
  for my $port (splice @ARGV, 0, 3) {
    my $socket;
    socket($socket, PF_INET, SOCK_STREAM, 0) && setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1)
      && bind($socket, sockaddr_in($port, INADDR_LOOPBACK)) && listen($socket, 9) or die $!;
    push @kept, $socket;
  }
  $SIG{TERM} = sub { kill TERM => $child; exit };
  for (1, 2) {
    wait if $child = fork;
    next if $child;
    @ENV{"LISTEN_PID", "LISTEN_FDS"} = ($$, 3);
    exec @ARGV;
  }`

const load = (at: Daemons.Place) => {
  const [control, data] = at.ports
  const url = `net://127.0.0.1:${control}:${data}`
  return Toolbox.run("load", "--packets=1", "--hostname=h", url)
}

const reach = (port: number) =>
  Effect.callback<void>((resume) => {
    connect(port, "127.0.0.1", () => resume(Effect.void)).on("error", () => undefined)
  })

Peers.describeWithPeers(["systemd-socket-activate", "perl"], "a relay whose sockets are bound already", () => {
  const entries: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
    ["by its command", [command]],
    ["by its entry, without a first stage", [process.execPath, daemonProgram]]
  ]
  it.live.each(entries)("takes them in their order, started %s, with options that say otherwise", ([, words]) =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const running = yield* activate(at, [...words, "-C", "tcp://0.0.0.0:1", "--io-threads=8"], listenAt(at.ports))
      yield* Process.until("somebody to listen", () => Daemons.listening(at))
      yield* load(at)
      yield* Process.until("the port files", () => Daemons.files(at).includes("live.port"))
      assert.deepStrictEqual(
        Daemons.portFiles(at),
        at.ports.map((port) => `${port}\n`)
      )
      // It is the process that they were given to.
      assert.include(Daemons.files(at), `health-${running.pid}`)
      running.signal("SIGTERM")
      assert.strictEqual((yield* running.ended).code, 0)
    })
  )

  it.live("takes those that have its names, and binds what is not among them", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const [control = 0, data = 0, live = 0] = at.ports
      const options = [...listenAt([live, data]), "--fdname=live:data"]
      yield* activate(at, [command, "-C", `tcp://127.0.0.1:${control}`, "--tls=off"], options)
      yield* Process.until("somebody to listen", () => Ports.listening(live))
      yield* reach(live)
      yield* Process.until("all ports", () => Daemons.files(at).includes("live.port"))
      yield* load(at)
      assert.deepStrictEqual(
        Daemons.portFiles(at),
        at.ports.map((port) => `${port}\n`)
      )
    })
  )

  it.live("keeps nobody out while it is started again", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const pid = join(at.home, "pid")
      const words = ["-e", manager, ...at.ports.map(String), command, "-P", pid]
      yield* Process.daemon("perl", words, { cwd: at.home, env: environment(at) })
      yield* Process.until("the first", () => Daemons.files(at).includes("live.port"))
      const first = Number(readFileSync(pid, "utf8"))
      process.kill(first, "SIGTERM")
      yield* Process.until("its end", () => !Daemons.isAlive(first))
      yield* load(at)
      assert.notStrictEqual(Number(readFileSync(pid, "utf8")), first)
    })
  )

  it.live("says why it cannot serve them, and what of them a start would take", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const given = (variables: string, words: ReadonlyArray<string>, descriptor = "3</dev/null") =>
        Process.attempt("sh", ["-c", `LISTEN_PID=$$ ${variables} exec "$@" ${descriptor}`, "sh", command, ...words], {
          cwd: at.home,
          env: environment(at)
        })
      const refusals = [
        [yield* given("LISTEN_FDS=1", at.urls), "Failed to bind control socket of the service manager, descriptor 3"],
        [yield* given("LISTEN_FDS=1 LISTEN_FDNAMES=http", at.urls), "sockets of the service manager: http is not one"],
        [yield* given("LISTEN_FDS=1", [...at.urls, "-d"]), "-d, -b: the service manager's sockets are here"],
        [yield* given("LISTEN_FDS=4", ["--check"]), "sockets of the service manager: there are 4, of at most 3"],
        [yield* given("LISTEN_FDS=1", [...at.urls, "--check"]), "The control port 127.0.0.1"]
      ] as const
      for (const [{ code, stderr }, reason] of refusals) {
        assert.strictEqual(code, 1)
        assert.include(stderr, reason)
      }
      const [control = 0] = at.ports
      const check = yield* activate(at, [command, ...at.urls, "--check"], listenAt([control]))
      yield* Process.until("somebody to listen", () => Ports.listening(control))
      yield* reach(control)
      const { code, stderr } = yield* check.ended
      assert.strictEqual(code, 0, stderr)
    })
  )
})
