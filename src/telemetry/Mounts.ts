/** What is mounted where, from the text of `/proc/self/mountinfo` (proc(5)). Pure. */

export interface Mount {
  readonly mountpoint: string
  /** The device's number, as `st_dev`. */
  readonly device: number
  /** `ext4`, `tmpfs`, … */
  readonly fileSystem: string
  /** What is mounted: a device, a share, a name. */
  readonly source: string
}

/** Undoes the octal escapes that the kernel writes for spaces and the like. */
const unescaped = (text: string): string =>
  text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

/** `st_dev` of `MAJOR:MINOR`, see makedev(3). */
const deviceOf = (text: string): number => {
  const [major = 0, minor = 0] = text.split(":").map(Number)
  const [majorHigh, minorHigh] = [Math.floor(major / 0x1000), Math.floor(minor / 0x100)]
  return majorHigh * 2 ** 44 + minorHigh * 2 ** 20 + (major % 0x1000) * 0x100 + (minor % 0x100)
}

export const parse = (text: string): ReadonlyArray<Mount> =>
  text.split("\n").flatMap((line) => {
    const [own = "", kind = ""] = line.split(" - ")
    const [, , device = "", , mountpoint] = own.split(" ")
    const [fileSystem = "", source = ""] = kind.split(" ")
    return mountpoint === undefined
      ? []
      : [{ mountpoint: unescaped(mountpoint), device: deviceOf(device), fileSystem, source: unescaped(source) }]
  })

const isBelow = (path: string, mountpoint: string): boolean =>
  path === mountpoint || path.startsWith(mountpoint === "/" ? "/" : `${mountpoint}/`)

const deepest = (mounts: ReadonlyArray<Mount>): Mount | undefined =>
  mounts.reduce<Mount | undefined>(
    (best, mount) => (best === undefined || mount.mountpoint.length >= best.mountpoint.length ? mount : best),
    undefined
  )

/**
 * Finds the mount of a device: preferably the deepest that `path` is below. Some file systems give files other device
 * numbers than their mount has: if no mount has the number, it is the deepest above `path`, if `path` is on the device
 * (`isOfPath`).
 */
export const find = (
  mounts: ReadonlyArray<Mount>,
  device: number,
  path: string,
  isOfPath: boolean
): Mount | undefined => {
  const same = mounts.filter((mount) => mount.device === device)
  const onPath = mounts.filter(({ mountpoint }) => isBelow(path, mountpoint))
  return deepest(same.filter((mount) => onPath.includes(mount))) ?? same[0] ?? (isOfPath ? deepest(onPath) : undefined)
}
