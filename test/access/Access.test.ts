/** The rules for access as decisions: each member of the file decides something, and nothing else does. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { AccessFile, type Identity, rightsOf } from "../../src/access/Access.ts"
import * as Doubts from "../../src/access/Doubts.ts"
import * as Glob from "../../src/access/Glob.ts"
import * as Twice from "../../src/access/Twice.ts"
import * as Addresses from "../../src/protocol/Addresses.ts"
import { Random } from "../support/Random.ts"

const hash = "ab".repeat(32)
const certified = (subject: string, names: ReadonlyArray<string> = [], keyHash = "00".repeat(32)): Identity => ({
  address: "10.1.2.3",
  certificate: { subject, alternativeNames: names, keyHash }
})

const peers: Readonly<Record<string, Identity>> = {
  web: certified("CN=web1", ["DNS:x", "URI:lttng://target/web1"]),
  pinned: certified("CN=other", [], hash),
  subject: certified("O=Ops\nCN=alice"),
  range: { address: "::ffff:10.1.2.3", certificate: undefined },
  // A certificate is who it is, wherever it comes from.
  stranger: certified("CN=web1.example", ["URI:lttng://target/web1/x", "URI:lttng://viewer/web1"]),
  nobody: { address: "11.0.0.1", certificate: undefined }
}

const file: AccessFile = {
  principals: [
    { name: "web", names: ["URI:lttng://target/web?"] },
    { name: "pinned", keys: [hash.toUpperCase()] },
    { name: "ops", subjects: ["O=Ops, CN=*"] },
    { name: "lan", addresses: ["10.0.0.0/8"] }
  ],
  rules: [
    { principals: ["web"], record: [{ host: "web*" }] },
    { principals: ["pinned"], record: [{ host: "db1", session: "audit" }] },
    { principals: ["ops"], view: [{ session: "audit*" }] },
    { principals: ["lan"], record: [{}], view: [{ host: "web1" }] },
    { principals: ["*"], view: [{ session: "public" }] }
  ]
}

const names = ["web1/shop", "db1/audit", "db1/audits", "web1/public", "WEB1/shop", "/"].map((text) => {
  const [hostname = "", sessionName = ""] = text.split("/")
  return { text, hostname, sessionName }
})

/** Everything that anybody may do. */
const allowed = (rules: AccessFile): ReadonlyArray<string> =>
  Object.entries(peers).flatMap(([who, peer]) => {
    const { mayRecord, mayView } = rightsOf(rules)(peer)
    return names.flatMap((name) => [
      ...(mayRecord(name) ? [`${who} records ${name.text}`] : []),
      ...(mayView(name) ? [`${who} views ${name.text}`] : [])
    ])
  })

