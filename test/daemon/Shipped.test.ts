/**
 * What is shipped around the relay: the unit file as systemd reads it, and the container's command and health check as
 * they are run there, by a user without rights who may write nowhere but to the volume.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { daemonProgram, toolboxProgram } from "../support/bundle.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

const packaging = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../packaging/${name}`, import.meta.url)), "utf8")

Peers.describeWithPeers(["systemd-analyze"], "the unit file", () => {
  const names = ["lttng-relayd", "lttng-relay-tunnel", "lttng-relay-edge"].flatMap((name) => [
    `${name}.service`,
    `${name}.socket`
  ])
  it.live.each(names)("%s is one for systemd, without a complaint", (name) =>
    Effect.gen(function* () {
      const home = yield* Relays.temporaryDirectory("unit")
      // A socket is of the service of its name.
      const units = new Set([name, name.replace(".socket", ".service")])
      const paths = [...units].map((unit) => join(home, unit))
      for (const [index, unit] of [...units].entries()) {
        const installed = packaging(unit).replaceAll(/\/usr\/local\/bin\/lttng-relayd?/g, "/bin/true")
        writeFileSync(paths[index] ?? "", installed)
      }
      const { code, stderr, stdout } = yield* Process.attempt("systemd-analyze", ["verify", ...paths])
      assert.deepStrictEqual([code, stdout, stderr], [0, "", ""])
    })
  )
})

/** `["lttng-relayd", "--output=…"]` of an instruction. */
const wordsOf = (instruction: string): ReadonlyArray<string> => {
  const found = new RegExp(`^ *${instruction} (\\[.*\\])$`, "m").exec(packaging("Containerfile"))?.[1]
  return JSON.parse(found ?? assert.fail(`no ${instruction}`)) as ReadonlyArray<string>
}

const environment = Object.fromEntries(
  [...packaging("Containerfile").matchAll(/^ENV (\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value])
)

/** A network and file systems of its own, of which only the volume can be written. */
const enclosure = `
ip link set lo up
mount -t tmpfs -o mode=755 tmpfs /mnt && mkdir /mnt/traces && chown 65534:65534 /mnt/traces && chmod 750 /mnt/traces
for at in /tmp /run /dev/shm /var/tmp; do mount --bind $at $at && mount -o remount,bind,ro $at; done
mount -o remount,bind,ro /
exec setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs --bounding-set=-all "$@"`

Peers.describeWithPeers(["unshare", "nsenter", "setpriv", "ip"], "the container's command", () => {
  it.live("records, answers its health check, and stops in order: unprivileged, on a read-only system", () =>
    Effect.gen(function* () {
      const [, ...args] = wordsOf("ENTRYPOINT").map((word) => word.replace("=/traces", "=/mnt/traces"))
      const relay = yield* Process.daemon(
        "unshare",
        [
          "--mount",
          "--net",
          "--propagation",
          "private",
          "sh",
          "-c",
          enclosure,
          "sh",
          process.execPath,
          daemonProgram,
          ...args
        ],
        { env: { ...environment, LTTNG_RELAY_WARM_UP: "0" } }
      )
      const inside = (...words: ReadonlyArray<string>) =>
        Process.attempt("nsenter", ["-t", String(relay.pid), "-n", "-m", ...words])
      const asUser = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
      const [node = "", ...check] = wordsOf("CMD")
      assert.strictEqual(node, "node")
      const isHealthy = inside(...asUser, process.execPath, ...check)
      yield* Process.until("the health check to pass", isHealthy, ({ code }) => {
        const outcome = relay.outcome()
        if (outcome !== undefined) assert.fail(outcome.stderr)
        return code === 0
      })
      assert.notStrictEqual((yield* inside(...asUser, "touch", "/tmp/written")).code, 0)
      const loaded = yield* inside(...asUser, process.execPath, toolboxProgram, "load", "net://127.0.0.1")
      assert.strictEqual(loaded.code, 0, loaded.stderr)
      const { stdout } = yield* inside("find", "/mnt/traces", "-name", "*_0", "-size", "+1M")
      assert.isNotEmpty(stdout.trim())
      relay.signal("SIGTERM")
      const { code, stderr } = yield* relay.ended
      assert.strictEqual(code, 0, stderr)
      assert.notInclude(stderr, "Error:")
    })
  )
})
