/** What a relay says every day of its TLS files: which are over soon, and that what lies there is no use. */
import { copyFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { TestClock } from "effect/testing"
import type { TlsFiles } from "../../src/config/DaemonOptions.ts"
import { complaintsOf, watch } from "../../src/daemon/files/TlsFiles.ts"
import * as Certificates from "../support/certificates.ts"
import * as Relays from "../support/relays.ts"

it.effect("a certificate in its last days is told every day, and one that is no use by now is, too", () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ message }) => void lines.push(String(message)))
  return Effect.gen(function* () {
    const directory = yield* Relays.temporaryDirectory("daily")
    const authority = yield* Certificates.authority
    const own = yield* authority.issue({ name: "relay", use: "serverAuth" })
    const [certificate, key] = [join(directory, "relay.pem"), join(directory, "relay.key")]
    writeFileSync(certificate, own.cert)
    writeFileSync(key, own.key)
    const files: TlsFiles = { control: "allow", data: "allow", live: "allow", certificate, key }
    const relay = { replaceTls: () => Effect.void }
    yield* watch(files, relay as never)
    yield* TestClock.adjust("1 day")
    assert.strictEqual(lines.length, 2)
    assert.match(lines.join(), /TLS certificate .*relay.pem.* expires .*TLS certificate .*relay.pem.* expires/)
    copyFileSync(key, certificate)
    yield* TestClock.adjust("1 day")
    assert.match(lines.slice(2).join(), /^TLS certificate not replaced: .*relay.pem is no use: there is no certificate/)
    writeFileSync(certificate, own.cert)
    yield* TestClock.adjust("1 day")
    assert.match(lines.slice(3).join(), /^TLS certificate expires: /)
  }).pipe(Effect.scoped, Effect.provide(Logger.layer([logger])))
})

it.effect("what is not valid yet is told every day: a certificate, a list; by --check, too", () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ message }) => void lines.push(String(message)))
  return Effect.gen(function* () {
    const directory = yield* Relays.temporaryDirectory("early")
    const authority = yield* Certificates.authority
    const own = yield* authority.issue({
      name: "relay",
      use: "serverAuth",
      from: "20490101000000Z",
      to: "20491231000000Z"
    })
    const write = (name: string, text: string) => {
      writeFileSync(join(directory, name), text)
      return join(directory, name)
    }
    const files: TlsFiles = {
      ...({ control: "allow", data: "allow", live: "allow" } as const),
      certificate: write("relay.pem", own.cert),
      key: write("relay.key", own.key),
      clientCa: write("ca.pem", authority.ca),
      crl: write("revoked.pem", yield* authority.listFrom("20490101000000Z"))
    }
    const early = [
      /certificate \S+relay.pem \(CN=relay\) is not valid before 2049-/,
      /list \S+ is not valid before 2049-/
    ]
    const { errors } = complaintsOf(files)
    assert.lengthOf(errors, early.length)
    for (const [index, line] of early.entries()) assert.match(`${errors[index]}`, line)
    yield* watch(files, { replaceTls: () => Effect.void } as never)
    yield* TestClock.adjust("1 day")
    const said = lines.filter((line) => line.startsWith("TLS certificate not valid yet: "))
    assert.lengthOf(said, 2 * early.length)
    for (const [index, line] of [...early, ...early].entries()) assert.match(`${said[index]}`, line)
  }).pipe(Effect.scoped, Effect.provide(Logger.layer([logger])))
})
