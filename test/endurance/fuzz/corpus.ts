/** Inputs that have reached something, one a line, their parts in base64: a fuzzer need not find them again. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

const fileOf = (name: string): string => join(import.meta.dirname, "corpus", name)

const inputCountMax = 60
const inputBytesMax = 1500

export const read = (name: string): ReadonlyArray<ReadonlyArray<Buffer>> => {
  const file = fileOf(name)
  if (!existsSync(file)) return []
  const lines = readFileSync(file, "latin1").split("\n").slice(0, -1)
  return lines.map((line) => line.split(" ").map((part) => Buffer.from(part, "base64")))
}

/** Keeps the small ones of `inputs`, beside those that are there. */
export const add = (name: string, inputs: ReadonlyArray<ReadonlyArray<Buffer>>): void => {
  const sizeOf = (input: ReadonlyArray<Buffer>) => input.reduce((sum, part) => sum + part.length, 0)
  const small = inputs.filter((input) => sizeOf(input) <= inputBytesMax)
  const all = [...read(name), ...small].slice(0, inputCountMax)
  if (all.length === 0) return
  mkdirSync(dirname(fileOf(name)), { recursive: true })
  writeFileSync(
    fileOf(name),
    all.map((input) => `${input.map((part) => part.toString("base64")).join(" ")}\n`).join("")
  )
}
