/**
 * Sessions by an edge whose rights or quotas at the relay are gone, or were never there.
 * Goal: they wait, and the edge says for what; once an operator has given what is missing they are as if nothing was.
 */
import { isDeepStrictEqual } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import type { AccessFile, Quota } from "../../src/access/Access.ts"
import * as Report from "../../src/edge/Report.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Stoppable from "../support/stoppable.ts"
import * as Local from "./Local.ts"

const principals = [{ name: "edge", addresses: ["127.0.0.0/8"] }]
const of = (rule: object): AccessFile => ({ principals, rules: [{ principals: ["edge"], ...rule }] })
const none = of({})
const all = of({ record: [{}] })
const bounded = (quota: Quota) => of({ record: [{}], quota })

const payloadBytes = 64

const begin = Effect.fnUntraced(function* (access: AccessFile, minor?: number) {
  const relay = yield* TestRelay.make({ access })
  const local = yield* Local.start(relay)
  const script = Script.make(local, relay.output, () => {})
  const { c, d, file } = yield* script.recording(minor === undefined ? {} : { minor })
  const stream = yield* c.addStream()
  let seq = 0
  const packet = Effect.suspend(() => {
    const number = seq++
    return Effect.andThen(d.packet(stream, number, payloadBytes), c.index(stream, { seq: number }))
  })
  const waitsFor = (text: string) =>
    until(`the edge to say that it waits ${text}`, () =>
      Report.of(local.edge, "").journals.some(({ waitsFor: what }) => what?.includes(text))
    )
  const has = (packetCount: number, size = () => relay.output.size(file("ch_0"))) =>
    until(`${packetCount} packets`, () => size() === packetCount * payloadBytes)
  return { relay, local, packet, waitsFor, has, file }
})

