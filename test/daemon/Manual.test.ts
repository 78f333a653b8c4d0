/** The manual page has the options of `--help`, with the same defaults. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { options } from "../../src/config/Options.ts"

const page = readFileSync(new URL("../../packaging/lttng-relayd.8", import.meta.url), "utf8")
const plain = (roff: string) =>
  roff
    .replaceAll(/\\f[A-Z]|"/g, "")
    .replaceAll("\\-", "-")
    .replaceAll(/\s+/g, " ")
    .trim()

/** What is said of an option, by its flags. */
const entries = new Map(
  Array.from(page.matchAll(/^\.TP\n\.BR? (\\-.*)\n((?:[^.].*\n)+)/gm), ([, flags = "", text = ""]) => [
    plain(flags).replace(" ,", ","),
    plain(text)
  ])
)

describe("the manual page", () => {
  it.each(options)("has --$name", ({ argument, help, name, short }) => {
    const long = argument === undefined ? `--${name}` : `--${name}=${argument}`
    const text = entries.get(short === undefined ? long : `-${short}, ${long}`)
    assert.include(text, /\(default[^)]*\)/.exec(help)?.[0] ?? help.split(/[:;(]| again| as /)[0]?.trim())
  })

  it("has no other", () => {
    assert.strictEqual(entries.size, options.length)
  })
})
