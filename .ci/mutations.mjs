// Takes every rule out of the engine for access, and out of the doors before it, one at a time, and expects a test to fail:
// what can be removed unnoticed is not tested. Files are put back, whatever happens. Run it in a clean checkout: `node .ci/mutations.mjs`.
// With `--list` it only looks whether all that it would take out is still there.
import { spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"

const access = "src/access/Access.ts"
const party = "src/relay/party/Party.ts"
const admission = "src/relay/party/Admission.ts"
const streams = "src/connection/control/StreamCommands.ts"
const terminal = "src/transport/tls/TlsTerminal.ts"
const shown = "src/transport/tls/ShownCertificate.ts"
const door = "src/transport/Door.ts"
const listener = "src/transport/Listener.ts"
const places = "src/relay/session/StreamPlaces.ts"
const turns = "src/transport/tls/HandshakeTurns.ts"
const tickets = "src/transport/tls/Tickets.ts"
const dial = "src/transport/tls/DialTls.ts"
const origins = "src/transport/Origins.ts"
const addresses = "src/protocol/Addresses.ts"
const unit = ["test/access", "test/transport/TlsHostile.test.ts"]
const wire = [
  "test/connection/Access.test.ts",
  "test/connection/Carried.test.ts",
  "test/connection/Discretion.test.ts",
  "test/connection/Isolation.test.ts",
  "test/connection/Quota.test.ts",
  "test/connection/Proxy.test.ts"
]
const http = ["test/admin/Entrance.test.ts", "test/admin/Visibility.test.ts"]
const tls = ["test/transport"]

/** File, what is there, what is there instead, the tests that must notice. */
const mutations = [
  // Who somebody is.
  [access, "if (certificate === undefined) {", "if (certificate === undefined || ranges.length > 0) {", unit],
  [access, "has?.(parsed) === true", "has?.(parsed) !== undefined", unit],
  [access, "...(keyed.get(certificate.keyHash) ?? []),", "", unit],
  [access, "[key.toLowerCase(), place]", "[key, place]", unit],
  [access, "...titled(subjectOf(certificate.subject)),", "", unit],
  [access, "...certificate.alternativeNames.flatMap(named)", "", unit],
  [access, "...(exact.get(text) ?? []),", "", unit],
  [access, "/[*?]/.test(pattern)", "/[*]/.test(pattern)", unit],
  [access, "Glob.matches(pattern, text)", "text.startsWith(pattern)", unit],
  [access, "Glob.matches(pattern, text)", "text.includes(pattern.slice(4))", unit],
  [access, ".toSorted((one, other) => one - other)", "", unit],
  [access, "hidden[mark] ?? mark", "mark", tls],
  // What the rules that it meets allow.
  [access, '[...names, "*"].flatMap', "[...names].flatMap", unit],
  [access, '[...names, "*"].flatMap', '["*"].flatMap', unit],
  [access, "rulesOf.get(name) ?? []", "rules", unit],
  [access, "Glob.matches(host, hostname) && Glob", "Glob", unit],
  [access, " && Glob.matches(session, sessionName)", "", unit],
  [access, "met.flatMap(({ record = [] }) => record)", "met.flatMap(({ view = [] }) => view)", unit],
  [access, "({ view = [] }) => view)", "({ record = [] }) => record)", unit],
  [access, "isAny(host) && isAny(session)", "isAny(host)", unit],
  [access, "isAny(host) && isAny(session)", "isAny(session)", unit],
  [access, "peer.certificate !== undefined && met", "met", unit],
  [access, "admin === true", "admin !== undefined", unit],
  // How much.
  [access, "boundsOf(metBy([name]), name)", "boundsOf(met, name)", unit],
  [access, "Math.min(smallest, own)", "Math.max(smallest, own)", unit],
  [access, "names.size === 0 ? [nobody(peer)] : ", "", unit],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: text of a source
  [access, "`\\0address ${Addresses.networkOf(address)}`", '"nobody"', unit],
  [party, "carried.brought(stream.session.id) ? stream : undefined", "stream", wire],
  [party, "allowance.connectionCount >= quota.connections", "false", wire],
  [party, "      allowance.connectionCount--\n", "", wire],
  [party, "allowance.sessionCount >= quota.sessions", "false", wire],
  [party, "          allowance.sessionCount--\n", "", wire],
  [party, "if (allowance.diskBytes >= quota.bytesOnDisk) return diskRefusal(from, quota)", "", wire],
  [party, "yield* this.#permissions.allowances.recount(allowance)", "", wire],
  [party, "      millis = owed\n", "", wire],
  ["src/relay/party/Debtors.ts", "for (const member of this.#members) member.hold()", "", wire],
  [party, "if (hasWaited) this.#waitAnew()", "", wire],
  // Who asks for what.
  [party, "return this.#current?.mayRecord(names) ?? true", "return true", wire],
  [party, "return this.#current?.mayView(names) ?? true", "return true", wire],
  [party, "if (!this.mayRecord(stream.session.identity)) return undefined", "", wire],
  [party, "rightsOf === this.#rules && certificate === this.#certificate", "this.#rules", wire],
  [party, " && name === this.#name", "", ["test/connection/JournalLimit.test.ts"]],
  ["src/Relay.ts", "registry.admission.add(Admissions.permitted(config.grouping))", "", wire],
  ["src/Relay.ts", "registry.admission.add(Admissions.withinQuota)", "", wire],
  [admission, "party.mayRecord({ hostname, sessionName }) && ", "", wire],
  [admission, "(!isInto || party.mayRecordInto(hostname, basePath))", "true", wire],
  [admission, 'grouping === "host" && basePath', "basePath", wire],
  [party, "sessionNamesOf(path).some(", "sessionNamesOf(path).every(", wire],
  [streams, "if (!party.mayRecord({ hostname, sessionName })) return false", "", wire],
  [streams, 'party.mayRecordInto(hostname, rest.join("/"))', "true", wire],
  [streams, "return isBySession || party", "return party", wire],
  [streams, '(isBySession || name !== ".")', 'name !== "."', wire],
  ["src/connection/control/MetadataMessage.ts", "party.withheld(registry.streams, handle) ?? ", "", wire],
  ["src/relay/Registry.ts", "permissions.rightsOf !== undefined,", "false,", wire],
  ["src/relay/viewer/ViewerActor.ts", " && this.#party.mayView(session.identity)", "", wire],
  ["src/relay/viewer/ViewerActor.ts", "if (!this.#party.mayView(session.identity)) return Status.unknown", "", wire],
  [
    streams,
    "if (session.identity.hasChunks || peer.carried?.isReplayed === true) return add",
    "if (peer !== undefined) return add",
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
  [
    "src/connection/control/Command.ts",
    "peer.carried !== undefined || party.mayRecord(session.identity)",
    "true",
    wire
  ],
  ["src/connection/control/SessionCommand.ts", "isRuled ? JSON.stringify([hostname, sessionName]) : ", "", wire],
  ["src/transport/Door.ts", "!admits(told.source.address)", "false", wire],
  ["src/protocol/ProxyHeader.ts", "&& bytes.readUInt32BE(1) === 0", "", [...wire, "test/protocol/ProxyHeader.test.ts"]],
  ["src/admin/Authorization.ts", "certified.mayViewAll || ofSessions.test(path)", "true", http],
  ["src/admin/Authorization.ts", "isAskedByOthers(question) ? undefined : ", "", http],
  ["src/admin/Authorization.ts", " && visitor?.isDirect !== false", "", http],
  ["src/connection/HttpEntrance.ts", " && told?.isOwn !== false", " && told?.source === undefined", http],
  ["src/connection/HttpEntrance.ts", "rights?.mayAdminister === true", "rights !== undefined", http],
  ["src/admin/Visibility.ts", "viewpoint.mayViewAll ? all : ", "viewpoint.mayViewAll || true ? all : ", http],
  [
    "src/admin/Visibility.ts",
    "if (mayViewAll) return all\n  const sessionCount",
    "return all\n  const sessionCount",
    http
  ],
  ["src/admin/Visibility.ts", "    memoryBytes: 0,\n", "", http],
  [shown, "socket.authorized ? ", "true ? ", http],
  // Who is let in to speak at all.
  [terminal, 'client === "may" && purpose !== undefined && purpose !== "http"', "false", http],
  [listener, "if (enter(limit, arrival.accepted))", "if (arrival.accepted)", http],
  [places, "!this.#identity.hasChunks && Path", "false && Path", wire],
  ["src/admin/Authorization.ts", "!(hidesEvents && isContent(path))", "true", ["test/admin/Http.test.ts"]],
  [shown, "certificate === undefined || isOver(certificate)", "certificate === undefined", tls],
  [terminal, "requestCert: client !== ", "requestCert: false && client !== ", tls],
  [terminal, 'rejectUnauthorized: client === "must"', "rejectUnauthorized: false", tls],
  [terminal, "...(identity.crl === undefined ? {} : { crl: listsIn(identity.crl) }),", "", tls],
  [terminal, "crl: listsIn(identity.crl)", "crl: identity.crl", tls],
  [terminal, 'minVersion: identity.minVersion ?? "TLSv1.3"', 'minVersion: "TLSv1.2"', tls],
  [terminal, "secureOptions: constants.SSL_OP_NO_RENEGOTIATION", "", tls],
  [terminal, 'port === "http" ? lenient : strict', "lenient", tls],
  [terminal, "servers = serversOf(good.context, identity.clientCa !== undefined)", "void good.context", tls],
  [terminal, "ends = termsOf(identity, lapses)", "void identity", tls],
  [terminal, "if (clockMillis() - at < shortMillis) turns.disappointed(handshake)", "", tls],
  [terminal, "accepted.allowHalfOpen = false", "", tls],
  [terminal, "socket.allowHalfOpen = true", "", tls],
  [terminal, 'accepted.once("close", leave)', "", tls],
  [door, "this.#guests.size > countMax", "false", tls],
  [door, "for (const { accepted } of this.#guests.all) accepted.destroy()", "", tls],
  [door, 'else if (mode === "require") refuse', "else if (false) refuse", tls],
  [door, 'if (hello !== "whole") {', "if (false) {", tls],
  [door, '() => this.#options.refuse(guest.arrival, code, "it says no more")', "() => {}", tls],
  [door, " || told?.isSecure", "", tls],
  [turns, "waiting.sizeOf(origin) > waitingMax", "false", tls],
  [turns, "this.#begun.size > this.#bounds.atOnce", "false", tls],
  [turns, "credit !== undefined && credit.at(now) < 1", "false", tls],
  [turns, " || this.#begun.sizeOf(origin) > underWayOfOneMax", "", tls],
  [turns, "credit.at(now) > -this.#bounds.badDebt", "true", tls],
  [turns, "this.#permits.at(now) >= 1 ? this.#next(now) : undefined", "this.#next(now)", tls],
  [turns, "this.#isOldestNext = !this.#isOldestNext", "", tls],
  [turns, "isBounded && this.#suspectPermits.at(now) < 1", "false", tls],
  [turns, "const isBounded = this.#isBusy()", "const isBounded = true", tls],
  [
    turns,
    "if (credit.at(now) >= this.#bounds.badBurst) this.#credits.delete(origin)",
    "this.#credits.delete(origin)",
    tls
  ],
  [terminal, "hello && tickets.take(hello)", "undefined", tls],
  [terminal, "if (ticket !== undefined) tickets.over(ticket, isGood)", "", tls],
  [terminal, "            tickets.add(keys)\n", "", tls],
  [tickets, 'timingSafeEqual(createHmac("sha256", key).update(signed).digest(), signature)', "true", tls],
  [tickets, "use.underWay >= atOnceMax || ", "", tls],
  [tickets, " || use.vain >= vainCountMax", "", tls],
  [dial, "[ca, certificate, key].map", "[ca].map", tls],
  [dial, "port, serverName, ...known", "port, ...known", tls],
  [addresses, "networkBytes = 8", "networkBytes = 16", tls],
  [origins, "if (members.size > most.size) most", "most", tls]
]

const isNoticed = (tests) => {
  const args = ["vitest", "run", "--bail=1", "--reporter=dot", ...tests]
  return spawnSync("npx", args, { stdio: "ignore", timeout: 180_000 }).status !== 0
}

const isListing = process.argv.includes("--list")

let failed = 0
for (const [file, there, instead, tests] of mutations) {
  const text = readFileSync(file, "utf8")
  const what = `${file}: ${there.trim()} → ${instead.trim() || "nothing"}`
  if (!text.includes(there)) {
    console.log(`GONE      ${what}`)
    failed++
    continue
  }
  if (isListing) continue
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
if (!isListing) console.log(`${mutations.length - failed} noticed, ${failed} not`)
process.exitCode = failed === 0 ? 0 : 1