describe("a session by an edge", () => {
  it.live("that it may not record waits until it may, and nobody learns of it meanwhile", () =>
    Effect.gen(function* () {
      const { has, packet, relay, waitsFor } = yield* begin(none)
      yield* packet
      yield* waitsFor("until the relay permits it")
      assert.deepStrictEqual(yield* relay.relay.sessions, [])
      yield* relay.relay.replaceAccess(all)
      yield* has(1)
      yield* packet
      yield* has(2)
    })
  )

  it.live("whose right is taken away waits until it is given back, over a restart of the relay, too", () =>
    Effect.gen(function* () {
      const { relay, stop } = yield* Stoppable.make({ access: all })
      const { leadTo, local, packet, path } = yield* Local.recording(relay)
      const has = (packetCount: number) =>
        until(`${packetCount} packets`, () => relay.output.size(path) === packetCount * payloadBytes)
      const isWaiting = () => Report.of(local.edge, "").journals.some(({ waitsFor }) => waitsFor !== undefined)
      const waits = until("the edge to wait", isWaiting)
      yield* packet(0, payloadBytes)
      yield* has(1)
      yield* relay.relay.replaceAccess(none)
      yield* packet(1, payloadBytes)
      yield* waits
      yield* relay.relay.replaceAccess(all)
      yield* has(2)
      yield* relay.relay.replaceAccess(none)
      yield* packet(2, payloadBytes)
      yield* waits
      yield* stop
      yield* until("it to wait for a relay, and nothing else", () => !isWaiting())
      const next = yield* TestRelay.make({ access: none, memory: relay.memory })
      leadTo(next)
      yield* waits
      assert.strictEqual((yield* next.relay.sessions).length, 1)
      yield* next.relay.replaceAccess(all)
      yield* has(3)
    })
  )

  it.live("whose quota on disk is spent waits for room in it", () =>
    Effect.gen(function* () {
      const { has, packet, relay, waitsFor } = yield* begin(bounded({ bytesOnDisk: 6 * payloadBytes }))
      for (let count = 0; count < 12; count++) yield* packet
      yield* waitsFor("for room in its quota")
      assert.strictEqual((yield* relay.relay.sessions).length, 1)
      yield* relay.relay.replaceAccess(bounded({ bytesOnDisk: 1_000_000 }))
      yield* has(12)
    })
  )

  it.live("waits for room, too, that is taken by what the relay keeps of others by edges, until these are over", () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make({ access: bounded({ bytesOnDisk: 1_000_000 }) })
      const local = yield* Local.start(relay)
      const script = Script.make(local, relay.output, () => {})
      const scope = yield* Scope.make()
      const { c } = yield* Scope.provide(script.recording({ name: "first", sessionId: 1 }), scope)
      // Their files are empty.
      for (let index = 0; index < 20; index++) yield* c.addStream({ channel: `channel ${index}` })
      const kept = () => relay.output.files().filter((path) => path.endsWith(".history"))
      yield* until("all to be put down", () => kept().some((path) => Number(relay.output.size(path)) > 2000))
      yield* relay.relay.replaceAccess(bounded({ bytesOnDisk: 2000 }))
      yield* script.recording({ name: "second", sessionId: 2 })
      yield* until("the edge to say that it waits", () =>
        Report.of(local.edge, "").journals.some(({ waitsFor: what }) => what?.includes("for room in its quota"))
      )
      assert.deepStrictEqual(
        (yield* relay.relay.sessions).map(({ name }) => name),
        ["first"]
      )
      yield* Scope.close(scope, Exit.void)
      yield* until("the second", relay.relay.sessions, (all) => all.some(({ name }) => name === "second"))
    })
  )

  it.live("by two edges waits for what the one between does not tell from its own: that is said of both", () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make({ access: bounded({ bytesOnDisk: 1 }) })
      const far = yield* Local.start(relay)
      const near = yield* Local.recording({ ...relay, controlPort: far.controlPort, dataPort: far.dataPort })
      for (let seq = 0; seq < 12; seq++) yield* near.packet(seq, payloadBytes)
      const said = ({ edge }: Local.Local, text: string) =>
        until(`the edge to say that it waits ${text}`, () =>
          Report.of(edge, "").journals.some(({ waitsFor: what }) => what === text)
        )
      yield* said(far, "for room in its quota at the relay")
      // Who knows the token of a journal may go on with it.
      const shown = JSON.stringify(Report.of(far.edge, ""))
      for (const token of far.edge.spool.journals.keys()) assert.notInclude(shown, token)
      yield* said(near.local, "for room in its quota at the relay, or at an edge before it")
    })
  )

  it.live("that would be one too many waits until another has ended", () =>
    Effect.gen(function* () {
      const { has, local, packet, relay, waitsFor } = yield* begin(bounded({ sessions: 1, connections: 4 }))
      yield* packet
      yield* has(1)
      const other = Script.make(local, relay.output, () => {})
      const scope = yield* Scope.make()
      const { c, d, file } = yield* Scope.provide(other.recording({ name: "second", sessionId: 2 }), scope)
      const stream = yield* c.addStream()
      yield* d.packet(stream, 0, payloadBytes)
      yield* c.index(stream, { seq: 0 })
      yield* waitsFor("for room in its quota")
      const [first] = yield* relay.relay.sessions
      yield* relay.relay.endSession(first?.id ?? 0)
      yield* has(1, () => relay.output.size(file("ch_0")))
      yield* Scope.close(scope, Exit.void)
    })
  )

  it.live("beyond the number of journals waits until another has ended, or there may be more", () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make({ journalCountMax: 2 })
      const local = yield* Local.start(relay)
      const recorded = Effect.fnUntraced(function* (sessionId: number) {
        const script = Script.make(local, relay.output, () => {})
        const { c, d, file } = yield* script.recording({ name: `s${sessionId}`, sessionId })
        const stream = yield* c.addStream()
        yield* d.packet(stream, 0, payloadBytes)
        yield* c.index(stream, { seq: 0 })
        return until(`the packet of ${sessionId}`, () => relay.output.size(file("ch_0")) === payloadBytes)
      })
      const counts = (openCount: number, waitingCount: number) =>
        until(`${openCount} to be open, ${waitingCount} to wait`, relay.relay.counters, ({ journals }) =>
          isDeepStrictEqual(journals, { ...journals, openCount, waitingCount })
        )
      yield* yield* recorded(1)
      const second = yield* recorded(2)
      yield* counts(1, 1)
      const [first] = yield* relay.relay.sessions
      yield* relay.relay.endSession(first?.id ?? 0)
      yield* second
      yield* counts(1, 0)
      const third = yield* recorded(3)
      yield* counts(1, 1)
      yield* relay.relay.setLimits({ journalCountMax: 4 })
      yield* third
      yield* counts(2, 0)
    })
  )

  it.live(
    "that it may not record leaves nothing at the relay when the edge is gone, and is begun when it is back",
    () =>
      Effect.gen(function* () {
        const relay = yield* TestRelay.make({ access: of({ record: [{ host: "another" }] }) })
        const { link, local, packet, path } = yield* Local.recording(relay)
        yield* packet(0, payloadBytes)
        const journals = () => relay.output.tree().filter((line) => line.startsWith(".journals/"))
        const waiting = until("the edge to wait", () =>
          [...local.edge.spool.journals.values()].some(({ waitsFor }) => waitsFor !== undefined)
        )
        yield* waiting
        assert.isNotEmpty(journals().filter((line) => line.includes(".history")))
        link.isDown = true
        link.cut()
        yield* until("nothing to be left", () => journals().every((line) => !line.includes(".history")))
        link.isDown = false
        yield* relay.relay.replaceAccess(all)
        yield* until("the packet", () => relay.output.size(path) === payloadBytes)
      })
  )

  it.live("of an old tracer, which names its directory with each stream, waits for rights as well", () =>
    Effect.gen(function* () {
      const { relay, waitsFor } = yield* begin(none, 10)
      yield* waitsFor("until the relay permits it")
      yield* relay.relay.replaceAccess(all)
      yield* until("the session", relay.relay.sessions, (sessions) => sessions.length === 1)
    })
  )
})
