/** What is over a quota is told with whose it is: a balancer's, or a tunnel's, address says nothing of that. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { type AccessFile, rightsOf } from "../../src/access/Access.ts"
import { Incidents } from "../../src/relay/Incidents.ts"
import { permitted, withinQuota } from "../../src/relay/party/Admission.ts"
import { Allowances } from "../../src/relay/party/Allowances.ts"
import { Party } from "../../src/relay/party/Party.ts"
import { withStore } from "../storage/stores.ts"

const access: AccessFile = {
  principals: [{ name: 'web "1"\n', names: ["URI:lttng://target/web1"] }],
  rules: [{ principals: ["*"], quota: { connections: 0, sessions: 0 } }]
}

const session = { sessionName: "s", hostname: "h", basePath: "", isNamed: true, isCarried: false }

const certificateOf = (name: string) => ({ subject: `CN=${name}`, alternativeNames: [name], keyHash: `${name} key` })

it.effect("who has a name in the rules is told by it, who has none by its key or its network", () =>
  withStore({}, ({ store }) =>
    Effect.gen(function* () {
      const permissions = {
        rightsOf: rightsOf(access),
        allowances: new Allowances(store, new Incidents(), () => {})
      }
      const peers = [
        ["127.0.0.1:9", certificateOf("URI:lttng://target/web1"), '127.0.0.1, "web \\"1\\"\\n"'],
        ["127.0.0.1:9", certificateOf("other"), '127.0.0.1, "key other key"'],
        ["2001:db8::1:9", undefined, '2001:db8::1, "address 2001:db8:0:0::/64"']
      ] as const
      for (const [name, certificate, whose] of peers) {
        const party = new Party(permissions, { name, certificate })
        assert.strictEqual(party.principals, whose.replace(/^[^ ]* /, ""))
        const rule = permitted("host")({ ...session, party, peer: name })
        const shown = JSON.stringify({ sessionName: "s", hostname: "h" })
        const refused = { code: "SESSION_NOT_PERMITTED", detail: `${name}, ${party.principals}: ${shown}` } as const
        assert.deepStrictEqual(rule, refused)
        const quota = withinQuota({ ...session, party, peer: name })
        assert.deepStrictEqual(quota, { code: "SESSION_QUOTA", detail: `${whose}: 0 are being recorded: ${shown}` })
        assert.deepStrictEqual(party.enter(), { code: "CONNECTION_QUOTA", detail: `${whose}: 0 are open` })
        party.leave()
      }
      const full = { ...permissions, rightsOf: rightsOf({ ...access, rules: disk }) }
      const [name, certificate, whose] = peers[0]
      const party = new Party(full, { name, certificate })
      const detail = `${whose}: 0 bytes are recorded`
      assert.deepStrictEqual(party.sessionRefusal, { code: "DISK_QUOTA", detail })
      assert.deepStrictEqual(yield* party.diskRefusal, { code: "DISK_QUOTA", detail })
    })
  )
)

const byEdge = { brought: () => true, isReplayed: false }
const disk: AccessFile["rules"] = [{ principals: ["*"], record: [{}], quota: { bytesOnDisk: 0 } }]

it.effect(
  "a connection counts from when it is there until it leaves; who uses nothing any more is not remembered",
  () =>
    withStore({}, ({ store }) =>
      Effect.sync(() => {
        const rules: AccessFile["rules"] = [{ principals: ["*"], record: [{}], quota: { connections: 1 } }]
        const allowances = new Allowances(store, new Incidents(), () => {})
        const permissions = { rightsOf: rightsOf({ ...access, rules }), allowances }
        const partyOf = (isCarried: boolean) =>
          new Party(permissions, { name: "192.0.2.1:9", certificate: undefined, ...(isCarried && { carried: byEdge }) })
        const allowance = allowances.of("\0address 192.0.2.1")
        const carried = partyOf(true)
        assert.isUndefined(carried.enter())
        carried.leave()
        const unused = partyOf(false)
        assert.deepStrictEqual(unused.principals, '"address 192.0.2.1"')
        unused.leave()
        assert.strictEqual(allowance.connectionCount, 0)
        const first = partyOf(false)
        assert.isUndefined(first.enter())
        const second = partyOf(false)
        assert.strictEqual(second.enter()?.code, "CONNECTION_QUOTA")
        second.leave()
        assert.strictEqual(allowances.of("\0address 192.0.2.1"), allowance, "it is in use")
        first.leave()
        first.leave()
        assert.strictEqual(allowance.connectionCount, 0)
        assert.notStrictEqual(allowances.of("\0address 192.0.2.1"), allowance)
      })
    )
)

it.effect("what was forgotten while its party used nothing is counted with that of others from then on", () =>
  withStore({}, ({ store }) =>
    Effect.sync(() => {
      const rules: AccessFile["rules"] = [{ principals: ["*"], record: [{}], quota: { sessions: 2 } }]
      const allowances = new Allowances(store, new Incidents(), () => {})
      const permissions = { rightsOf: rightsOf({ ...access, rules }), allowances }
      const name = "192.0.2.1:9"
      const carried = new Party(permissions, { name, certificate: undefined, carried: byEdge })
      assert.isUndefined(carried.enter())
      carried.holdSession().release()
      assert.strictEqual(allowances.principalCount, 0)
      const other = new Party(permissions, { name, certificate: undefined })
      carried.holdSession()
      // Its session is all that is in use.
      assert.isUndefined(other.enter())
      other.leave()
      other.holdSession()
      assert.strictEqual(other.sessionRefusal?.code, "SESSION_QUOTA")
      assert.strictEqual(carried.sessionRefusal?.code, "SESSION_QUOTA")
    })
  )
)

it.effect("a connection that is there when the rules change counts under the new ones, and leaves nothing behind", () =>
  withStore({}, ({ store }) =>
    Effect.sync(() => {
      const allowances = new Allowances(store, new Incidents(), () => {})
      const ofSome = (connections: number) =>
        rightsOf({ ...access, rules: [{ principals: ["*"], record: [{}], quota: { connections } }] })
      const permissions = { rightsOf: ofSome(2), allowances }
      const [first, second] = [1, 2].map(
        (port) => new Party(permissions, { name: `192.0.2.1:${port}`, certificate: undefined })
      ) as [Party, Party]
      assert.isUndefined(first.enter())
      permissions.rightsOf = ofSome(1)
      assert.isUndefined(first.sessionRefusal)
      assert.strictEqual(second.enter()?.code, "CONNECTION_QUOTA")
      second.leave()
      first.leave()
      assert.strictEqual(allowances.principalCount, 0)
    })
  )
)

it.effect("zeros up to a whole page, whatever machine's, that an edge brings wait for room behind them", () =>
  withStore({}, ({ store }) =>
    Effect.sync(() => {
      const permissions = {
        rightsOf: rightsOf({ ...access, rules: disk }),
        allowances: new Allowances(store, new Incidents(), () => {})
      }
      const carried = new Party(permissions, { name: "127.0.0.1:9", certificate: undefined, carried: byEdge })
      const direct = new Party(permissions, { name: "127.0.0.1:9", certificate: undefined })
      carried.spend(1_000_000)
      const codesOf = (party: Party) => [4096, 65_536, 65_537].map((byteCount) => party.fill(byteCount)?.code)
      assert.deepStrictEqual(codesOf(carried), [undefined, undefined, "DISK_QUOTA"])
      assert.deepStrictEqual(codesOf(direct), ["DISK_QUOTA", "DISK_QUOTA", "DISK_QUOTA"])
    })
  )
)