describe("access", () => {
  it("is what the rules say, and nothing else", () => {
    assert.deepStrictEqual(allowed(file), [
      "web records web1/shop",
      "web records web1/public",
      "web views web1/public",
      "pinned records db1/audit",
      "pinned views web1/public",
      "subject views db1/audit",
      "subject views db1/audits",
      "subject views web1/public",
      ...names.flatMap(({ text }) => [
        `range records ${text}`,
        ...(text.startsWith("web1") ? [`range views ${text}`] : [])
      ]),
      "stranger views web1/public",
      "nobody views web1/public"
    ])
    assert.deepStrictEqual(allowed({ principals: [], rules: [] }), [])
  })

  it("needs every rule and every principal: without one, less is allowed", () => {
    const all = allowed(file).length
    for (const index of file.rules.keys()) {
      const rules = file.rules.filter((_, at) => at !== index)
      assert.isBelow(allowed({ ...file, rules }).length, all, `rule ${index}`)
    }
    for (const { name } of file.principals) {
      const principals = file.principals.filter((one) => one.name !== name)
      assert.isBelow(allowed({ ...file, principals }).length, all, name)
    }
  })

  it("bounds each principal by the smallest number, and who is none by where it comes from", () => {
    const bounded: AccessFile = {
      ...file,
      rules: [
        { principals: ["web", "ops"], quota: { sessions: 5, connections: 7 } },
        { principals: ["*"], quota: { sessions: 6, bytesOnDisk: 8 } },
        { principals: ["pinned"], quota: { sessions: 4, bytesPerSecond: 9 } },
        { principals: ["web"], admin: true, view: [{ session: "shop" }] },
        { principals: ["pinned"], view: [{ host: "web*", session: "*" }] },
        { principals: ["lan", "ops"], admin: false, view: [{ host: "**" }] }
      ]
    }
    const none = Number.POSITIVE_INFINITY
    const bounds = { connections: none, sessions: 6, bytesPerSecond: none, bytesOnDisk: 8 }
    const of = (peer: Identity | undefined) => rightsOf(bounded)(peer as Identity)
    assert.deepStrictEqual(of(peers.web).bounds, [{ ...bounds, principal: "web", sessions: 5, connections: 7 }])
    assert.deepStrictEqual(of(peers.pinned).bounds, [
      { ...bounds, principal: "pinned", sessions: 4, bytesPerSecond: 9 }
    ])
    const both = certified("CN=both", ["URI:lttng://target/web9"], hash)
    assert.deepStrictEqual(
      of(both).bounds.map(({ principal, sessions }) => `${principal} ${sessions}`),
      ["web 5", "pinned 4"]
    )
    const [first, second] = [of(peers.nobody).bounds, of({ address: "11.0.0.2", certificate: undefined }).bounds]
    assert.deepStrictEqual([first[0]?.sessions, first[0]?.bytesOnDisk, first.length], [6, 8, 1])
    assert.notStrictEqual(first[0]?.principal, second[0]?.principal)
    const counted = (address: string) => of({ address, certificate: undefined }).bounds[0]?.principal
    // Whoever has one address of a network has all.
    assert.strictEqual(counted("2001:db8::1"), counted("2001:db8:0:0:ffff:eeee:dddd:1"))
    assert.notStrictEqual(counted("2001:db8::1"), counted("2001:db8:0:1::1"))
    assert.strictEqual(counted("::ffff:11.0.0.2"), counted("11.0.0.2"))
    assert.notStrictEqual(counted("11.0.0.3"), counted("11.0.0.2"))
    const who = Object.entries(peers)
    assert.deepStrictEqual(
      who.filter(([, peer]) => of(peer).mayAdminister).map(([name]) => name),
      ["web"]
    )
    assert.deepStrictEqual(
      who.filter(([, peer]) => of(peer).mayViewAll).map(([name]) => name),
      ["subject", "range"]
    )
    const anyAddress = { ...bounded, rules: [{ principals: ["lan"], admin: true }] }
    assert.isFalse(rightsOf(anyAddress)(peers.range as Identity).mayAdminister)
  })

  it("is found of many principals without asking each: peers do not read the file again", () => {
    let readCount = 0
    const watched = <A>(all: ReadonlyArray<A>): ReadonlyArray<A> =>
      new Proxy(all, {
        get: (target, member) => {
          readCount++
          return Reflect.get(target, member)
        }
      })
    const hosts = Array.from({ length: 100 }, (_, at) => `host${at}`)
    const rights = rightsOf({
      principals: watched(hosts.map((name) => ({ name, names: [`URI:${name}`], subjects: [`CN=${name}`] }))),
      rules: watched(hosts.map((name) => ({ principals: [name], record: [{ host: name }] })))
    })
    assert.isAbove(readCount, 0)
    readCount = 0
    const recorded = (peer: Identity) =>
      hosts.filter((hostname) => rights(peer).mayRecord({ hostname, sessionName: "" }))
    assert.deepStrictEqual(recorded(certified("CN=host7", ["URI:host9", "URI:host", "DNS:host3"])), ["host7", "host9"])
    assert.deepStrictEqual(recorded(peers.nobody as Identity), [])
    assert.strictEqual(readCount, 0)
  })

  it("is who each principal for itself says, in the order of the file", () => {
    const random = new Random(19)
    const some = (all: ReadonlyArray<string>) => all.filter(() => random.chance(0.3))
    const texts = ["a", "ab", "*", "?", "a*", "a?", "?b", "b", ""]
    const addresses = ["10.0.0.1", "10.0.0.0/8", "::/0", "::ffff:10.0.0.0/104", "0.0.0.0/0"]
    const isOne = (principal: AccessFile["principals"][number], { address, certificate }: Identity): boolean =>
      certificate === undefined
        ? (principal.addresses ?? []).some((text) => Addresses.range(text)?.(address))
        : (principal.subjects ?? []).some((pattern) => Glob.matches(pattern, certificate.subject)) ||
          (principal.keys ?? []).some((key) => key.toLowerCase() === certificate.keyHash) ||
          (principal.names ?? []).some((one) => certificate.alternativeNames.some((name) => Glob.matches(one, name)))
    for (let round = 0; round < 500; round++) {
      const principals = Array.from({ length: 4 }, (_, at) => ({
        name: `p${at}`,
        names: some(texts),
        subjects: some(texts),
        keys: some(["a", "A", "b"]),
        addresses: some(addresses)
      }))
      const peer = random.chance(0.3)
        ? { address: random.chance(0.5) ? "10.0.0.1" : "2001:db8::1", certificate: undefined }
        : certified(random.chance(0.5) ? "ab" : "c", some(["a", "ab", "bb", "c"]), random.chance(0.5) ? "a" : "b")
      const told = rightsOf({ principals, rules: [] })(peer).bounds.map(({ principal }) => principal)
      const wanted = principals.filter((one) => isOne(one, peer)).map(({ name }) => name)
      assert.deepStrictEqual(wanted.length === 0 ? told.slice(1) : told, wanted, JSON.stringify([principals, peer]))
    }
  })

  it("refuses a file that does not say what it means", () => {
    const decode = Schema.decodeUnknownResult(AccessFile)
    const isValid = (value: unknown) => Result.isSuccess(decode(value, { onExcessProperty: "error" }))
    assert.isTrue(isValid(JSON.parse(JSON.stringify(file))))
    const wrong: ReadonlyArray<unknown> = [
      {},
      { principals: [], rules: [{ principals: ["who"] }] },
      { principals: [{ name: "a", addresses: ["10.0.0.0/33"] }], rules: [] },
      { principals: [{ name: "a", keys: ["abc"] }], rules: [] },
      { principals: [{ name: "*", addresses: ["10.0.0.1"] }], rules: [] },
      { principals: [], rules: [{ principals: ["*"], records: [{}] }] },
      { principals: [], rules: [{ principals: ["*"], view: [{ host: "" }] }] },
      { principals: [], rules: [{ principals: ["*"], quota: { sessions: 0 } }] },
      { principals: [], rules: [{ principals: ["*"], quota: { session: 1 } }] }
    ]
    for (const value of wrong) assert.isFalse(isValid(value), JSON.stringify(value))
  })
})

