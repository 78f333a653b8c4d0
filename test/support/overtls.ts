/**
 * The same scenarios over TLS. With `LTTNG_RELAY_OVER=tls` a relay of ours takes nothing but TLS from clients with
 * certificates, all on its control port, and has two tunnels in front, its targets' and its viewers', whose ports are
 * those that suites know: peers do not notice.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { toolboxProgram } from "./bundle.ts"
import * as Ports from "./ports.ts"
import * as Process from "./process.ts"
import * as Toolbox from "./toolbox.ts"

export interface Place {
  readonly host: string
  readonly controlPort: number
  readonly dataPort: number
  readonly livePort: number
}

/** Scenarios that are about TLS, or about who is in front, say so themselves. */
export const isWanted = (args: ReadonlyArray<string> = []): boolean =>
  process.env.LTTNG_RELAY_OVER === "tls" && !args.some((arg) => /^--(tls|proxy-from|access)/.test(arg))

let made: string | undefined

/** One for all relays of this process. */
const authority = (): string => {
  if (made !== undefined) return made
  const folder = mkdtempSync(join(tmpdir(), "lttng-relay-over-tls-"))
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
  const pki = join(folder, "pki")
  for (const args of [
    ["init", "--names=localhost", pki],
    ["target", "targets", pki],
    ["viewer", "viewers", pki]
  ]) {
    const { status, stderr } = spawnSync(process.execPath, [toolboxProgram, "certs", ...args], { encoding: "utf8" })
    if (status !== 0) throw new Error(`certs ${args[0]}: ${stderr}`)
  }
  made = pki
  return pki
}

/**
 * The HTTP port stays as the scenario has it; where there is one nobody needs a certificate, since its readers see
 * without a token only what anybody is shown.
 */
export const relayArgs = (args: ReadonlyArray<string> = []): ReadonlyArray<string> => {
  const pki = authority()
  const identity = [`--tls-cert=${pki}/relay.pem`, `--tls-key=${pki}/relay.key`]
  const isForAnybody = args.some((arg) => arg.startsWith("--http-port"))
  const clients = isForAnybody ? [] : [`--tls-client-ca=${pki}/ca.pem`]
  return ["--tls=control=require,data=require,live=require,http=off", ...identity, ...clients]
}

const tunnel = (to: Place, who: string, host: string, ports: ReadonlyArray<number | "">) => {
  const pki = authority()
  const [at, listen] = [to.host, host].map((name) => (name === "::1" ? "[::1]" : name))
  const identity = [`--tls-ca=${pki}/ca.pem`, `--tls-cert=${pki}/${who}.pem`, `--tls-key=${pki}/${who}.key`]
  const args = [`--to=tls://${at}:${to.controlPort}`, "--tls-name=localhost", `--listen=${listen}:${ports.join(",")}`]
  return Toolbox.start("tunnel", ...args, ...identity)
}

/** Leads from `near`, the ports that peers know, to the relay's own. */
export const lead = Effect.fnUntraced(function* (near: Place, relay: Place) {
  const { controlPort, dataPort, host, livePort } = near
  const tunnels = [
    yield* tunnel(relay, "target-targets", host, [controlPort, dataPort, ""]),
    yield* tunnel(relay, "viewer-viewers", host, ["", "", livePort])
  ]
  yield* Process.until(
    "the tunnels to listen",
    Effect.suspend(() => {
      const ended = tunnels.find((running) => running.outcome() !== undefined)?.outcome()
      if (ended !== undefined) {
        return Effect.fail(new Process.ProcessFailed({ command: "tunnel", detail: ended.stderr.slice(-2000) }))
      }
      return Effect.succeed([controlPort, dataPort, livePort].every(Ports.listening))
    })
  )
})
