/** `lttng-relay certs revoke`: openssl reads its list as relays do, and a relay that has it lets in nobody of it. */
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { toolboxProgram } from "../support/bundle.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import { asClient, asRelay, toolbox } from "../support/tunnels.ts"

it.live("a certificate that is revoked is let in no more, also one by one, also where paths are strange", () =>
  Effect.gen(function* () {
    const pki = join(yield* Relays.temporaryDirectory("pki"), "p $k#i\\")
    yield* toolbox("certs", "init", "--names=localhost", pki)
    for (const name of ["web1", "web2", "web3"]) yield* toolbox("certs", "target", name, pki)
    const revoke = (name: string) =>
      Process.attempt(process.execPath, [toolboxProgram, "certs", "revoke", "target", name, pki])
    const codes = [yield* revoke("web1"), yield* revoke("web1"), yield* revoke("nobody"), yield* revoke("../web2")]
    assert.deepStrictEqual(
      codes.map(({ code }) => code),
      [0, 1, 1, 1]
    )
    const list = join(pki, "revoked.pem")
    const verified = (name: string) => {
      const args = ["verify", "-crl_check", "-CAfile", join(pki, "ca.pem"), "-CRLfile", list]
      return Effect.map(Process.attempt("openssl", [...args, join(pki, `target-${name}.pem`)]), ({ code }) => code)
    }
    assert.deepStrictEqual([yield* verified("web1"), yield* verified("web2")], [2, 0])

    const relay = yield* Relays.start("ours", { args: [...asRelay(pki), `--tls-crl=${list}`] })
    const isTaken = (name: string) => {
      const to = `--to=tls://localhost:${relay.controlPort}`
      const args = [toolboxProgram, "tunnel", "--check", to, ...asClient(pki, `target-${name}`)]
      return Effect.map(Process.attempt(process.execPath, args), ({ code }) => code === 0)
    }
    assert.deepStrictEqual([yield* isTaken("web1"), yield* isTaken("web2")], [false, true])
    assert.include(relay.process.output(), "CERT_REVOKED")
    yield* revoke("web2")
    yield* Process.until(
      "the other to be refused",
      Effect.map(isTaken("web2"), (taken) => !taken)
    )
    assert.deepStrictEqual([yield* isTaken("web1"), yield* isTaken("web3")], [false, true])
  }).pipe(Effect.scoped)
)
