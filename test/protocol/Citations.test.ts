/** Every section that the sources cite is one of `docs/protocol/`, which the package has too. */
import { globSync, readFileSync } from "node:fs"
import { basename } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"

const root = fileURLToPath(new URL("../..", import.meta.url))
const list = (pattern: string) => globSync(pattern, { cwd: root }).sort()
const read = (file: string) => readFileSync(`${root}/${file}`, "utf8")

/** "6.2", by document; in ctf.md §1 is "1". */
const sections = new Map(
  list("docs/protocol/*.md").map((file) => {
    const numbers = [...read(file).matchAll(/^#{2,3} (\d+(?:\.\d+)?)\.? /gm)].map(([, number = ""]) => number)
    return [basename(file), new Set(numbers)] as const
  })
)

interface Citation {
  readonly file: string
  readonly document: string
  readonly section: string
}

/** A bare `§2` is of the document that was named last before it, or first in the file. */
const citationsOf = (file: string): ReadonlyArray<Citation> => {
  const text = read(file)
  const documents = [...text.matchAll(/\b([a-z]+\.md)\b/g)].filter(([, name = ""]) => sections.has(name))
  return [...text.matchAll(/§(\d+(?:\.\d+)?)(?:[–-]§?(\d+(?:\.\d+)?))?/g)].flatMap((found) => {
    const before = documents.findLast(({ index }) => index < found.index) ?? documents[0]
    const document = before?.[1] ?? ""
    return found.slice(1).flatMap((section) => (section === undefined ? [] : [{ file, document, section }]))
  })
}

const citations = list("{src,test}/**/*.ts")
  .filter((file) => !file.includes(".bundle/") && file !== "test/protocol/Citations.test.ts")
  .flatMap(citationsOf)

describe("the specification in docs/protocol", () => {
  it("has every section that the sources cite", () => {
    assert.isAbove(citations.length, 100)
    const missing = citations.filter(({ document, section }) => {
      if (document !== "") return sections.get(document)?.has(section) !== true
      return ![...sections.values()].some((known) => known.has(section))
    })
    assert.deepStrictEqual(missing, [])
  })

  it("has every section that it cites itself, and every document", () => {
    const missing = list("docs/protocol/*.md").flatMap((file) => {
      const text = read(file)
      const cited = [...text.matchAll(/(?:`?\[?([a-z]+\.md)\]?(?:\([a-z.]+\))?`? )?§(\d+(?:\.\d+)?)/g)]
      return cited
        .map(([, document, section = ""]) => ({ file, document: document ?? basename(file), section }))
        .filter(({ document, section }) => sections.get(document)?.has(section) !== true)
    })
    assert.deepStrictEqual(missing, [])
  })

  it("is shipped", () => {
    const { files } = JSON.parse(read("package.json")) as { readonly files: ReadonlyArray<string> }
    assert.include(files, "docs")
    assert.isFalse(files.some((file) => /^!docs\/protocol/.test(file)))
  })
})
