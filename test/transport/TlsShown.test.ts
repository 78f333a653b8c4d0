/** What is said of a certificate that lets nobody in: what is wrong, and whose it is, whatever is written in it. */
import { X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import * as net from "node:net"
import * as tls from "node:tls"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Purpose } from "../../src/transport/tls/Tls.ts"
import * as TlsTerminal from "../../src/transport/tls/TlsTerminal.ts"
import * as Certificates from "../support/certificates.ts"
import { listening } from "../support/listening.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

/** What is said of who shows one, or nothing. */
const start = (ours: Certificates.Authority, more: object = {}) =>
  Effect.gen(function* () {
    const { cert, key } = yield* ours.issue({ name: "relay", alternatives: "DNS:localhost", use: "serverAuth" })
    const { secure } = yield* TlsTerminal.make({ certificate: cert, key, clientCa: ours.ca, ...more })
    return (client: tls.ConnectionOptions, port: Purpose = "control") =>
      Effect.gen(function* () {
        let said = "let in"
        const listener = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (accepted) =>
          secure(
            { accepted, address: "127.0.0.1", port },
            {
              done: ({ refused, socket }) => {
                said = refused ?? said
                socket.destroy()
              },
              failed: (reason) => {
                said = reason
                accepted.destroy()
              }
            }
          )
        )
        const at = { host: "127.0.0.1", port: yield* listening(listener), servername: "localhost", ca: ours.ca }
        const socket = tls.connect({ ...at, ...client })
        socket.on("error", () => {})
        yield* Effect.callback<void>((resume) => void socket.once("close", () => resume(Effect.void)))
        return said
      })
  })

const describedAs = (cert: string): string => {
  const { issuer, serialNumber, subject, validFrom, validTo } = new X509Certificate(cert)
  return `${subject}, issued by ${issuer}, serial ${serialNumber}, valid from ${validFrom} to ${validTo}`
}

/** Signed by itself, with nothing but another name. */
const nameless = Effect.gen(function* () {
  const directory = yield* Relays.temporaryDirectory("nameless")
  const at = (ending: string) => `${directory}/x.${ending}`
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", at("key")]
  const extension = ["-addext", "subjectAltName=critical,URI:lttng://target/web1"]
  yield* Process.run("openssl", ["req", "-x509", ...newKey, "-out", at("pem"), "-subj", "/", ...extension])
  return { cert: readFileSync(at("pem"), "utf8"), key: readFileSync(at("key"), "utf8") }
})

/** The same with other bytes in place of that text, and of its kind and length before it. */
const rewritten = (cert: string, text: string, bytes: Buffer): string => {
  const der = new X509Certificate(cert).raw
  bytes.copy(der, der.lastIndexOf(text) - 2)
  return `-----BEGIN CERTIFICATE-----\n${der.toString("base64")}\n-----END CERTIFICATE-----\n`
}

Peers.describeWithPeers(["openssl"], "certificates that are no good", () => {
  it.live("are refused for what is wrong with them, by name", () =>
    Effect.gen(function* () {
      const ours = yield* Certificates.authority
      const theirs = yield* Certificates.authority
      const bad = {
        CERT_HAS_EXPIRED: yield* ours.issue({ name: "over", from: "20200101000000Z", to: "20210101000000Z" }),
        CERT_NOT_YET_VALID: yield* ours.issue({ name: "early", from: "20490101000000Z", to: "20491231000000Z" }),
        INVALID_PURPOSE: yield* ours.issue({ name: "server", use: "serverAuth" }),
        UNABLE_TO_VERIFY_LEAF_SIGNATURE: yield* theirs.issue({ name: "good" }),
        CERT_REVOKED: yield* ours.issue({ name: "revoked" })
      }
      const crl = yield* ours.revoke("revoked")
      const unnamed = yield* nameless
      for (const minVersion of ["TLSv1.3", "TLSv1.2"] as const) {
        const said = yield* start(ours, { minVersion, crl })
        for (const [code, client] of Object.entries(bad)) {
          const expected = `${code}: ${describedAs(client.cert)}`
          assert.strictEqual(yield* said({ ...client, maxVersion: minVersion }), expected)
          // There nobody needs one but who asks for another part of the relay.
          const named = { ...client, maxVersion: minVersion, ALPNProtocols: ["lttng-control"] }
          assert.strictEqual(yield* said(named, "http"), expected)
          assert.strictEqual(yield* said({ ...client, maxVersion: minVersion }, "http"), expected)
        }
        const byOtherName = yield* said({ ...unnamed, maxVersion: minVersion })
        assert.match(byOtherName, /^[A-Z_]+: URI:lttng:\/\/target\/web1, issued by , serial /)
        assert.strictEqual(yield* said({ maxVersion: minVersion }), "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE")
        assert.strictEqual(yield* said({ maxVersion: minVersion }, "http"), "let in")
      }
    })
  )

  it.live("of more than anybody needs are told by how large they are", () =>
    Effect.gen(function* () {
      const theirs = yield* Certificates.authority
      const names = Array.from({ length: 2000 }, (_, index) => `DNS:${index}.${"long".repeat(5)}.example`).join(",")
      const large = yield* theirs.issue({ name: "large", alternatives: names })
      const said = yield* start(yield* Certificates.authority)
      assert.match(yield* said(large), /^[A-Z_]+: certificates of [67]\d kB$/)
    })
  )

  it.live("with hostile names leave room for what is wrong, and break nothing", () =>
    Effect.gen(function* () {
      const ours = yield* Certificates.authority
      const theirs = yield* Certificates.authority
      const many = Array.from({ length: 1000 }, (_, index) => `DNS:${index}.example`).join(",")
      const text = "plain-plain!"
      const plain = yield* theirs.issue({ name: "plain", commonName: text })
      const certificates = {
        long: yield* theirs.issue({ name: "long", commonName: "é\u0007\n".repeat(16), alternatives: many }),
        "bytes that are no UTF-8": {
          ...plain,
          cert: rewritten(plain.cert, text, Buffer.from("140cff00c01b5b324a0a0d7fedb0", "hex"))
        },
        "marks that turn the line": {
          ...plain,
          cert: rewritten(plain.cert, text, Buffer.from("1e0c0000000a202e2028009b26ff", "hex"))
        }
      }
      const said = yield* start(ours)
      for (const [name, client] of Object.entries(certificates)) {
        const reason = yield* said(client)
        assert.match(reason, /^[A-Z_]+: /, name)
        assert.match(reason, /, serial [0-9A-F]+, valid from /, name)
        assert.isAtMost(reason.length, 600, name)
      }
    })
  )
})
