/** What a relay says every day of its TLS files: which are over soon, and that what lies there is no use. */
import { copyFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { TlsFiles } from "../../src/config/DaemonOptions.ts"
import { complaintsOf, watch } from "../../src/daemon/files/TlsFiles.ts"
import * as Certificates from "../support/certificates.ts"
import { logged } from "../support/logged.ts"
import * as Relays from "../support/relays.ts"

const relay = { replaceTls: () => Effect.void } as never

/** A relay's own certificate and key, good for as long as is said, in files. */
const given = (term: { readonly from?: string; readonly to?: string } = {}) =>
  Effect.gen(function* () {
    const directory = yield* Relays.temporaryDirectory("daily")
    const authority = yield* Certificates.authority
    const own = yield* authority.issue({ name: "relay", use: "serverAuth", ...term })
    const write = (name: string, text: string) => {
      writeFileSync(join(directory, name), text)
      return join(directory, name)
    }
    const files: TlsFiles = {
      ...({ control: "allow", data: "allow", live: "allow" } as const),
      certificate: write("relay.pem", own.cert),
      key: write("relay.key", own.key)
    }
    return { authority, files, own, write }
  })

it.effect("a certificate in its last days is told every day, and one that is no use by now is, too", () => {
  const { layer, lines } = logged()
  return Effect.gen(function* () {
    const { files, own } = yield* given()
    yield* watch(files, relay)
    yield* TestClock.adjust("1 day")
    assert.strictEqual(lines.length, 2)
    assert.match(lines.join(), /TLS certificate .*relay.pem.* expires .*TLS certificate .*relay.pem.* expires/)
    copyFileSync(files.key, files.certificate)
    yield* TestClock.adjust("1 day")
    assert.match(lines.slice(2).join(), /^TLS certificate not replaced: .*relay.pem is no use: there is no certificate/)
    writeFileSync(files.certificate, own.cert)
    yield* TestClock.adjust("1 day")
    assert.match(lines.slice(3).join(), /^TLS certificate expires: /)
  }).pipe(Effect.scoped, Effect.provide(layer))
})

it.effect("what is not valid yet is told every day: a certificate, a list; by --check, too", () => {
  const { layer, lines } = logged()
  return Effect.gen(function* () {
    const from = "20490101000000Z"
    const { authority, files: plain, write } = yield* given({ from, to: "20491231000000Z" })
    const crl = write("revoked.pem", yield* authority.listFrom(from))
    const files: TlsFiles = { ...plain, clientCa: write("ca.pem", authority.ca), crl }
    const early = [
      /certificate \S+relay.pem \(CN=relay\) is not valid before 2049-/,
      /list \S+ is not valid before 2049-/
    ]
    const { errors } = complaintsOf(files)
    assert.lengthOf(errors, early.length)
    for (const [index, line] of early.entries()) assert.match(`${errors[index]}`, line)
    yield* watch(files, relay)
    yield* TestClock.adjust("1 day")
    const said = lines.filter((line) => line.startsWith("TLS certificate not valid yet: "))
    assert.lengthOf(said, 2 * early.length)
    for (const [index, line] of [...early, ...early].entries()) assert.match(`${said[index]}`, line)
  }).pipe(Effect.scoped, Effect.provide(layer))
})