it("who nobody can be is doubted, by whether peers show certificates", () => {
  const principals = [
    { name: "lab", addresses: ["10.0.0.0/8"] },
    { name: "web", names: ["URI:lttng://target/web*"] },
    { name: "either", addresses: ["10.0.0.1"], keys: [hash] },
    { name: "none" }
  ]
  const of = (maybe: boolean, always: boolean) =>
    Doubts.ofPeers({ principals, rules: [] }, { maybe, always }).map((line) => line.split(":")[0])
  assert.deepStrictEqual(of(false, false), ["nobody is web"])
  assert.deepStrictEqual(of(true, false), [])
  assert.deepStrictEqual(of(true, true), ["nobody is lab"])
})

it("what cannot be meant is doubted, and nothing else", () => {
  assert.deepStrictEqual(Doubts.of(file), [])
  const doubtful: AccessFile = {
    principals: [
      { name: "none" },
      { name: "plain", names: ["web1", "URI:x", "*web", "U*", "?RI:x", "uri:x", "URI"] },
      { name: "subject", subjects: ["alice", "CN=alice", "*alice", "C?=a", "O=a,CN=b", "O=a\\2Cb, CN=*,*"] },
      { name: "far", addresses: ["10.0.0.3"] },
      { name: "idle", addresses: ["10.0.0.1"] },
      { name: "none", addresses: ["10.0.0.2"] }
    ],
    rules: [
      { principals: ["none", "plain", "subject", "*"], view: [{}] },
      { principals: [], quota: { sessions: 1 } },
      { principals: ["*"], record: [], admin: false },
      { principals: ["*"], record: [{ host: "a/b" }], view: [{ session: "*/c" }] },
      { principals: ["*", "far"], admin: true },
      { principals: ["far"], view: [{ host: "web[0-9]", session: "{a,b}" }, { session: "[]{}{a}" }] }
    ]
  }
  const name = (pattern: string) =>
    `no certificate has such a name: ${pattern} of plain; they begin with URI:, DNS: or email:`
  assert.deepStrictEqual(Doubts.of(doubtful), [
    "nobody can be none",
    ...["web1", "uri:x", "URI"].map(name),
    "no certificate has such a subject: alice of subject; they begin with CN= or the like",
    "no certificate has such a subject: O=a,CN=b of subject; behind a comma is a space, in a name it is \\2C",
    "no rule is for idle",
    "who is any of those called none is all of them",
    "far shows no certificate, so no rule makes it an operator",
    "rule 2 is for nobody",
    "rule 3 allows nothing",
    "no host or session has a / in its name: a/b of rule 4",
    "no host or session has a / in its name: */c of rule 4",
    "brackets stand for themselves, patterns have * and ? only: web[0-9] of rule 6",
    "brackets stand for themselves, patterns have * and ? only: {a,b} of rule 6"
  ])
  const locked = [[], [{ principals: ["*"], quota: { sessions: 1 } }], [{ principals: [], view: [{}] }]]
  for (const rules of locked) {
    assert.include(Doubts.of({ principals: [], rules }), "nobody may do anything: no rule allows it")
  }
})

