/** Certificates of traced hosts that are over soon: whoever runs a tunnel or an edge is told in time. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Authority from "../../src/cli/certs/Authority.ts"
import * as Terms from "../../src/cli/Terms.ts"
import { toolboxProgram } from "../support/bundle.ts"
import * as Certificates from "../support/certificates.ts"
import * as Edges from "../support/edges.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import { asClient, asRelay, certificates, tunnel } from "../support/tunnels.ts"

Peers.describeWithPeers(["openssl"], "a certificate's last days", () => {
  it.live("are told of ours and of the authority that we trust, as is one from the future", () =>
    Effect.gen(function* () {
      const pki = yield* Relays.temporaryDirectory("terms")
      yield* Authority.init(pki, ["localhost"])
      const brief = yield* Certificates.authority
      const text = (issued: Certificates.Certificate) => ({ ca: brief.ca, certificate: issued.cert })
      const young = yield* brief.issue({ name: "young", from: "20490101000000Z", to: "20491231000000Z" })
      const over = yield* brief.issue({ name: "over", from: "20200101000000Z", to: "20210101000000Z" })
      const soon = "the authority that we trust (CN=strange authority) expires"
      const said = (identity: Parameters<typeof Terms.complaintsOf>[0]) =>
        Terms.complaintsOf(identity).map((line) => line.replace(/(expires) .*/, "$1"))
      assert.deepStrictEqual(said(text(young)), [
        "our certificate (CN=young) is not valid before 2049-01-01T00:00:00.000Z",
        soon
      ])
      assert.deepStrictEqual(said(text(over)), ["our certificate (CN=over) expired 2021-01-01T00:00:00.000Z", soon])
      assert.deepStrictEqual(said({ ca: brief.ca }), [soon])
      assert.deepStrictEqual(said(undefined), [])
      const good = readFileSync(join(pki, "ca.pem"), "utf8")
      assert.deepStrictEqual(said({ ca: `${brief.ca}\n${good}` }), [], "one of several is good")
    })
  )

  it.live("are said by a tunnel and an edge when they begin, and by their --check, which is content", () =>
    Effect.gen(function* () {
      const pki = yield* certificates
      yield* Authority.client(pki, "target", "brief", 20)
      const relay = yield* Relays.start("ours", { args: asRelay(pki) })
      const to = `tls://localhost:${relay.controlPort}`
      const ending = "Warning: our certificate (CN=brief) expires "
      const spool = join(yield* Relays.temporaryDirectory("edge"), "spool")
      for (const [command, ...more] of [["tunnel"], ["edge", `--spool=${spool}`, "--listen=127.0.0.1:0,0"]] as const) {
        const check = (who: string) =>
          Process.attempt(process.execPath, [
            toolboxProgram,
            command,
            "--check",
            `--to=${to}`,
            ...more,
            ...asClient(pki, who)
          ])
        const brief = yield* check("target-brief")
        assert.deepStrictEqual([brief.code, brief.stderr.includes(ending)], [0, true], brief.stderr)
        assert.notInclude((yield* check("target-web1")).stderr, "expires")
      }
      const carried = yield* tunnel(relay, to, asClient(pki, "target-brief"))
      yield* Process.said(carried.tunnel, (output) => output.includes(ending))
      const edge = yield* Edges.start(relay, { to, args: asClient(pki, "target-brief") })
      yield* Process.said(edge.process, (output) => output.includes(ending))
    })
  )
})
