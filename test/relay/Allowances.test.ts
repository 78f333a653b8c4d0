/** What a principal has on the disk is looked up once for all who ask meanwhile, whoever of them leaves. */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Incidents } from "../../src/relay/Incidents.ts"
import { type Allowance, Allowances, directoryCountMax } from "../../src/relay/party/Allowances.ts"
import { Party } from "../../src/relay/party/Party.ts"
import { output, withStore } from "../storage/stores.ts"
import { until } from "../support/turns.ts"

it.live("a look at the disk is one, although who began it has left", () =>
  withStore({}, ({ faults, memory, store }) =>
    Effect.gen(function* () {
      const allowances = new Allowances(store, new Incidents(), () => {})
      const allowance = allowances.of("somebody")
      memory.write(`${output}/host/session/ch_0`, Buffer.alloc(50))
      for (const directory of ["host/session", "host/other"]) allowance.directories.add(directory)
      allowance.diskBytes = 100
      // What a session has received is in files first.
      allowance.syncs.add(Effect.sync(() => memory.write(`${output}/host/session/ch_1`, Buffer.alloc(3))))
      const release = faults.stall()
      const ask = Effect.forkChild(allowances.recount(allowance), { startImmediately: true })
      const first = yield* ask
      const second = yield* ask
      yield* until("the disk to be asked", () => faults.stalledCount === 1)
      const left = yield* Effect.forkChild(Fiber.interrupt(first), { startImmediately: true })
      const third = yield* ask
      allowance.diskBytes += 7
      yield* release
      yield* Fiber.join(left)
      yield* Fiber.join(second)
      yield* Fiber.join(third)
      assert.strictEqual(allowance.diskBytes, 50 + 3 + 7)
      assert.isUndefined(allowance.recounting)
    })
  )
)

const quotaOf = (principal: string, bytesOnDisk: number) => ({
  principal,
  connections: Number.POSITIVE_INFINITY,
  sessions: Number.POSITIVE_INFINITY,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  bytesOnDisk
})

it.live("of who recorded and is gone nothing stays: at once without a bound, and with one when it is taken away", () =>
  withStore({}, ({ memory, store }) =>
    Effect.gen(function* () {
      const works: Array<Effect.Effect<void>> = []
      const allowances = new Allowances(store, new Incidents(), (work) => void works.push(work))
      const session = (principal: string, directory: string, bytesOnDisk: number): Allowance => {
        const allowance = allowances.of(principal)
        allowance.isDiskBounded = Number.isFinite(bytesOnDisk)
        allowances.records(quotaOf(principal, bytesOnDisk), allowance, directory)
        allowances.left(allowance, [directory])
        allowances.forget(principal)
        return allowance
      }
      for (let number = 0; number < 100; number++) session(`free ${number}`, `h/${number}`, Number.POSITIVE_INFINITY)
      assert.strictEqual(allowances.principalCount, 0)
      for (const name of ["stays", "open"]) memory.write(`${output}/h/${name}/ch_0`, Buffer.alloc(1))
      session("stays", "h/stays", 1000)
      const open = allowances.of("open")
      for (let time = 0; time < 2; time++) {
        allowances.records(quotaOf("open", Number.POSITIVE_INFINITY), open, "h/open")
        allowances.records(quotaOf("stays", 1000), allowances.of("stays"), "h/stays")
      }
      assert.lengthOf(works, 1)
      for (const work of works.splice(0)) yield* work
      assert.strictEqual(`${memory.read(`${output}/.recordings`)}`, '\n["stays","h/stays"]')
      // It is looked once as many have recorded as may be worth it.
      for (let number = 0; number < 1100; number++) {
        session(`bound ${number}`, `h/${number}`, 1000)
        for (const work of works.splice(0)) yield* work
      }
      const youngCount = 1100 - 1023
      assert.strictEqual(allowances.principalCount, 2 + youngCount)
      const lines = `${memory.read(`${output}/.recordings`)}`.split("\n")
      assert.deepStrictEqual(lines.slice(0, 2), ["", '["stays","h/stays"]'])
      assert.strictEqual(lines.length, 2 + youngCount)
    })
  )
)

