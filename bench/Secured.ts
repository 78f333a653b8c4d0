/**
 * TLS between targets and a relay. The generator speaks it, or, where it was compiled without libssl, plain TCP to a
 * HAProxy beside it. Our relay takes TLS itself; in front of the reference there is stunnel; or of either a HAProxy.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { Effect, type Scope } from "effect"
import type * as Case from "./Case.ts"
import type { Generator } from "./Generator.ts"
import type { Ports } from "./Link.ts"
import * as Process from "./Process.ts"
import type { Kind } from "./Relay.ts"

/** What a relay is started with; and, once it listens, what leads to it. */
export interface Secured {
  readonly args: ReadonlyArray<string>
  readonly connect: (ports: Ports) => Effect.Effect<Ends, Process.CannotRun, Scope.Scope>
}

export interface Ends {
  /** Where the generator dials. */
  readonly ports: Ports
  /** Where TLS begins, if that is not the generator; its processor time is the target's. */
  readonly near: Process.Running | undefined
  /** Where TLS ends, if that is not the relay; its processor time is the relay's. */
  readonly far: Process.Running | undefined
}

const isThere = (command: string, arg: string) => spawnSync(command, [arg], { stdio: "ignore" }).error === undefined

/** Why there can be no relay with TLS of its own. */
export const missingOwn = (kind: Kind): string | undefined => {
  if (kind === "null" || kind === "running") return "has no TLS"
  return isThere("openssl", "version") ? undefined : "there is no openssl"
}

/** Why this machine cannot do it. */
export const missing = (tls: Case.Tls, kind: Kind, generator: Pick<Generator, "hasTls">): string | undefined => {
  const own = missingOwn(kind)
  if (own !== undefined) return own
  if ((tls === "haproxy" || !generator.hasTls) && !isThere("haproxy", "-v")) return "there is no haproxy"
  return tls === "own" && kind === "reference" && !isThere("stunnel4", "-version") ? "there is no stunnel4" : undefined
}

const certificate = (folder: string): { readonly cert: string; readonly key: string; readonly both: string } => {
  const [cert, key, both] = ["relay.pem", "relay.key", "both.pem"].map((name) => path.join(folder, name)) as [
    string,
    string,
    string
  ]
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
  spawnSync("openssl", ["req", "-x509", ...newKey, "-keyout", key, "-out", cert, "-subj", "/CN=relay", "-days", "2"])
  fs.writeFileSync(both, fs.readFileSync(cert, "utf8") + fs.readFileSync(key, "utf8"))
  return { cert, key, both }
}

const ciphers = "TLS_AES_128_GCM_SHA256"

const proxy = (folder: string, name: string, lines: ReadonlyArray<string>, port: number) =>
  Effect.gen(function* () {
    const file = path.join(folder, `${name}.cfg`)
    const global = ["global", "  tune.bufsize 65536", "  ssl-server-verify none"]
    const defaults = ["defaults", "  mode tcp", "  timeout connect 5s", "  timeout client 1h", "  timeout server 1h"]
    fs.writeFileSync(file, [...global, ...defaults, ...lines, ""].join("\n"))
    const running = yield* Process.spawn("haproxy", ["-db", "-f", file])
    yield* Process.listening(running, port)
    return running
  })

const through = (from: number, bind: string, to: number, server: string) => [
  `listen p${from}`,
  `  bind 127.0.0.1:${from} ${bind}`,
  `  server relay 127.0.0.1:${to} ${server}`
]

/** Our relay takes TLS beside plain TCP. */
export const allowArgs = (folder: string): ReadonlyArray<string> => {
  const { cert, key } = certificate(folder)
  return ["--tls=allow", `--tls-cert=${cert}`, `--tls-key=${key}`]
}

export const make = (tls: Case.Tls, kind: Kind, folder: string, generator: Pick<Generator, "hasTls">): Secured => {
  const { both, cert, key } = certificate(folder)
  const isOwn = tls === "own" && kind === "ours"
  const far = (ports: Ports) =>
    Effect.gen(function* () {
      const [control = 0, data = 0] = yield* Process.freePorts(2)
      const pairs = [
        [control, ports.control],
        [data, ports.data]
      ] as const
      if (tls === "haproxy") {
        const bind = `ssl crt ${both} ssl-min-ver TLSv1.3 ciphersuites ${ciphers}`
        const server = kind === "ours" ? "send-proxy-v2" : ""
        const lines = pairs.flatMap(([from, to]) => through(from, bind, to, server))
        return { control, data, running: yield* proxy(folder, "far", lines, control) }
      }
      const file = path.join(folder, "stunnel.conf")
      const services = pairs.flatMap(([from, to]) => [
        `[p${from}]`,
        `accept = 127.0.0.1:${from}`,
        `connect = 127.0.0.1:${to}`
      ])
      const own = ["foreground = yes", "pid =", `cert = ${cert}`, `key = ${key}`, `ciphersuites = ${ciphers}`]
      fs.writeFileSync(file, [...own, ...services, ""].join("\n"))
      const running = yield* Process.spawn("stunnel4", [file])
      yield* Process.listening(running, control)
      return { control, data, running }
    })
  return {
    args: isOwn
      ? [`--tls-cert=${cert}`, `--tls-key=${key}`]
      : tls === "haproxy" && kind === "ours"
        ? ["--proxy-from=127.0.0.1"]
        : [],
    connect: (ports) =>
      Effect.gen(function* () {
        const end = isOwn ? { ...ports, running: undefined } : yield* far(ports)
        if (generator.hasTls) {
          return { ports: { ...ports, control: end.control, data: end.data }, near: undefined, far: end.running }
        }
        const [control = 0, data = 0] = yield* Process.freePorts(2)
        const server = `ssl ciphersuites ${ciphers} ssl-min-ver TLSv1.3`
        const lines = [...through(control, "", end.control, server), ...through(data, "", end.data, server)]
        const near = yield* proxy(folder, "near", lines, control)
        return { ports: { ...ports, control, data }, near, far: end.running }
      })
  }
}
