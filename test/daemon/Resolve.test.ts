/** Options, variables and INI keys to one value: every source on its own, then who wins. No process is started. */
import { assert, describe, it } from "@effect/vitest"
import type { DaemonOptions } from "../../src/config/DaemonOptions.ts"
import { options } from "../../src/config/Options.ts"
import * as Resolve from "../../src/config/Resolve.ts"
import * as Reload from "../../src/daemon/Reload.ts"

interface World {
  readonly args?: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>>
  readonly systemIni?: string
  readonly userIni?: string
  readonly namedIni?: string
  readonly fileLimit?: number
  /** Why files that are not given cannot be read. */
  readonly unread?: string
  /** What the resolver knows. */
  readonly names?: Readonly<Record<string, string>>
}

const names: Readonly<Record<string, string>> = { localhost: "127.0.0.1", six: "::6" }

const resolve = (world: World) =>
  Resolve.resolve({
    args: world.args ?? [],
    env: { LTTNG_HOME: "/home/one", ...world.env },
    systemIni: "/etc/lttng/lttng.conf",
    readFile: (path) => {
      const files: Readonly<Record<string, string | undefined>> = {
        "/etc/lttng/lttng.conf": world.systemIni,
        "/home/one/.lttng/lttng.conf": world.userIni,
        "/named.ini": world.namedIni
      }
      const text = files[path]
      if (text === undefined) throw Object.assign(new Error("gone"), { code: world.unread ?? "ENOENT" })
      return text
    },
    lookup: async (host) => {
      const address = /^[0-9.]+$|:/.test(host) ? host : (world.names ?? names)[host]
      if (address === undefined) throw new Error("not found")
      return address
    },
    fileLimit: world.fileLimit ?? 1024
  })

const resolved = async (world: World): Promise<DaemonOptions> => {
  const result = await resolve(world)
  if (result._tag !== "Run") return assert.fail(JSON.stringify(result))
  return result.options
}

const refusal = async (world: World): Promise<ReadonlyArray<string>> => {
  const result = await resolve(world)
  assert.strictEqual(result._tag, "Refused")
  return result.messages.map((message) => message.text)
}

type Pick = (options: DaemonOptions) => unknown

