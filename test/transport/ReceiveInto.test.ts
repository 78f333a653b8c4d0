/** Reads of accepted connections, into memory of the relay's own or by what the runtime documents. */
import * as net from "node:net"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { receiveInto, receiveSecured } from "../../src/transport/ReceiveInto.ts"
import { listening } from "../support/listening.ts"
import { until } from "../support/turns.ts"

it.live("one that is over before it is looked at says nothing of how others can be read", () =>
  Effect.gen(function* () {
    const over = new net.Socket().destroy()
    yield* until("it to be closed", () => over.closed)
    // The first of the process, by which the runtime is tried.
    for (const receive of [receiveSecured, receiveInto]) assert.isUndefined(receive(over, () => true).landing)
    const accepted: Array<net.Socket> = []
    const port = yield* listening(net.createServer({ pauseOnConnect: true }, (socket) => void accepted.push(socket)))
    net.connect(port, "127.0.0.1").on("error", () => undefined)
    yield* until("one to come", () => accepted.length === 1)
    assert.isDefined(receiveInto(accepted[0] as net.Socket, () => true).landing)
  })
)
