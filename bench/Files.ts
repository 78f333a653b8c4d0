/**
 * Counts what a run left in the output directory against what the relay acknowledged.
 *
 * For groups without a ring of trace files, whose every packet must still be there: data files of the full length and
 * one index record per packet. Contents are the test suite's business.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import type { Group } from "./Case.ts"
import type { Report } from "./load.ts"

const indexHeaderSize = 16
const indexRecordSize = 72

const filesBelow = (folder: string): ReadonlyArray<string> =>
  fs.existsSync(folder)
    ? fs
        .readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => path.join(entry.parentPath, entry.name))
    : []

/** `<label>.lostPackets`: acknowledged packets whose bytes or whose index record are missing. */
export const lost = (
  output: string,
  groups: ReadonlyArray<Group>,
  verify: ReadonlyArray<string>,
  report: Report
): Record<string, number> => {
  const result: Record<string, number> = {}
  const all = verify.length === 0 ? [] : filesBelow(output)
  for (const label of verify) {
    const group = groups.find((candidate) => candidate.label === label)
    if (group === undefined) continue
    // Sessions are named after their group, and the session is a component of every path.
    const ours = all.filter((file) => new RegExp(`/${label}-\\d+-`).test(file))
    const sizes = (index: boolean) =>
      ours
        .filter((file) => file.endsWith(".idx") === index && path.basename(file) !== "metadata")
        .map((file) => fs.statSync(file).size)
    const bytes = sizes(false).reduce((sum, size) => sum + size, 0)
    const records = sizes(true).reduce((sum, size) => sum + (size - indexHeaderSize) / indexRecordSize, 0)
    const parts = report.groups.filter((part) => part.label === label || part.label.replace(/-\d+$/, "") === label)
    const acknowledged = parts.reduce((sum, part) => sum + part.packets, 0)
    const packetSize = parts[0]?.packetSize ?? 1
    result[`${label}.lostPackets`] = Math.max(0, acknowledged - Math.min(bytes / packetSize, records))
  }
  return result
}