/** An option as argument of the command line and as INI entry; what it changes; to what. */
const rows: ReadonlyArray<readonly [name: string, value: string, pick: Pick, expected: unknown]> = [
  ["control-port", "tcp://1.2.3.4:9", (o) => o.relay.control, { host: "1.2.3.4", port: 9, family: 4 }],
  ["data-port", "tcp6://[::1]:9", (o) => o.relay.data, { host: "::1", port: 9, family: 6 }],
  ["live-port", "tcp://localhost", (o) => o.relay.live, { host: "127.0.0.1", port: 5344, family: 4 }],
  ["daemonize", "", (o) => o.mode, "daemonize"],
  ["background", "", (o) => o.mode, "background"],
  ["group", "staff", (o) => o.group, "staff"],
  ["fd-pool-size", "0x100", (o) => o.relay.fdPoolSize, 246],
  ["output", "/out", (o) => [o.relay.output, o.makeOutput], ["/out", true]],
  ["verbose", "", (o) => o.verbosity, 1],
  ["working-directory", "/w", (o) => o.workingDirectory, "/w"],
  ["group-output-by-session", "", (o) => o.relay.grouping, "session"],
  ["group-output-by-host", "", (o) => o.relay.grouping, "host"],
  ["disallow-clear", "", (o) => o.relay.allowClear, false],
  ["pid-file", "name", (o) => o.pidFile, "name"],
  ["sig-parent", "", (o) => o.sigParent, true],
  ["dynamic-port-allocation", "", (o) => [o.relay.control.port, o.relay.data.port, o.relay.live.port], [0, 0, 0]],
  ["single-viewer", "", (o) => o.relay.singleViewer, true],
  ["max-connections", "7", (o) => o.relay.connectionCountMax, 7],
  ["max-journals", "9", (o) => o.relay.journalCountMax, 9],
  ["memory-limit", "8M", (o) => o.relay.memoryBytesMax, 8388608],
  ["live-cache", "0", (o) => o.relay.liveCacheBytes, 0],
  ["stop-timeout", "1.5", (o) => o.relay.stopTimeoutMillis, 1500],
  ["suspend", "90", (o) => o.relay.suspendMillis, 90_000],
  ["sync", "interval:250", (o) => o.relay.sync, { intervalMillis: 250 }],
  ["io-threads", "1024", (o) => o.ioThreads, 1024],
  ["workers", "0", (o) => o.relay.workers, 0],
  ["priority-boost", "0", (o) => o.priorityBoost, 0],
  ["http-port", "unix:///run/http", (o) => o.httpPort, { _tag: "Unix", path: "/run/http" }],
  ["http-hosts", "A.example, b:80,c.", (o) => o.httpHosts, ["a.example", "b", "c"]],
  ["http-token-file", "/token", (o) => o.httpTokenFile, "/token"],
  ["access", "/access.json", (o) => o.access, "/access.json"],
  ["tls", "off", (o) => o.tls, undefined],
  ["tls-cert", "/cert", (o) => [o.tls?.certificate, o.tls?.key, o.tls?.live], ["/cert", "/cert", "require"]],
  ["tls-key", "/key", (o) => o.tls?.key, "/key"],
  ["tls-client-ca", "/ca", (o) => o.tls?.clientCa, "/ca"],
  ["tls-crl", "/crl", (o) => o.tls?.crl, "/crl"],
  ["proxy-from", "10.0.0.0/8,::1", (o) => o.relay.proxyFrom, ["10.0.0.0/8", "::1"]],
  ["tls-min-version", "1.2", (o) => o.tls?.minVersion, "TLSv1.2"],
  ["log-file", "/log", (o) => o.logFile, "/log"],
  ["log-format", "json", (o) => o.logFormat, "json"]
]

/** Options without which one is refused. */
const needed = (name: string): ReadonlyArray<string> => [
  ...(/^tls-(?!cert)/.test(name) ? ["--tls-cert=/base"] : []),
  ...(name === "tls-crl" ? ["--tls-client-ca=/ca"] : [])
]

describe("TLS", () => {
  const tlsOf = async (...args: ReadonlyArray<string>) => (await resolved({ args })).tls
  it("is for all ports or for each, with the identity that is given", async () => {
    const files = ["--tls-cert=/c", "--tls-key=k", "--tls-client-ca=/ca", "--tls-crl=/crl", "--tls-min-version=1.2"]
    assert.deepStrictEqual(await tlsOf(...files, "--tls=live=allow,data=require"), {
      control: "off",
      data: "require",
      live: "allow",
      certificate: "/c",
      key: `${process.cwd()}/k`,
      clientCa: "/ca",
      crl: "/crl",
      minVersion: "TLSv1.2"
    })
    assert.strictEqual((await tlsOf("--tls-cert=/c", "--tls=allow"))?.control, "allow")
    assert.isUndefined(await tlsOf("--tls-cert=/c", "--tls=off"))
    assert.isUndefined((await tlsOf("--tls-cert=/c", "--tls=require"))?.http)
    assert.deepInclude(await tlsOf("--tls-cert=/c", "--tls=http=require"), { control: "off", http: "require" })
    const all = { control: "require", data: "require", live: "allow", http: "off" } as const
    assert.deepInclude(await tlsOf("--tls-cert=/c", "--tls=require,live=allow,http=off"), all)
  })

  it("is refused where it could not be what is meant", async () => {
    assert.deepStrictEqual(await refusal({ args: ["--tls=require"] }), ["--tls needs --tls-cert"])
    assert.deepStrictEqual(await refusal({ args: ["--tls-cert=/c", "--tls-crl=/r"] }), [
      "--tls-crl needs --tls-client-ca"
    ])
    for (const option of ["tls-client-ca=/ca", "tls-crl=/r", "tls-key=/k", "tls-min-version=1.2"]) {
      const name = option.replace(/=.*/, "")
      assert.deepStrictEqual(await refusal({ args: [`--${option}`] }), [`--${name} needs --tls-cert`])
      assert.isUndefined(await tlsOf("--tls=off", `--${option}`))
    }
    for (const ranges of ["", "10.0.0.0/33", "host", "10.0.0.1,"]) {
      assert.match((await refusal({ args: [`--proxy-from=${ranges}`] }))[0] ?? "", /^Wrong value in --proxy-from/)
    }
    for (const args of [
      ["--tls=on"],
      ["--tls=data"],
      ["--tls=live=off,allow"],
      ["--tls=require,live=require,live=off"],
      ["--tls=allow,"],
      ["--tls=web=allow"],
      ["--tls-min-version=1.1"]
    ]) {
      assert.match((await refusal({ args }))[0] ?? "", /^Wrong value in --tls/)
    }
  })
})

