/** Operators whose relay knows them by their certificate: the commands for them over TLS, to any port that takes it. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Certificates from "../support/certificates.ts"
import * as Peers from "../support/peers.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import { attempt as toolbox } from "../support/toolbox.ts"
import { asClient, asRelay, certificates } from "../support/tunnels.ts"

const access = {
  principals: [
    { name: "alice", names: ["URI:lttng://viewer/alice"] },
    { name: "web1", names: ["URI:lttng://target/web1"] }
  ],
  rules: [
    { principals: ["alice"], admin: true, view: [{}] },
    { principals: ["web1"], record: [{}] }
  ]
}

const setUp = Effect.gen(function* () {
  const pki = yield* certificates
  writeFileSync(join(pki, "access.json"), JSON.stringify(access))
  const port = yield* Ports.free
  const http = [`--http-port=tcp://127.0.0.1:${port}`, `--access=${pki}/access.json`]
  const tls = asRelay(pki).map((word) => (word === "--tls=require" ? `${word},http=require` : word))
  const relay = yield* Relays.start("ours", { args: [...tls, ...http] })
  yield* Process.until("the HTTP port to listen", () => Ports.listening(port))
  return { pki, relay, url: `https://localhost:${port}` }
})

Peers.describeWithPeers(["openssl"], "commands for operators, over TLS", () => {
  it.live("do what their certificate may, by the HTTP port and by any other", () =>
    Effect.gen(function* () {
      const { pki, relay, url } = yield* setUp
      const alice = asClient(pki, "viewer-alice")
      for (const at of [url, `https://127.0.0.1:${relay.controlPort}`]) {
        const top = yield* toolbox("top", "--json", at, ...alice)
        assert.strictEqual(top.code, 0, top.stderr)
        assert.deepStrictEqual(JSON.parse(top.stdout).sessions, [])
      }
      const drained = yield* toolbox("drain", url, ...alice)
      assert.deepStrictEqual([drained.code, drained.stdout], [0, "Drained: no session is left\n"])
      const archive = join(pki, "support.tar")
      const support = yield* toolbox("support", url, `--output=${archive}`, ...alice)
      assert.deepStrictEqual([support.code, support.stdout], [0, `${archive}\n`])
      const sessions = yield* toolbox("sessions", "--json", url, ...alice)
      assert.strictEqual(sessions.code, 0, sessions.stderr)
      const target = yield* toolbox("drain", "--cancel", url, ...asClient(pki, "target-web1"))
      assert.deepStrictEqual([target.code, /the relay refuses/.test(target.stderr)], [1, true], target.stderr)
    })
  )

  it.live("say who the relay is not, and what of ours is no use", () =>
    Effect.gen(function* () {
      const { pki, relay, url } = yield* setUp
      const strange = yield* Certificates.authority
      const over = yield* strange.issue({ name: "over", from: "20200101000000Z", to: "20210101000000Z" })
      for (const [name, text] of [
        ["strange.pem", strange.ca],
        ["over.pem", over.cert],
        ["over.key", over.key]
      ] as const) {
        writeFileSync(join(pki, name), text, { mode: 0o600 })
      }
      const alice = asClient(pki, "viewer-alice")
      const old = [`--tls-ca=${pki}/ca.pem`, `--tls-cert=${pki}/over.pem`, `--tls-key=${pki}/over.key`]
      const expired = "Warning: our certificate (CN=over) expired 2021-01-01"
      const wrong: ReadonlyArray<readonly [code: number, said: string, args: ReadonlyArray<string>]> = [
        [1, "signed by an authority that we do not trust: give its authority with --tls-ca", ["top", url]],
        [
          1,
          "signed by an authority that we do not trust: give its authority with --tls-ca",
          ["top", url, `--tls-ca=${pki}/strange.pem`]
        ],
        [1, "give its authority with --tls-ca", ["sessions", `tls://localhost:${relay.livePort}`]],
        [1, "give its authority with --tls-ca", ["record", `tls://localhost:${relay.livePort}/host/h/s`, `${pki}/r`]],
        [1, ", not for elsewhere: connect by a name", ["drain", url, ...alice, "--tls-name=elsewhere"]],
        [2, "certificates are for https://", ["support", url.replace("https", "http"), ...alice]],
        [1, "No such file or directory", ["top", url, "--tls-ca=/none.pem"]],
        [1, expired, ["drain", url, ...old]],
        [1, "does not take our certificate", ["drain", url, ...old]],
        [1, expired, ["sessions", `tls://localhost:${relay.livePort}`, ...old]],
        [1, expired, ["follow", `tls://localhost:${relay.livePort}/host/h/s`, ...old]],
        [1, expired, ["load", `tls://localhost:${relay.controlPort}`, ...old]],
        [1, "no rule of its --access", ["drain", url, ...asClient(pki, "target-web1")]],
        [1, "before a word: our certificate (CN=over, ", ["load", `tls://localhost:${relay.controlPort}`, ...old]]
      ]
      for (const [status, said, args] of wrong) {
        const { code, stderr } = yield* toolbox(...args)
        assert.deepStrictEqual([code, stderr.includes(said)], [status, true], `${args.join(" ")}: ${stderr}`)
      }
    })
  )

  it.live("say that a port has none", () =>
    Effect.gen(function* () {
      const port = yield* Ports.free
      yield* Relays.start("ours", { args: [`--http-port=tcp://127.0.0.1:${port}`] })
      yield* Process.until("the HTTP port to listen", () => Ports.listening(port))
      const url = `https://127.0.0.1:${port}`
      const why = "what answers there speaks no TLS\n"
      const top = yield* toolbox("top", "--json", url)
      assert.deepInclude(top, { code: 1, stderr: `Error: ${url} does not answer as a relay does: ${why}` })
      const follow = yield* toolbox("follow", `tls://127.0.0.1:${port}/host/h/s`)
      assert.deepInclude(follow, { code: 1, stderr: `Error: cannot connect to 127.0.0.1:${port}: TLS: ${why}` })
    })
  )
})
