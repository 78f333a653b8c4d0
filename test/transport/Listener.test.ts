/** Connections as the transport hands them on, over real sockets: what stalls is cut off, what idles is not. */
import dns from "node:dns"
import * as net from "node:net"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, type Scope } from "effect"
import { vi } from "vitest"
import * as Machine from "../../src/Machine.ts"
import type { Entrances } from "../../src/transport/Door.ts"
import { type ConnectionLimit, listen, portOf } from "../../src/transport/Listener.ts"
import type { Peer, SocketEnd } from "../../src/transport/Peer.ts"
import { Shortage } from "../../src/transport/Shortage.ts"
import { make } from "../../src/transport/tls/TlsTerminal.ts"
import * as Certificates from "../support/certificates.ts"
import { logged } from "../support/logged.ts"
import * as Process from "../support/process.ts"
import { until } from "../support/turns.ts"

const stallMillis = 50

const serveOne = (
  handle: (peer: Peer) => void,
  limit: ConnectionLimit = { countMax: 10, count: 0, onChange: () => {}, doors: new Set() },
  onReported: (code: string) => void = () => {}
): Effect.Effect<{ readonly port: number; readonly end: Deferred.Deferred<SocketEnd> }, never, Scope.Scope> =>
  Effect.gen(function* () {
    const end = yield* Deferred.make<SocketEnd>()
    const address = { host: "127.0.0.1", port: 0, family: 4 } as const
    const admission = { admits: () => true, onRefused: () => {}, onReported }
    const options = { name: "test", address, keepAlive: undefined, stallMillis, limit, admission }
    const { port } = yield* Effect.orDie(
      listen(options, (peer) =>
        Effect.suspend(() => {
          handle(peer)
          peer.whenGone((how) => Deferred.doneUnsafe(end, Effect.succeed(how)))
          return Effect.asVoid(Deferred.await(end))
        })
      )
    )
    return { port, end }
  })