describe("a reload that finds one setting changed", () => {
  /** The default. */
  const same = "group-output-by-host"
  const others: Readonly<Record<string, string>> = {
    "live-port": "tcp://localhost:1",
    "tls-cert": "/other",
    tls: "allow"
  }
  for (const [name, value] of rows.filter(([row]) => row !== "dynamic-port-allocation")) {
    it(`names --${name}, and it alone, as one that changes or as one that needs a restart`, async () => {
      const base = /^tls(-cert)?$/.test(name) ? ["--tls-cert=/base"] : needed(name)
      const own = others[name] ?? value
      const before = await resolved({ args: base })
      const flag = `--${name}${own === "" ? "" : `=${own}`}`
      const after = await resolved({ args: name === "tls-cert" ? [flag, "--tls-key=/base"] : [...base, flag] })
      const { changed, needRestart } = Reload.differences(before, after)
      assert.deepStrictEqual([...changed, ...needRestart], name === same ? [] : [name])
      if (changed.length > 0) assert.property(Reload.changeable, name)
    })
  }
})

describe("one setting", () => {
  it("has a row here for every option that is one", () => {
    const settings = options.map((option) => option.name).filter((name) => !/^(help|version|config|check)$/.test(name))
    assert.sameMembers(
      rows.map(([name]) => name),
      settings
    )
  })
  for (const [name, value, pick, expected] of rows) {
    it(`--${name} on the command line`, async () => {
      const options = await resolved({ args: [...needed(name), `--${name}${value === "" ? "" : `=${value}`}`] })
      assert.deepStrictEqual(pick(options), expected)
    })
    it(`${name} in the INI file`, async () => {
      const options = await resolved({
        args: needed(name),
        userIni: `[relayd]\n${name} = ${value === "" ? "yes" : value}\n`
      })
      assert.deepStrictEqual(pick(options), expected)
    })
  }
  const variables: ReadonlyArray<readonly [name: string, value: string, pick: Pick, expected: unknown]> = [
    ["LTTNG_HOME", "/h", (o) => o.relay.output, "/h/lttng-traces"],
    ["LTTNG_RUNDIR", "/r", (o) => o.runDirectory, "/r"],
    ["LTTNG_RELAYD_HEALTH", "/h", (o) => o.healthPath, "/h"],
    ["LTTNG_RELAYD_WORKING_DIRECTORY", "/w", (o) => o.workingDirectory, "/w"],
    ["LTTNG_RELAYD_WORKING_DIRECTORY", "", (o) => o.workingDirectory, ""],
    ["LTTNG_RELAYD_DISALLOW_CLEAR", "1", (o) => o.relay.allowClear, false],
    ["LTTNG_RELAYD_DISALLOW_CLEAR", "no", (o) => o.relay.allowClear, true],
    ["LTTNG_NETWORK_SOCKET_TIMEOUT", "0x10", (o) => o.relay.socketTimeoutMillis, 16],
    ["LTTNG_NETWORK_SOCKET_TIMEOUT", "3000000000", (o) => o.relay.socketTimeoutMillis, 2 ** 30],
    ["LTTNG_NETWORK_SOCKET_TIMEOUT", "-1", (o) => o.relay.socketTimeoutMillis, undefined],
    ["LTTNG_NETWORK_SOCKET_TIMEOUT", "soon", (o) => o.relay.socketTimeoutMillis, undefined],
    ["LTTNG_ABORT_ON_ERROR", "1", (o) => o.abortOnError, true],
    ["LTTNG_ABORT_ON_ERROR", "yes", (o) => o.abortOnError, false],
    ["UV_THREADPOOL_SIZE", "5", (o) => o.ioThreads, 5],
    ["LTTNG_RELAYD_TCP_KEEP_ALIVE", "0", (o) => o.relay.keepAlive, "off"],
    ["LTTNG_RELAYD_THREAD_WORKER_STALL", "1", (o) => o.testpoints.stalled, []]
  ]
  for (const [name, value, pick, expected] of variables) {
    it(`${name}=${value}`, async () =>
      assert.deepStrictEqual(pick(await resolved({ env: { [name]: value } })), expected))
  }
  it("keep-alive variables count only when the feature is on, and 0 and -1 are the system's defaults", async () => {
    const env = {
      LTTNG_RELAYD_TCP_KEEP_ALIVE: "1",
      LTTNG_RELAYD_TCP_KEEP_ALIVE_IDLE_TIME: "30",
      LTTNG_RELAYD_TCP_KEEP_ALIVE_PROBE_INTERVAL: "0",
      LTTNG_RELAYD_TCP_KEEP_ALIVE_MAX_PROBE_COUNT: "9"
    }
    const expected = { idleSeconds: 30, probeIntervalSeconds: undefined, maxProbeCount: 9 }
    assert.deepStrictEqual((await resolved({ env })).relay.keepAlive, expected)
  })
  it("testpoints need their master switch", async () => {
    const env = {
      LTTNG_TESTPOINT_ENABLE: "1",
      LTTNG_RELAYD_THREAD_LIVE_WORKER_STALL: "1",
      LTTNG_RELAYD_THREAD_LISTENER_TP_FAIL: "1"
    }
    const { testpoints } = await resolved({ env })
    assert.deepStrictEqual(testpoints, { stalled: ["live-worker"], failing: ["listener"] })
  })
})

