/** The pid file and its like: what is in the way, whose it is, and what is left of it. */
import { execFileSync } from "node:child_process"
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as OwnFiles from "../../src/daemon/OwnFiles.ts"
import { temporaryDirectory } from "../support/relays.ts"

const aside = `.lttng-relayd.${process.pid}.tmp`

describe("a file of the daemon's", () => {
  it.live("replaces what an earlier daemon left, and is removed", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory("own")
      const path = join(directory, "pid")
      writeFileSync(path, "an earlier one\n")
      const files = OwnFiles.make()
      files.write(path, "1\n", 0o644)
      assert.deepStrictEqual([readFileSync(path, "utf8"), readdirSync(directory)], ["1\n", ["pid"]])
      files.removeAll()
      assert.deepStrictEqual(readdirSync(directory), [])
    })
  )
  for (const target of ["there", "not there", "/dev/null"]) {
    it.live(`is written through a link to what is ${target}, which stays`, () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory("own")
        const path = join(directory, "pid")
        if (target === "there") writeFileSync(join(directory, target), "of somebody\n")
        symlinkSync(target, path)
        const files = OwnFiles.make()
        files.write(path, "1\n", 0o644)
        files.removeAll()
        assert.isTrue(lstatSync(path).isSymbolicLink())
        assert.isTrue(lstatSync("/dev/null").isCharacterDevice())
        assert.strictEqual(readFileSync(path, "utf8"), target === "/dev/null" ? "" : "1\n")
      })
    )
  }
  it.live("is no pipe that nobody reads: that is refused, and stays", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory("own"), "pid")
      execFileSync("mkfifo", [path])
      assert.throws(() => OwnFiles.make().write(path, "1\n", 0o644), /ENXIO/)
      assert.isTrue(lstatSync(path).isFIFO())
    })
  )
  it.live("leaves nothing where it cannot be made", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory("own")
      const path = join(directory, "pid")
      mkdirSync(path)
      assert.throws(() => OwnFiles.make().write(path, "1\n", 0o644), /EISDIR/)
      assert.throws(() => OwnFiles.make().write(join(directory, "n".repeat(256)), "1\n", 0o644), /ENAMETOOLONG/)
      assert.deepStrictEqual(readdirSync(directory), ["pid"])
    })
  )
  it.live("may have a name as long as names can be", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory("own"), "n".repeat(255))
      OwnFiles.make().write(path, "1\n", 0o644)
      assert.strictEqual(readFileSync(path, "utf8"), "1\n")
    })
  )
  it.live("is written in place where nothing can be made beside it", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory("own")
      const path = join(directory, "pid")
      mkdirSync(join(directory, aside))
      assert.throws(() => OwnFiles.make().write(path, "1\n", 0o644))
      writeFileSync(path, "an earlier one\n")
      const files = OwnFiles.make()
      files.write(path, "1\n", 0o644)
      assert.strictEqual(readFileSync(path, "utf8"), "1\n")
      files.removeAll()
      assert.deepStrictEqual(readdirSync(directory), [aside])
    })
  )
})