const connect = (port: number): Effect.Effect<net.Socket, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<net.Socket>((resume) => {
      const socket = net.connect({ host: "127.0.0.1", port }, () => resume(Effect.succeed(socket)))
      socket.on("error", () => {})
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

const ignore = { receive: () => true, ended: () => {}, drained: () => {} }

describe("a listener", () => {
  it.live("tells once that descriptors run out, by the number of one that it was given", () => {
    const { codes, layer } = logged()
    return Effect.gen(function* () {
      const shortage = new Shortage(1)
      const limit = { countMax: 10, count: 0, onChange: () => {}, doors: new Set<never>(), shortage }
      let peerCount = 0
      const both = yield* Deferred.make<void>()
      const reported: Array<string> = []
      const serve = (peer: Peer) => {
        peer.start(ignore)
        if (++peerCount === 2) Deferred.doneUnsafe(both, Exit.void)
      }
      const { port } = yield* serveOne(serve, limit, (code) => void reported.push(code))
      yield* connect(port)
      yield* connect(port)
      yield* Deferred.await(both)
      assert.lengthOf(
        codes.filter((code) => code === "DESCRIPTORS_SHORT"),
        1
      )
      assert.deepStrictEqual(reported, ["DESCRIPTORS_SHORT"])
    }).pipe(Effect.provide(layer))
  })

  it.live("that is given up does not wait for the name of its host to be found", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      let answer = (_error: Error) => {}
      // A name server that does not answer for a long time.
      const lookup = vi.spyOn(dns, "lookup").mockImplementation(((_host: string, _how: object, then: typeof answer) => {
        answer = then
        Deferred.doneUnsafe(asked, Exit.void)
      }) as never)
      yield* Effect.addFinalizer(() => Effect.sync(() => lookup.mockRestore()))
      const limit = { countMax: 10, count: 0, onChange: () => {}, doors: new Set<never>() }
      const address = { host: "relay.invalid", port: 0 }
      const options = { name: "test", address, keepAlive: undefined, stallMillis, limit }
      const starting = yield* Effect.forkScoped(Effect.scoped(listen(options, () => Effect.void)))
      yield* Deferred.await(asked)
      const givingUp = yield* Effect.forkScoped(Fiber.interrupt(starting))
      const given = yield* Effect.timeoutOption(Fiber.await(givingUp), "10 seconds")
      answer(new Error("nobody knows"))
      assert.strictEqual(given._tag, "Some")
    })
  )

  it("tells of the next shortage once there were enough descriptors again", () => {
    const shortage = new Shortage(100)
    const given = [90, 95, 96, undefined, 90, 99, 80, undefined, 99, 67, 30, undefined, undefined, 3]
    const heard = (descriptor: number | undefined) => {
      if (shortage.begins(descriptor)) return "short"
      return descriptor !== undefined && shortage.ends(descriptor, () => descriptor + 1) ? "again" : undefined
    }
    assert.deepStrictEqual(
      given.map((descriptor) => [descriptor, heard(descriptor)]).filter(([, told]) => told !== undefined),
      [
        [95, "short"],
        [67, "again"],
        [undefined, "short"],
        [3, "again"]
      ]
    )
  })

  it("says of no shortage that it is over for a descriptor that is free below many that are taken", () => {
    const shortage = new Shortage(100)
    assert.isTrue(shortage.begins(99))
    for (const taken of [99, 96, 69]) assert.isFalse(shortage.ends(3, () => taken))
    assert.isFalse(shortage.begins(99))
    assert.isTrue(shortage.ends(3, () => 68))
    assert.isTrue(shortage.begins(99))
  })

  it.live("cuts off a peer that does not read its answers", () =>
    Effect.gen(function* () {
      const { port, end } = yield* serveOne((peer) => {
        // The system may take what it had no room for a moment ago.
        const drained = () => {
          while (peer.send(Buffer.alloc(1024 * 1024)));
        }
        peer.start({ ...ignore, drained })
        drained()
      })
      const socket = yield* connect(port)
      socket.pause()
      assert.strictEqual(yield* Deferred.await(end), "stalled")
    })
  )

  it.live("cuts off a peer that owes the rest of a message, and not one that paid", () =>
    Effect.gen(function* () {
      const owing = yield* serveOne((peer) => {
        peer.start(ignore)
        peer.expect(true)
      })
      const paid = yield* serveOne((peer) => {
        peer.start({ ...ignore, ended: peer.destroy })
        peer.expect(true)
        peer.expect(false)
      })
      yield* connect(owing.port)
      const patient = yield* connect(paid.port)
      assert.strictEqual(yield* Deferred.await(owing.end), "stalled")
      assert.isFalse(yield* Deferred.isDone(paid.end))
      patient.end()
      assert.strictEqual(yield* Deferred.await(paid.end), "closed by peer")
    })
  )

  it.live("lets go of a peer that it closes as soon as that has ended, too", () =>
    Effect.gen(function* () {
      const restore = Machine.replace({ ...Machine, setTimeout: () => setTimeout(() => {}) })
      yield* Effect.addFinalizer(() => Effect.sync(restore))
      const { port, end } = yield* serveOne((peer) => {
        peer.start(ignore)
        peer.close()
      })
      const socket = yield* connect(port)
      socket.resume()
      assert.strictEqual(yield* Deferred.await(end), "closed by relay")
    })
  )

  it.live("lets go at once of a peer that it has told nothing: one that is not wanted takes no place by that", () =>
    Effect.gen(function* () {
      const restore = Machine.replace({ ...Machine, setTimeout: () => setTimeout(() => {}) })
      yield* Effect.addFinalizer(() => Effect.sync(restore))
      const { port, end } = yield* serveOne((peer) => peer.close())
      const socket = net.connect({ host: "127.0.0.1", port, allowHalfOpen: true }).on("error", () => {})
      yield* Effect.addFinalizer(() => Effect.sync(() => socket.destroy()))
      assert.strictEqual(yield* Deferred.await(end), "closed by relay")
    })
  )

  it.live("sends the last answer to a peer that is still sending, and closes after it", () =>
    Effect.gen(function* () {
      const address = { host: "127.0.0.1", port: 0, family: 4 } as const
      const limit = { countMax: 10, count: 0, onChange: () => {}, doors: new Set<never>() }
      const options = { name: "test", address, keepAlive: undefined, stallMillis, limit }
      const { port } = yield* listen(options, (peer) =>
        Effect.callback<void>((resume) => {
          const refuse = () => {
            peer.send(Buffer.from("no"))
            peer.close()
            resume(Effect.void)
            return false
          }
          peer.start({ ...ignore, receive: refuse })
        })
      )
      const socket = yield* connect(port)
      let said = ""
      socket.on("data", (part) => (said += part)).pause()
      socket.write(Buffer.alloc(4 * 1024 * 1024), () => socket.resume())
      const how = yield* Effect.callback<string>((resume) => {
        socket.once("end", () => resume(Effect.succeed("end")))
        socket.once("close", () => resume(Effect.succeed("broken")))
      })
      assert.deepStrictEqual([said, how], ["no", "end"])
    })
  )

  it.live("keeps no process from its end for a peer that reads nothing, once the system has the last answer", () =>
    Effect.gen(function* () {
      const program = fileURLToPath(new URL("lastWord.ts", import.meta.url))
      const running = yield* Process.daemon(process.execPath, [program])
      const socket = yield* connect(Number.parseInt(yield* Process.said(running, "\n"), 10))
      socket.pause()
      assert.strictEqual((yield* running.ended).code, 0)
      const word = Effect.callback<string>((resume) => {
        socket.once("data", (bytes) => resume(Effect.succeed(`${bytes}`))).resume()
      })
      assert.strictEqual(yield* word, "word")
    })
  )

  it.live("refuses the newest connection beyond its limit, and takes one again when another has gone", () =>
    Effect.gen(function* () {
      const gone = yield* Deferred.make<void>()
      const changes: Array<number> = []
      const onChange = (difference: number) => {
        changes.push(difference)
        if (difference < 0) Deferred.doneUnsafe(gone, Effect.void)
      }
      const limit: ConnectionLimit = { countMax: 1, count: 0, onChange, doors: new Set() }
      const { port } = yield* serveOne((peer) => peer.start({ ...ignore, ended: peer.destroy }), limit)
      const first = yield* connect(port)
      const second = yield* connect(port)
      yield* Effect.callback<void>((resume) => {
        second.once("close", () => resume(Effect.void))
        second.resume()
      })
      assert.strictEqual(limit.count, 1)
      first.end()
      yield* Deferred.await(gone)
      assert.deepStrictEqual([limit.count, changes], [0, [1, -1]])
    })
  )

  it.live("closes a connection once nobody serves it any more, and tells of a defect in what served it", () =>
    Effect.gen(function* () {
      const { lines, layer } = logged()
      const reported: Array<string> = []
      const admission = {
        admits: () => true,
        onRefused: () => {},
        onReported: (code: string) => void reported.push(code)
      }
      const address = { host: "127.0.0.1", port: 0, family: 4 } as const
      const limit = { countMax: 10, count: 0, onChange: () => {}, doors: new Set<never>() }
      const options = { name: "test", address, keepAlive: undefined, stallMillis, limit, admission }
      const served = [Effect.void, Effect.interrupt, Effect.die("of a test")]
      const listening = listen(options, () => served.shift() ?? Effect.never)
      const { port } = yield* listening.pipe(Effect.provide(layer))
      for (const expected of [[], [], ["CONNECTION_DEFECT"]]) {
        const socket = yield* connect(port)
        yield* Effect.callback<void>((resume) => {
          socket.once("close", () => resume(Effect.void)).resume()
        })
        assert.deepStrictEqual(reported, expected)
        assert.lengthOf(lines, expected.length)
      }
    })
  )

  it.live("goes on after an error of its port, and tells of it", () =>
    Effect.gen(function* () {
      const reported: Array<string> = []
      const serve = (peer: Peer) => peer.start({ ...ignore, ended: peer.destroy })
      const { end, port } = yield* serveOne(serve, undefined, (code) => void reported.push(code))
      const { _getActiveHandles } = process as unknown as { readonly _getActiveHandles: () => ReadonlyArray<unknown> }
      const isOurs = (handle: unknown): handle is net.Server => handle instanceof net.Server && portOf(handle) === port
      const server = _getActiveHandles().find(isOurs)
      for (let count = 0; count < 2; count++) server?.emit("error", new Error("accept EMFILE"))
      assert.deepStrictEqual(reported, ["ACCEPT_FAILED", "ACCEPT_FAILED"])
      const socket = yield* connect(port)
      socket.end()
      assert.strictEqual(yield* Deferred.await(end), "closed by peer")
    })
  )

  /** With room for one connection, and TLS required. */
  const guarded = Effect.gen(function* () {
    const authority = yield* Certificates.authority
    const { cert, key } = yield* authority.issue({ name: "relay", use: "serverAuth" })
    const entrances: Entrances = {
      terminal: yield* make({ certificate: cert, key }),
      isProxy: undefined,
      welcomes: new Map()
    }
    const limit: ConnectionLimit = { countMax: 1, count: 0, onChange: () => {}, doors: new Set() }
    const refused: Array<string> = []
    const allowed = { isAdmitted: true }
    const admission = {
      admits: () => allowed.isAdmitted,
      onRefused: (_peer: string, why: string) => void refused.push(why),
      onReported: () => {}
    }
    const address = { host: "127.0.0.1", port: 0, family: 4 } as const
    const door = { mode: "require", purpose: "data", entrances } as const
    const options = { name: "test", address, keepAlive: undefined, stallMillis: undefined, limit, admission, door }
    return {
      allowed,
      entrances,
      limit,
      refused,
      port: Effect.map(
        listen(options, () => Effect.never),
        ({ port }) => port
      )
    }
  })

  it.live("makes no room for whom it does not admit", () =>
    Effect.gen(function* () {
      const { allowed, limit, port, refused } = yield* guarded
      const bound = yield* port
      yield* connect(bound)
      yield* until("a stranger to wait", () => limit.count === 1)
      allowed.isAdmitted = false
      yield* connect(bound)
      yield* until("one to be refused", () => refused.length === 1)
      allowed.isAdmitted = true
      yield* connect(bound)
      yield* until("the stranger to make room", () => refused.length === 2)
      assert.deepStrictEqual(refused, ["host refused", "TLS failed"])
      assert.strictEqual(limit.count, 1)
    })
  )

  it.live("counts none that is closed when it is let in, and forgets its door with its scope", () =>
    Effect.gen(function* () {
      const { entrances, limit, port } = yield* guarded
      const over = new net.Socket().destroy()
      yield* until("it to be closed", () => over.closed)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* port
          entrances.welcomes.get("data")?.({ accepted: over })
          assert.deepStrictEqual([limit.count, limit.doors.size], [0, 1])
        })
      )
      assert.strictEqual(limit.doors.size, 0)
    })
  )

  it.live("refuses who comes while others hold the descriptors", () =>
    Effect.gen(function* () {
      const limit: ConnectionLimit = {
        countMax: 10,
        count: 0,
        onChange: () => {},
        isShort: () => true,
        doors: new Set()
      }
      const { port } = yield* serveOne((peer) => peer.start({ ...ignore, ended: peer.destroy }), limit)
      const socket = yield* connect(port)
      yield* Effect.callback<void>((resume) => {
        socket.once("close", () => resume(Effect.void))
        socket.resume()
      })
      assert.strictEqual(limit.count, 0)
    })
  )
})