it("a member that is there twice is found, however it is written, and no other", () => {
  const once = ['{"a":{"a":[{"a":1},{"a":2}],"b":"\\":{"a":"},"b":"a"}', "[]", '"a"', '{"\\"a":1,"a":2}']
  for (const text of once) assert.isUndefined(Twice.memberIn(text), text)
  const twice = ['{"a":1,"a":1}', '{"a":[],"b":[{"a":{}}],"\\u0061":2}', '[{"b":{"c":[{"x":1,"a":2,"a" : 3}]}}]']
  for (const text of twice) assert.strictEqual(Twice.memberIn(text), "a", text)
})

describe("names and addresses", () => {
  it("a pattern matches as the expression of the same meaning", () => {
    const alphabet = ["a", "b", "*", "?", "\0"]
    const textOf = (number: number, base: ReadonlyArray<string>) =>
      [...number.toString(base.length)].map((digit) => base[Number(digit)]).join("")
    for (let p = 0; p < 5 ** 4; p += 3) {
      const pattern = textOf(p, alphabet)
      const regex = new RegExp(`^${pattern.replaceAll("*", "[^]*").replaceAll("?", "[^]")}$`)
      for (let t = 0; t < 3 ** 5; t += 2) {
        const text = textOf(t, ["a", "b", "\0"])
        assert.strictEqual(Glob.matches(pattern, text), regex.test(text), JSON.stringify([pattern, text]))
      }
    }
    assert.isFalse(Glob.matches(`${"*a".repeat(2000)}b`, "a".repeat(20_000)))
    // One character, though two places of a string; and no other of the same look.
    assert.isTrue(Glob.matches("web-?", "web-𝒳"))
    assert.isFalse(Glob.matches("web-??", "web-𝒳"))
    assert.isFalse(Glob.matches("caf\u00e9", "cafe\u0301"))
    assert.isFalse(Glob.matches("web1", "\uff57eb1"))
  })

  it.each([
    ["10.0.0.0/8", "10.255.0.1", "11.0.0.1"],
    ["10.0.0.7", "10.0.0.7", "10.0.0.8"],
    ["192.168.4.0/22", "192.168.7.255", "192.168.8.0"],
    ["2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"],
    ["::1", "0:0:0:0:0:0:0:1", "::2"],
    ["fe80::/10", "fe80::1%eth0", "::ffff:10.0.0.1"],
    ["fe80::1%eth0", "fe80::1%eth0", "fe80::1%eth1"],
    ["fe80::%eth0/10", "fe80::2%eth0", "fe80::2"],
    ["0.0.0.0/0", "1.2.3.4", "::1"],
    // What an IPv6 socket shows of IPv4, in either way to write it, in rules and of peers.
    ["10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.0.0.1"],
    ["10.0.0.0/8", "::FFFF:a01:203", "::a01:203"],
    ["::ffff:10.0.0.0/104", "10.255.0.1", "11.0.0.1"],
    ["::ffff:a00:7", "10.0.0.7", "10.0.0.8"],
    ["0:0:0:0:0:ffff:0:0/96", "1.2.3.4", "::1"],
    ["::/0", "2001:db8::1", "1.2.3.4"]
  ])("%s has %s and not %s", (text, inside, outside) => {
    assert.isTrue(Addresses.range(text)?.(inside))
    assert.isFalse(Addresses.range(text)?.(outside))
  })

  it.each([
    "",
    "10.0.0",
    "10.0.0.256",
    "10.0.0.0/33",
    "1::2::3",
    "::/129",
    "10.0.0.0/8/8",
    "12345::",
    "host",
    "010.0.0.1",
    "::ffff:10.0.0.0/8",
    "::ffff:10.0.0.0/129",
    // An IPv4 address ends another.
    "10.0.0.0::/8",
    "10.0.0.0/008",
    "10.0.0.1%eth0",
    "::ffff:10.0.0.1%eth0",
    "fe80::1%",
    "fe80::1%eth0%eth1"
  ])("%s is no range", (text) => {
    assert.isUndefined(Addresses.range(text))
  })
})

it("of more quotas than a call takes arguments the smallest counts", () => {
  const rules = Array.from({ length: 200_000 }, (_, index) => ({ principals: ["*"], quota: { sessions: index + 7 } }))
  const [bounds] = rightsOf({ principals: [], rules })({ address: "10.0.0.1", certificate: undefined }).bounds
  assert.strictEqual(bounds?.sessions, 7)
  assert.strictEqual(bounds?.connections, Number.POSITIVE_INFINITY)
})

it("docs/access.schema.json is the schema of the file", () => {
  // As the file is read: with it, an editor finds a misspelt member before the relay refuses the file.
  const { schema } = Schema.toJsonSchemaDocument(AccessFile, { onExcessProperty: "error" })
  const published = JSON.parse(readFileSync(new URL("../../docs/access.schema.json", import.meta.url), "utf8"))
  const { $schema: _draft, title: _title, ...stated } = published
  assert.deepStrictEqual(stated, JSON.parse(JSON.stringify(schema)))
})
