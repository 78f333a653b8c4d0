/**
 * What the documents say is what the code does: options, variables, bounds, commands, folders, figures. A failure names
 * the document; whoever changed the code changes it too.
 */
import { existsSync, globSync, readFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { options } from "../src/config/Options.ts"
import { catalogue } from "../src/errors/Catalogue.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const read = (file: string): string => readFileSync(join(root, file), "utf8")
const list = (pattern: string): ReadonlyArray<string> => globSync(pattern, { cwd: root }).sort()

/** The cells of every table row below `heading` that is not its head. */
const rowsOf = (document: string, heading?: string): ReadonlyArray<ReadonlyArray<string>> => {
  const text = heading === undefined ? document : (document.split(`\n${heading}\n`)[1]?.split(/\n## /)[0] ?? "")
  const tables = [...text.matchAll(/^\|[^\n]*\n\|[ :|-]+\n((?:\|.*\n)+)/gm)]
  const rows = tables.flatMap(([, body = ""]) => body.trimEnd().split("\n"))
  assert.isAbove(rows.length, 0, `no table below ${heading}`)
  // A bar inside a cell is written with a backslash.
  return rows.map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("\\|", "|"))
  )
}

const codesOf = (cell = ""): ReadonlyArray<string> => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code)

describe("docs/operating.md", () => {
  const operating = read("docs/operating.md")
  const rows = rowsOf(operating, "## Options")

  it("has every option of --help and no other, with the same argument", () => {
    const documented = rows.flatMap(([cell]) => codesOf(cell)).filter((code) => code.startsWith("--"))
    const known = options.map(({ argument, name }) => (argument === undefined ? `--${name}` : `--${name}=${argument}`))
    assert.sameMembers([...documented], known)
    const short = options.flatMap(({ short }) => (short === undefined ? [] : [`-${short}`]))
    const documentedShort = rows.flatMap(([cell]) => codesOf(cell)).filter((code) => /^-\w$/.test(code))
    assert.sameMembers([...documentedShort], short)
  })

  it("has the defaults of --help", () => {
    const wrong = options.flatMap(({ help, name }) => {
      const stated = /\(default:? (\S+)\)/.exec(help)?.[1]
      const row = rows.find(([cell]) => codesOf(cell).some((code) => code.split("=")[0] === `--${name}`))
      return stated === undefined || row?.[1]?.includes(stated) ? [] : [`--${name} is ${stated}, not ${row?.[1]}`]
    })
    assert.deepStrictEqual(wrong, [])
  })

  it("has every variable that the daemon reads", () => {
    const sources = list("src/{config,daemon,transport}/**/*.ts").map(read).join("\n")
    const known = new Set([...sources.matchAll(/\benv\.([A-Z][A-Z_]+)/g)].map(([, name = ""]) => name))
    const documented = codesOf(operating.slice(operating.indexOf("\n## Variables")))
    assert.isAbove(known.size, 0)
    assert.deepStrictEqual(
      [...known].filter((name) => !documented.includes(name)),
      []
    )
  })
})

