/** What the output lies on, and what the kernel wrote of it meanwhile: read from /proc and /sys. */
import * as fs from "node:fs"
import * as path from "node:path"

const read = (file: string): string => {
  try {
    return fs.readFileSync(file, "utf8").trim()
  } catch {
    return ""
  }
}

/** Spaces of a mount point are written in octal. */
const unescaped = (text: string) =>
  text.replaceAll(/\\(\d{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)))

/** The last mount whose point is at or above `folder`. */
const mountOf = (folder: string) => {
  const mounts = read("/proc/self/mountinfo")
    .split("\n")
    .map((line) => {
      const [left = "", right = ""] = line.split(" - ")
      const [, , device = "", , point = ""] = left.split(" ")
      const [type = "", source = ""] = right.split(" ")
      return { device, point: unescaped(point), type, source }
    })
  const isAbove = ({ point }: { readonly point: string }) =>
    folder === point || folder.startsWith(point.endsWith("/") ? point : `${point}/`)
  const above = mounts.filter(isAbove)
  return above.reduce<(typeof mounts)[number] | undefined>(
    (best, mount) => (best !== undefined && mount.point.length < best.point.length ? best : mount),
    undefined
  )
}

const diskText = (device: string): string => {
  const found = fs.existsSync(`/sys/dev/block/${device}`) ? fs.realpathSync(`/sys/dev/block/${device}`) : ""
  // A partition lies in the directory of its disk.
  const disk = [found, path.dirname(found)].find((folder) => fs.existsSync(`${folder}/queue/rotational`))
  if (disk === undefined) return ""
  const kind = read(`${disk}/queue/rotational`) === "1" ? "rotating" : "solid"
  const model = read(`${disk}/device/model`)
  return `, ${kind} disk ${path.basename(disk)}${model === "" ? "" : ` (${model})`}`
}

/** For the head of a report: `ext4 on /dev/vda, solid disk vda`. */
export const describe = (folder: string): string => {
  const mount = mountOf(fs.realpathSync(folder))
  if (mount === undefined) return folder
  const isMemory = mount.type === "tmpfs" || mount.type === "ramfs"
  return isMemory ? `${mount.type}, memory` : `${mount.type} on ${mount.source}${diskText(mount.device)}`
}

const pageBytes = 4096

/** MB that the kernel has written from the page cache to all disks so far. */
export const writtenBackMB = (): number =>
  (Number(/^nr_written (\d+)$/m.exec(read("/proc/vmstat"))?.[1] ?? 0) * pageBytes) / 1e6