describe("several sources", () => {
  const ini = (directory: string) => `[relayd]\nworking-directory = ${directory}\n`
  const worlds: ReadonlyArray<readonly [string, World, string]> = [
    ["the system INI over the environment", { systemIni: ini("/system") }, "/system"],
    ["the user INI over the system INI", { systemIni: ini("/system"), userIni: ini("/user") }, "/user"],
    ["the named INI over the user INI", { userIni: ini("/user"), namedIni: ini("/named") }, "/named"],
    ["the command line over all", { namedIni: ini("/named"), args: ["-f", "/named.ini", "-w", "/last"] }, "/last"]
  ]
  for (const [name, world, expected] of worlds) {
    it(name, async () => {
      const options = await resolved({
        env: { LTTNG_RELAYD_WORKING_DIRECTORY: "/environment" },
        args: world.namedIni === undefined ? [] : ["--config", "/named.ini"],
        ...world
      })
      assert.strictEqual(options.workingDirectory, expected)
    })
  }
  it("-v adds to the INI file's verbosity", async () => {
    assert.strictEqual((await resolved({ userIni: "[relayd]\nverbose = 2\n", args: ["-vvv"] })).verbosity, 3)
    assert.strictEqual((await resolved({ userIni: "[relayd]\nverbose = 7\n" })).verbosity, 7)
  })
  it("port 0 is the standard port, unless ports are dynamic; the order does not matter", async () => {
    assert.strictEqual((await resolved({ args: ["-C", "tcp://1.1.1.1:"] })).relay.control.port, 5342)
    const { relay } = await resolved({ args: ["-C", "tcp://1.1.1.1:0", "-D", "tcp://1.1.1.1:7", "--dynamic-port"] })
    assert.deepStrictEqual([relay.control.port, relay.data.port, relay.live.port], [0, 7, 0])
  })
  it("-b wins over -d", async () => assert.strictEqual((await resolved({ args: ["-bd"] })).mode, "background"))
})