describe("docs/edge.md", () => {
  it("has every option of lttng-relay edge and no other", () => {
    const files = ["src/cli/edge/{Edge,EdgeFlags,EdgePort}.ts", "src/cli/TlsFlags.ts"]
    const known = files.flatMap((pattern) =>
      list(pattern).flatMap((file) =>
        [
          ...read(file).matchAll(/(?:Flag\.[A-Z]\w+|Flags\.toggle|Paths\.\w+Flag|size|directory|path)\(\s*"([a-z-]+)"/g)
        ].map(([, name]) => `--${name}`)
      )
    )
    const cells = rowsOf(read("docs/edge.md"), "## Options").flatMap(([cell]) => codesOf(cell))
    assert.sameMembers(
      cells.map((code) => code.split("=")[0] ?? ""),
      known
    )
  })
})

/** The number a constant stands for, if it is an expression of numbers, and what it counts. */
const constantOf = (file: string, name: string): { readonly value: number; readonly unit: "bytes" | "ms" | "" } => {
  const pattern = new RegExp(`(?:const ${name} =|^ +${name}:) (.*?),?$`, "gm")
  const all = [...read(file).matchAll(pattern)].map(([, value = ""]) => value)
  // A schema of that name says what the number may be, not what it is.
  const stated = all.find((value) => /^["\d]/.test(value)) ?? ""
  const duration = /^"(\d+) (millis|seconds)"$/.exec(stated)
  if (duration !== null) return { value: Number(duration[1]) * (duration[2] === "millis" ? 1 : 1000), unit: "ms" }
  assert.match(stated, /^[\d_.]+(?: \* [\d_.]+)*$/, `${name} of ${file} is no number`)
  const value = stated.split(" * ").reduce((product, factor) => product * Number(factor.replaceAll("_", "")), 1)
  const unit = /Bytes/i.test(name) ? "bytes" : /Millis/.test(name) ? "ms" : ""
  return { value, unit }
}

/** How a document may write it. */
const formsOf = (value: number, unit: "bytes" | "ms" | ""): ReadonlyArray<string> => {
  if (unit === "bytes") return [`${value / 1024} KiB`, `${value / 1024 ** 2} MiB`]
  if (unit === "ms") return [`${value * 1000} µs`, `${value} ms`, `${value / 1000} s`]
  return [`${value}`, value.toLocaleString("en")]
}

describe("docs/limits.md", () => {
  it("has the value of each constant it names", () => {
    const stated = rowsOf(read("docs/limits.md")).filter((cells) => cells[3] !== "")
    assert.isAbove(stated.length, 20)
    const wrong = stated.flatMap(([limit, bound, reason, where = ""]) =>
      where.split(", ").flatMap((term) => {
        const links = [...term.matchAll(/\[`(\w+)`\]\(\.\.\/([^)]+)\)/g)]
        const constants = links.map(([, name = "", file = ""]) => constantOf(file, name))
        const isSum = term.includes(" + ")
        const value = constants.reduce((all, one) => (isSum ? all + one.value : all * one.value), isSum ? 0 : 1)
        const unit = constants.map((one) => one.unit).find((one) => one !== "") ?? ""
        const text = `${limit} ${bound} ${reason}`
        const isThere = formsOf(value, unit).some((form) => new RegExp(`(?<![\\d.,])${form}(?![\\d\\w])`).test(text))
        return isThere ? [] : [`${limit}: ${term} is ${formsOf(value, unit).join(" or ")}`]
      })
    )
    assert.deepStrictEqual(wrong, [])
  })
})

describe("README.md", () => {
  const readme = read("README.md")

  it("has every subcommand of the toolbox and no other", () => {
    const documented = rowsOf(readme, "## The toolbox").map(([cell]) => codesOf(cell)[0]?.split(" ")[0])
    const known = list("src/cli/**/*.ts").flatMap((file) => /Command\.make\(\s*"([a-z]+)"/.exec(read(file))?.[1] ?? [])
    assert.sameMembers(documented, known)
  })

  it("links to every page of docs", () => {
    const pages = list("docs/*.md")
    assert.deepStrictEqual(
      pages.filter((page) => !readme.includes(`](${page})`)),
      []
    )
  })

  it("has only figures of docs/speed.md", () => {
    const measured = rowsOf(read("docs/speed.md"))
    const wrong = rowsOf(readme, "## Speed").flatMap(([scenario = "", ...figures]) => {
      const row = measured.find(([name]) => name?.startsWith(scenario))?.join(" | ")
      return figures.filter((figure) => row?.includes(figure.split(" ")[0] ?? "") !== true)
    })
    assert.deepStrictEqual(wrong, [])
  })
})

describe("CHANGELOG.md", () => {
  it("has no entry twice: git keeps both sides of a merge", () => {
    const entries = [...read("CHANGELOG.md").matchAll(/^- (.*)$/gm)].map(([, entry]) => entry)
    assert.deepStrictEqual(
      entries.filter((entry, at) => entries.indexOf(entry) !== at),
      []
    )
  })

  it("has among what is fixed nothing of what is new itself, which no release had", () => {
    const [unreleased = ""] = read("CHANGELOG.md").split(/^## \[\d/m)
    const partOf = (heading: string) => unreleased.split(`\n### ${heading}\n`)[1]?.split(/\n### /)[0] ?? ""
    const added = new Set(partOf("Added").match(/\b[A-Z]+_[A-Z_]+\b/g))
    assert.isAbove(added.size, 0)
    const named = partOf("Fixed").match(/\b[A-Z]+_[A-Z_]+\b|\b(edge|tunnel)s?\b/g) ?? []
    assert.deepStrictEqual(
      named.filter((name) => added.has(name) || /^(edge|tunnel)/.test(name)),
      []
    )
  })
})

describe("documents", () => {
  it("name scripts and test folders that there are", () => {
    const { scripts } = JSON.parse(read("package.json"))
    const wrong = list("{*.md,docs/*.md,test/*.md,bench/*.md}").flatMap((file) => {
      const text = read(file)
      const named = [...text.matchAll(/\bnpm run ([a-z:]+)/g)].filter(([, name = ""]) => scripts[name] === undefined)
      const folders = [...text.matchAll(/\bvitest run ((?:test\/\S+ ?)+)/g)].flatMap(([, all = ""]) => all.split(" "))
      return [...named.map(([command]) => command), ...folders.filter((folder) => !existsSync(join(root, folder)))]
    })
    assert.deepStrictEqual(wrong, [])
  })

  it("name modules and codes that there are", () => {
    const known = list("src/**/*.ts").map((file) => file.replace(/^src\/|\.ts$/g, ""))
    const wrong = ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "bench/README.md", "bench/tried.md"].flatMap(
      (file) => {
        const prose = read(file).replace(/^```[\s\S]*?^```/gm, "")
        const modules = codesOf(prose).filter((code) => /^([a-z]+\/)+[A-Z]\w+(\.ts)?$/.test(code))
        return modules.filter((module) => !known.some((name) => name === module.replace(".ts", "")))
      }
    )
    const codes = read("ARCHITECTURE.md").match(/\b[A-Z]+_[A-Z_]+\b(?!…)/g) ?? []
    const commands = list("src/protocol/**/*.ts").flatMap((file) => /name = "([A-Z_]+)"/.exec(read(file))?.[1] ?? [])
    const unknown = codes.filter((code) => !(code in catalogue) && !commands.includes(code))
    assert.deepStrictEqual([...wrong, ...unknown], [])
  })

  it("say an order to read in, whose names without a folder are in the one before", () => {
    const wrong = rowsOf(read("ARCHITECTURE.md"), "## Reading order").flatMap(([, through = ""]) => {
      let folder = ""
      return codesOf(through).filter((code) => {
        folder = code.includes("/") ? dirname(code) : folder
        return !existsSync(join(root, "src", folder, `${basename(code)}.ts`))
      })
    })
    assert.deepStrictEqual(wrong, [])
  })

  it("have a row for every folder of tests, and every file of bench", () => {
    const rooms = list("test/*/").map((folder) => folder.replace(/^test\/|\/$/g, ""))
    const described = rowsOf(read("test/README.md")).flatMap(([cell]) => codesOf(cell))
    assert.deepStrictEqual(
      rooms.filter((room) => !room.startsWith(".") && !described.includes(room)),
      []
    )
    const pieces = codesOf(rowsOf(read("bench/README.md"), "## The pieces").join(" ")).map((piece) =>
      piece.replace("/", "")
    )
    const files = list("bench/*").map((file) => file.replace("bench/", ""))
    assert.deepStrictEqual(
      files.filter((file) => !/^(README.md|results)$/.test(file) && !pieces.includes(file)),
      []
    )
  })
})