it.live("what is written down is bounded: what is gone makes room, and if nothing is, that is said once", () =>
  withStore({}, ({ faults, memory, store }) =>
    Effect.gen(function* () {
      const works: Array<Effect.Effect<void>> = []
      const incidents = new Incidents()
      const allowances = new Allowances(store, incidents, (work) => void works.push(work))
      const principal = "x".repeat(16_000)
      const allowance = allowances.of(principal)
      allowance.isDiskBounded = true
      const begin = (directory: string) =>
        Effect.gen(function* () {
          memory.write(`${output}/${directory}/ch_0`, Buffer.alloc(1))
          allowances.records(quotaOf(principal, 1000), allowance, directory)
          for (const work of works.splice(0)) yield* work
        })
      const takeAway = (directory: string) =>
        Effect.andThen(
          memory.service.unlink(`${output}/${directory}/ch_0`),
          memory.service.removeDirectory(`${output}/${directory}`)
        )
      const written = () => `${memory.read(`${output}/.recordings`)}`
      const saidCount = () => incidents.counts.get("RECORDING_UNMARKED") ?? 0

      for (let number = 0; number < 1200; number++) yield* begin(`h/stays ${number}`)
      assert.isBelow(written().length, 16 * 1024 * 1024)
      assert.notInclude(written(), "stays 1199")
      assert.strictEqual(saidCount(), 1)

      for (let number = 0; number < 1000; number++) yield* takeAway(`h/stays ${number}`)
      for (let number = 0; number < 1024; number++) {
        yield* begin(`h/goes ${number}`)
        yield* takeAway(`h/goes ${number}`)
      }
      assert.include(written(), "stays 1199")
      assert.strictEqual(saidCount(), 1)

      // What cannot be written may have had room.
      faults.fail({ code: "EIO", operation: "write", path: ".recordings", times: 1 })
      yield* begin("h/unwritten")
      assert.strictEqual(saidCount(), 2)
      for (let number = 0; number < 1200; number++) yield* begin(`h/more ${number}`)
      assert.strictEqual(saidCount(), 3)
    })
  )
)

it.live("what it recorded counts, however many sessions it begins; with too many it begins no other one", () =>
  withStore({}, ({ memory, store }) =>
    Effect.gen(function* () {
      const works: Array<Effect.Effect<void>> = []
      const allowances = new Allowances(store, new Incidents(), (work) => void works.push(work))
      const quota = quotaOf("somebody", 1000)
      const all = () => true
      const may = { mayRecord: all, mayRecordAny: true, mayView: all, mayViewAll: true, mayAdminister: false }
      const rights = { ...may, bounds: [quota] }
      const peer = { name: "127.0.0.1:1", certificate: undefined }
      const party = new Party({ rightsOf: () => rights, allowances }, peer)
      const record = (directory: string, byteCount: number) => {
        memory.write(`${output}/${directory}/ch_0`, Buffer.alloc(byteCount))
        const held = party.holdSession()
        held.records(directory)
        party.spend(byteCount)
        held.release()
      }
      record("h/first", 900)
      for (let number = 1; number < directoryCountMax; number++) {
        assert.isUndefined(party.sessionRefusal)
        record(`h/${number}`, 0)
      }
      const detail = `127.0.0.1, "somebody": ${directoryCountMax} directories are recorded, and no more are counted`
      assert.deepStrictEqual(party.sessionRefusal, { code: "DISK_QUOTA", detail })
      assert.isTrue(party.isDiskDue)
      assert.deepStrictEqual(yield* party.diskRefusal, undefined)
      assert.deepStrictEqual(party.sessionRefusal, { code: "DISK_QUOTA", detail })
      // Those that record already go on, and still no further than to the bound.
      assert.isFalse(party.isDiskSpent)
      party.spend(200)
      assert.isTrue(party.isDiskSpent)
      yield* memory.service.unlink(`${output}/h/1/ch_0`)
      yield* memory.service.removeDirectory(`${output}/h/1`)
      assert.isUndefined(yield* party.diskRefusal)
      assert.isUndefined(party.sessionRefusal)
    })
  )
)