describe("a resolver that knows nothing", () => {
  it("is not needed for this machine, whose name may be in capitals", async () => {
    const args = ["-C", "tcp://LocalHost:1", "-D", "tcp6://localhost:2"]
    const { relay } = await resolved({ args, names: {} })
    assert.deepStrictEqual(relay.control, { host: "127.0.0.1", port: 1, family: 4 })
    assert.deepStrictEqual(relay.data, { host: "::1", port: 2, family: 6 })
    const [told] = await refusal({ args: ["-C", "tcp://six:1"], names: {} })
    assert.strictEqual(told, "URI parse bad hostname six for af 2")
  })
})

describe("a wrong value", () => {
  const refusals: ReadonlyArray<readonly [string, World, string]> = [
    [
      "both groupings",
      { args: ["-s", "-p"] },
      "Cannot set --group-output-by-host, another --group-output-by argument is present"
    ],
    [
      "a grouping against the INI file's",
      { userIni: "[relayd]\ngroup-output-by-session=yes\n", args: ["-p"] },
      "Cannot set --group-output-by-host, another --group-output-by argument is present"
    ],
    [
      "two groupings in the INI file",
      { userIni: "[relayd]\ngroup-output-by-session=yes\ngroup-output-by-host=1\n" },
      "Cannot set --group-output-by-host, another --group-output-by argument is present"
    ],
    ["a relative output", { args: ["-o", "here"] }, "Please specify an absolute path for -o, --output PATH"],
    [
      "a relative output in the INI file",
      { userIni: "[relayd]\noutput=here\n" },
      "Please specify an absolute path for -o, --output PATH"
    ],
    [
      "a quoted output in the INI file",
      { userIni: '[relayd]\noutput="/x"\n' },
      "Please specify an absolute path for -o, --output PATH"
    ],
    [
      "a named file that is missing",
      { args: ["-f", "/none.ini"] },
      "Failed to open daemon configuration file at /none.ini: No such file or directory"
    ],
    [
      "a pool above the limit",
      { args: ["--fd-pool-size=2000"] },
      "File descriptor pool size argument (2000) exceeds the process' soft limit (1024)."
    ],
    ["a pool below 100", { args: ["--fd-pool-size=99"] }, "File descriptor pool size must be set to at least 100"],
    ["a pool that is no number", { args: ["--fd-pool-size=x1"] }, "Wrong value in --fd-pool-size parameter: x1"],
    [
      "a pool beyond 32 bits",
      { args: ["--fd-pool-size=4294967295"] },
      "File descriptor cap overflow in --fd-pool-size parameter: 4294967295"
    ],
    [
      "a low limit",
      { fileLimit: 90 },
      "The process' file number limit is too low (90). The process' file number limit must be set to at least 100."
    ],
    [
      "a bad variable",
      { env: { LTTNG_RELAYD_DISALLOW_CLEAR: "" } },
      "Invalid value for LTTNG_RELAYD_DISALLOW_CLEAR specified"
    ],
    ["an unknown log format", { args: ["--log-format=xml"] }, "Wrong value in --log-format parameter: xml"],
    ["a number of threads that is none", { args: ["--workers=two"] }, "Wrong value in --workers parameter: two"],
    ["more threads than there can be", { args: ["--io-threads=1025"] }, "Wrong value in --io-threads parameter: 1025"],
    ["more threads than make sense", { args: ["--workers=65"] }, "Wrong value in --workers parameter: 65"],
    [
      "a size that is none",
      { args: ["--memory-limit=64kb", "--memory-limit=65535"] },
      "Wrong value in --memory-limit parameter: 65535"
    ],
    [
      "a home that is relative",
      { args: [], env: { LTTNG_HOME: "some/where" } },
      "The home directory some/where is no absolute path: give -o, --output PATH, or another"
    ],
    [
      "a URL for a host's name",
      { args: ["--http-hosts=a,http://b"] },
      "Wrong value in --http-hosts parameter: http://b"
    ],
    ...["access", "http-token-file", "log-file", "tls-cert", "tls-key", "tls-client-ca", "tls-crl"].map(
      (name) =>
        [
          `a file without a name for --${name}`,
          { args: [`--${name}=`] },
          `Wrong value in --${name} parameter: `
        ] as const
    ),
    ["a size that is none", { args: ["--memory-limit=lots"] }, "Wrong value in --memory-limit parameter: lots"]
  ]
  const withoutUsage = (text: string) => text.replace(/^(Wrong value .*); --.*$/, "$1")
  for (const [name, world, message] of refusals) {
    it(`${name} refuses the start`, async () =>
      assert.deepStrictEqual((await refusal(world)).map(withoutUsage), [message]))
  }

  it("a wrong value is refused with what would be right", async () => {
    const help = "none, close, interval:MS or always: what outlives the machine's power (default none)"
    assert.deepStrictEqual(await refusal({ args: ["--sync=often"] }), [
      `Wrong value in --sync parameter: often; --sync=WHEN: ${help}`
    ])
  })
  it("an unresolvable host is named with its family", async () => {
    assert.deepStrictEqual(await refusal({ args: ["-L", "tcp6://nowhere:1"] }), [
      "URI parse bad hostname nowhere for af 10",
      "Invalid live URI specified"
    ])
  })
  it("in the INI file is reported and skipped", async () => {
    const userIni = "[relayd]\ncontrol-port = tcp://\nverbose = maybe\nsurprise = 1\nbackground = off\nhelp = yes\n"
    const result = await resolve({ userIni })
    assert.strictEqual(result._tag, "Run")
    assert.deepStrictEqual(
      result.messages.map(({ level, text }) => `${level}: ${text}`),
      [
        "error: No address or hostname detected.",
        "error: Invalid control URI specified",
        'warning: Invalid configuration value "maybe" for option verbose',
        'warning: Unrecognized option "surprise" in daemon configuration file.'
      ]
    )
  })
  it("of an INI file that may not be read is said, and the others are read", async () => {
    const result = await resolve({ unread: "EACCES", userIni: "[relayd]\nverbose = 2\n" })
    if (result._tag !== "Run") return assert.fail(JSON.stringify(result))
    assert.strictEqual(result.options.verbosity, 2)
    assert.deepStrictEqual(result.messages, [
      {
        level: "error",
        text: "Failed to open daemon configuration file at /etc/lttng/lttng.conf: Permission denied"
      }
    ])
  })
  it("of a keep-alive variable turns the feature off and starts", async () => {
    const result = await resolve({ env: { LTTNG_RELAYD_TCP_KEEP_ALIVE: "2" } })
    assert.strictEqual(result._tag, "Run")
    assert.deepStrictEqual(
      result.messages.map((message) => message.text),
      ["Invalid value for LTTNG_RELAYD_TCP_KEEP_ALIVE"]
    )
  })
})

describe("of arguments, more than a call takes", () => {
  const count = 200_000
  it("letters of one word", async () => {
    const result = await resolve({ args: [`-${"v".repeat(count)}`] })
    assert.strictEqual(result._tag, "Run")
  })
  it("complaints", async () => {
    const result = await resolve({ args: ["--check", ...Array<string>(count).fill("--surprise")] })
    assert.lengthOf(result.messages, count)
  })
})
