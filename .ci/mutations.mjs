// Takes every rule out of the engine for access, one at a time, and expects a test to fail: what can be removed unnoticed
// is not tested. Files are put back, whatever happens. Run it in a clean checkout: `node .ci/mutations.mjs`.
import { spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"

const access = "src/access/Access.ts"
const party = "src/relay/Party.ts"
const unit = ["test/access", "test/transport/TlsHostile.test.ts"]
const wire = [
  "test/connection/Access.test.ts",
  "test/connection/Isolation.test.ts",
  "test/connection/Quota.test.ts",
  "test/connection/Proxy.test.ts"
]
const http = ["test/admin/Entrance.test.ts"]

/** File, what is there, what is there instead, the tests that must notice. */
const mutations = [
  // Who somebody is.
  [
    access,
    "if (certificate === undefined) return",
    "if (certificate === undefined || addresses.length > 0) return",
    unit
  ],
  [access, "?.(address) === true)", "?.(address) !== undefined)", unit],
  [access, "keys.some((key) => key.toLowerCase() === certificate.keyHash) ||", "", unit],
  [access, "key.toLowerCase() ===", "key ===", unit],
  [access, "subjects.some((pattern) => Glob.matches(pattern, subject)) ||", "", unit],
  [access, "Glob.matches(pattern, subject)", "subject.startsWith(pattern)", unit],
  [access, '.replaceAll(",", "\\\\2C")', "", unit],
  [access, "certificate.alternativeNames.some((name) => Glob.matches(pattern, name))", "false", unit],
  [access, "Glob.matches(pattern, name)", "name.includes(pattern.slice(4))", unit],
  // What the rules that it meets allow.
  [access, 'name === "*" || names.has(name)', "names.has(name)", unit],
  [access, 'name === "*" || names.has(name)', 'name === "*"', unit],
  [access, 'name === "*" || names.has(name)', "true", unit],
  [access, "Glob.matches(host, hostname) && Glob", "Glob", unit],
  [access, " && Glob.matches(session, sessionName)", "", unit],
  [access, "met.flatMap(({ record = [] }) => record)", "met.flatMap(({ view = [] }) => view)", unit],
  [access, "({ view = [] }) => view)", "({ record = [] }) => record)", unit],
  [access, "isAny(host) && isAny(session)", "isAny(host)", unit],
  [access, "isAny(host) && isAny(session)", "isAny(session)", unit],
  [access, "peer.certificate !== undefined && met", "met", unit],
  [access, "admin === true", "admin !== undefined", unit],
  // How much.
  [access, 'principals.includes(principal) || principals.includes("*")', "principals.includes(principal)", unit],
  [access, 'principals.includes(principal) || principals.includes("*")', 'principals.includes("*")', unit],
  [access, "Math.min(...quotas", "Math.max(...quotas", unit],
  [access, "names.size === 0 ? [nobody(peer)] : ", "", unit],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: text of a source
  [access, "`\\0address ${address}`", '"nobody"', unit],
  [party, "allowance.connectionCount >= quota.connections", "false", wire],
  [party, "for (const { allowance } of this.#shares) allowance.connectionCount--", "", wire],
  [party, "allowance.sessionCount >= quota.sessions", "false", wire],
  [party, "          allowance.sessionCount--\n", "", wire],
  [party, "if (allowance.diskBytes >= quota.bytesOnDisk) return diskRefusal(from, quota)", "", wire],
  [party, "yield* this.#permissions.allowances.recount(allowance)", "", wire],
  [party, "millis = Math.max(millis,", "void (", wire],
  // Who asks for what.
  [party, "return this.#current?.mayRecord(names) ?? true", "return true", wire],
  [party, "return this.#current?.mayView(names) ?? true", "return true", wire],
  [party, "if (!this.mayRecord(stream.session.identity)) return undefined", "", wire],
  [party, "if (rightsOf === this.#rules) return", "if (this.#rules !== undefined) return", wire],
  ["src/Relay.ts", "registry.admission.add(notPermitted)", "", wire],
  ["src/Relay.ts", "registry.admission.add(withinQuota)", "", wire],
  ["src/relay/viewer/ViewerActor.ts", " && this.#party.mayView(session.identity)", "", wire],
  ["src/relay/viewer/ViewerActor.ts", "if (!this.#party.mayView(session.identity)) return Status.unknown", "", wire],
  [
    "src/connection/control/StreamCommands.ts",
    "!session.identity.hasChunks && !state",
    "!session.identity.hasChunks && false && !state",
    wire
  ],
  ["src/relay/viewer/ViewerActor.ts", "|| !this.#mayKnow(session) ? Status", "? Status", wire],
  ["src/connection/control/Command.ts", "&& party.mayRecord(session.identity) ? session", "? session", wire],
  [
    "src/connection/control/ChunkCommands.ts",
    "streamOf(state, streamId))",
    "state.registry.streams.get(Number(streamId)))",
    wire
  ],
  ["src/connection/control/SessionCommand.ts", "isRuled ? JSON.stringify([hostname, sessionName]) : ", "", wire],
  ["src/transport/Door.ts", "!admits(told.source.address)", "false", wire],
  ["src/protocol/ProxyHeader.ts", "&& bytes.readUInt32BE(1) === 0", "", [...wire, "test/protocol/ProxyHeader.test.ts"]],
  ["src/admin/Authorization.ts", "certified.mayViewAll || ofSessions.test(path)", "true", http],
  ["src/admin/Authorization.ts", "isAskedByOthers(question) ? undefined : ", "", http],
  ["src/admin/Authorization.ts", " && visitor?.isDirect !== false", "", http],
  ["src/connection/HttpEntrance.ts", "rights?.mayAdminister === true", "rights !== undefined", http],
  ["src/admin/Visibility.ts", "viewpoint.mayViewAll ? all : ", "viewpoint.mayViewAll || true ? all : ", http],
  ["src/transport/TlsTerminal.ts", "socket.authorized ? ", "true ? ", http]
]

const isNoticed = (tests) => {
  const args = ["vitest", "run", "--bail=1", "--reporter=dot", ...tests]
  return spawnSync("npx", args, { stdio: "ignore", timeout: 180_000 }).status !== 0
}

let failed = 0
for (const [file, there, instead, tests] of mutations) {
  const text = readFileSync(file, "utf8")
  const what = `${file}: ${there.trim()} → ${instead.trim() || "nothing"}`
  if (!text.includes(there)) {
    console.log(`GONE      ${what}`)
    failed++
    continue
  }
  try {
    writeFileSync(
      file,
      text.replace(there, () => instead)
    )
    const noticed = isNoticed(tests)
    console.log(`${noticed ? "noticed  " : "SURVIVED "} ${what}`)
    if (!noticed) failed++
  } finally {
    writeFileSync(file, text)
  }
}
console.log(`${mutations.length - failed} noticed, ${failed} not`)
process.exitCode = failed === 0 ? 0 : 1