const unbounded = (principal: string) => ({
  principal,
  connections: Number.POSITIVE_INFINITY,
  sessions: Number.POSITIVE_INFINITY,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  bytesOnDisk: Number.POSITIVE_INFINITY
})

it.live("of a party's principals none is forgotten for another", () =>
  withStore({}, ({ store }) =>
    Effect.sync(() => {
      const allowances = new Allowances(store, new Incidents(), () => {})
      for (let number = 0; number < 63; number++) allowances.sharesOf([unbounded(`${number}`)])
      const shares = allowances.sharesOf([unbounded("one"), unbounded("another")])
      for (const { allowance, quota } of shares) assert.strictEqual(allowances.of(quota.principal), allowance)
    })
  )
)

it.live("who only asked is not remembered for long", () =>
  withStore({}, ({ store }) =>
    Effect.sync(() => {
      const allowances = new Allowances(store, new Incidents(), () => {})
      const used = allowances.of("used")
      used.connectionCount = 1
      for (let number = 0; number < 1000; number++) allowances.sharesOf([unbounded(`${number}`)])
      assert.isAtMost(allowances.principalCount, 64)
      assert.strictEqual(allowances.of("used"), used)
    })
  )
)

it.live("what is kept of journals counts for whose they are now, also after a look at the disk, until it is gone", () =>
  withStore({}, ({ memory, store }) =>
    Effect.gen(function* () {
      const allowances = new Allowances(store, new Incidents(), () => {})
      memory.write(`${output}/h/s/ch_0`, Buffer.alloc(50))
      const [one, both] = [[unbounded("one")], [unbounded("one"), unbounded("two")]].map((quotas) =>
        allowances.sharesOf(quotas)
      )
      const counted = () => ["one", "two"].map((principal) => allowances.of(principal).diskBytes)
      allowances.of("one").directories.add("h/s")
      allowances.keep("a", one ?? [], 1000)
      allowances.keep("b", both ?? [], 20)
      allowances.keep("a", both ?? [], 300)
      yield* allowances.recount(allowances.of("one"))
      assert.deepStrictEqual(counted(), [370, 320])
      // Nobody forgets whose journals are kept, though they have no connection.
      allowances.forget("two")
      allowances.keep("a", one ?? [], 4)
      assert.deepStrictEqual(counted(), [74, 20])
      for (const token of ["a", "b", "c"]) allowances.keep(token, [], 0)
      assert.strictEqual(allowances.of("one").diskBytes, 50)
      assert.strictEqual(allowances.principalCount, 1)
      allowances.of("one").directories.clear()
      allowances.forget("one")
      assert.strictEqual(allowances.principalCount, 0)
    })
  )
)

it.live("who may have any number of bytes begins any number of sessions, of which the youngest are remembered", () =>
  withStore({}, ({ store }) =>
    Effect.sync(() => {
      const allowances = new Allowances(store, new Incidents(), () => {})
      const quota = unbounded("somebody")
      const [share] = allowances.sharesOf([quota])
      const { directories } = allowances.of("somebody")
      const begin = (number: number) => allowances.records(quota, share?.allowance as Allowance, `h/${number}`)
      for (let number = 0; number < directoryCountMax; number++) begin(number)
      assert.strictEqual(directories.size, directoryCountMax)
      for (const more of [0, 1]) begin(directoryCountMax + more)
      const [oldest] = directories
      assert.deepStrictEqual([directories.size, oldest], [directoryCountMax, "h/2"])
      assert.isFalse(allowances.of("somebody").hasManyDirectories)
    })
  )
)

it.live("of what an earlier relay wrote down only what is still there counts, and stays written down", () =>
  withStore({}, ({ memory, store }) =>
    Effect.gen(function* () {
      memory.write(`${output}/h/there/ch_0`, Buffer.alloc(50))
      memory.write(`${output}/.recordings`, Buffer.from('\n["one","h/there"]\n["two","h/gone"]'))
      const allowances = new Allowances(store, new Incidents(), () => {})
      yield* allowances.recall
      assert.strictEqual(allowances.principalCount, 1)
      assert.strictEqual(allowances.of("one").diskBytes, 50)
      assert.strictEqual(`${memory.read(`${output}/.recordings`)}`, '\n["one","h/there"]')
    })
  )
)
