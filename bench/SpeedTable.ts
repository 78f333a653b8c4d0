/** The first table of docs/speed.md as rows of a picture: how many times better ours is. Pure. */
import type { Row } from "./Chart.ts"

/** What is less is better, in its base unit. */
const costs: Readonly<Record<string, number>> = { s: 1, ms: 1e-3, µs: 1e-6, MiB: 1 }

interface Quantity {
  readonly value: number
  readonly isCost: boolean
}

/** The number a cell begins with, and its unit. */
const quantity = (cell: string): Quantity | undefined => {
  const [, digits, unit = ""] = /^([\d,]+(?:\.\d+)?)\s*([A-Za-zµ]+(?:\/s)?)?/.exec(cell) ?? []
  if (digits === undefined) return undefined
  const factor = costs[unit]
  return { value: Number(digits.replaceAll(",", "")) * (factor ?? 1), isCost: factor !== undefined }
}

const row = (cells: ReadonlyArray<string>): Row | undefined => {
  const [what = "", first = "", second = "", stated = ""] = cells
  const [ours, theirs] = [quantity(first), quantity(second)]
  if (ours === undefined || theirs === undefined || ours.value === 0 || theirs.value === 0) return undefined
  const [, ratio = String(ours.value / theirs.value)] = /^([\d.]+)×/.exec(stated) ?? []
  return { name: what.replaceAll("`", ""), times: ours.isCost ? 1 / Number(ratio) : Number(ratio) }
}

export const rows = (page: string): ReadonlyArray<Row> => {
  const [table = ""] = /(?:^\|.*\n)+/m.exec(page) ?? []
  return table
    .split("\n")
    .slice(2)
    .flatMap((line) => {
      const cells = line.split("|").slice(1, -1)
      return row(cells.map((cell) => cell.trim())) ?? []
    })
}
