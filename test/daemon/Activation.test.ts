/** Sockets that a service manager hands over are taken for what they are, or not at all. */
import { assert, it } from "@effect/vitest"
import { Result } from "effect"
import * as Activation from "../../src/config/Activation.ts"
import { roles } from "../../src/transport/tls/Tls.ts"

const taken = (env: Record<string, string | undefined>) =>
  Result.match(Activation.take(env, 7, roles), {
    onFailure: ({ message }) => message,
    onSuccess: (bound) => Object.fromEntries(bound)
  })

it.each([
  [{}, {}],
  [{ LISTEN_FDS: "3", LISTEN_PID: "8" }, {}],
  [{ LISTEN_FDS: "0", LISTEN_PID: "7" }, {}],
  [
    { LISTEN_FDS: "3", LISTEN_PID: "7" },
    { control: 3, data: 4, live: 5 }
  ],
  [
    { LISTEN_FDS: "2", LISTEN_PID: "7", LISTEN_FDNAMES: "a.socket:a.socket" },
    { control: 3, data: 4 }
  ],
  [{ LISTEN_FDS: "1", LISTEN_PID: "7", LISTEN_FDNAMES: "live" }, { live: 3 }],
  [
    { LISTEN_FDS: "3", LISTEN_PID: "7", LISTEN_FDNAMES: "live:control:data" },
    { live: 3, control: 4, data: 5 }
  ]
])("%o is %o", (env, wanted) => {
  assert.deepEqual(taken(env), wanted)
})

it.each([
  [{ LISTEN_FDS: "4" }, "there are 4, of at most 3"],
  [{ LISTEN_FDS: "99999999999999" }, "there are 99999999999999, of at most 3"],
  [{ LISTEN_FDS: "-1" }, "there are -1, of at most 3"],
  [{ LISTEN_FDS: "three" }, "there are three, of at most 3"],
  [{ LISTEN_FDS: "2", LISTEN_FDNAMES: "live:lives" }, "lives is not one of control, data, live, each once"],
  [{ LISTEN_FDS: "1", LISTEN_FDNAMES: "http" }, "http is not one of control, data, live, each once"],
  [{ LISTEN_FDS: "2", LISTEN_FDNAMES: "live:live" }, "live is not one of control, data, live, each once"],
  [{ LISTEN_FDS: "2", LISTEN_FDNAMES: "live:" }, "one without a name is not one of control, data, live, each once"],
  [{ LISTEN_FDS: "2", LISTEN_FDNAMES: "live" }, "2 have 1 names"],
  [{ LISTEN_FDS: "1", LISTEN_FDNAMES: "live:data" }, "1 have 2 names"]
])("%o is refused: %s", (env, reason) => {
  const all: Record<string, string | undefined> = { ...env, LISTEN_PID: "7" }
  assert.strictEqual(taken(all), `sockets of the service manager: ${reason}`)
  // No child takes them for its own.
  assert.deepEqual(all, {})
})
