/**
 * A copy of everything below a directory, for a repair that leaves the original as it is. What cannot be read is left
 * out, and named; where the copy cannot be written there is none.
 */
import * as fs from "node:fs"
import { basename, dirname, join, relative, resolve } from "node:path"
import * as SystemError from "../errors/SystemError.ts"
import { pathOf, textOf } from "../protocol/Text.ts"
import * as Directory from "../storage/Directory.ts"
import * as DiskTree from "./DiskTree.ts"
import { realOf } from "./OpenFiles.ts"

export interface LeftOut {
  /** Relative to the directory that was copied. */
  readonly path: string
  readonly reason: string
  /** It may have been recorded; a socket, for example, was not. */
  readonly isLoss: boolean
}

const blockBytes = 1024 * 1024
/** Blocks of zeros are not written: a file that a crash left long but without bytes takes no room in the copy. */
const zeros = Buffer.alloc(blockBytes)
/** The copy is made in a directory of this name, inside of its place: nobody takes half of one for whole. */
const stagingName = ".copying"

/** The path without symbolic links, which need not exist: then its nearest existing directory is resolved. */
const resolved = (path: string): string =>
  fs.existsSync(pathOf(path)) ? realOf(path) : join(resolved(dirname(path)), basename(path))

/** The copy cannot be written, which ends it. */
class TargetFailure extends Error {
  static attempt<A>(act: () => A): A {
    try {
      return act()
    } catch (cause) {
      throw cause instanceof TargetFailure ? cause : new TargetFailure(SystemError.reasonOf(cause))
    }
  }
}

const kindOf = (stat: fs.Stats): string => {
  if (stat.isFIFO()) return "a FIFO"
  if (stat.isSocket()) return "a socket"
  return "a device"
}

class Copying {
  readonly leftOut: Array<LeftOut> = []
  readonly #source: string
  readonly #target: string
  readonly #block = Buffer.allocUnsafe(blockBytes)
  #clones = true

  constructor(source: string, target: string) {
    this.#source = source
    this.#target = target
  }

  #leave(path: string, reason: string, isLoss = true): void {
    this.leftOut.push({ path, reason, isLoss })
  }

  /** Undefined if the source cannot be read: then it is one of `leftOut`. */
  #look<A>(path: string, act: () => A, what = ""): A | undefined {
    try {
      return act()
    } catch (cause) {
      this.#leave(path, `${what}${SystemError.reasonOf(cause)}`)
      return undefined
    }
  }

  directory(path: string, stat: fs.Stats): void {
    const [from, to] = [join(this.#source, path), join(this.#target, path)]
    const names = this.#look(path, () => fs.readdirSync(pathOf(from), "buffer"))
    if (names === undefined) return
    TargetFailure.attempt(() => fs.mkdirSync(pathOf(to), { mode: 0o700 }))
    for (const name of names) this.#entry(join(path, textOf(name)))
    // A repair must be able to write in it.
    TargetFailure.attempt(() => {
      fs.chmodSync(pathOf(to), (stat.mode & 0o777) | 0o700)
      fs.utimesSync(pathOf(to), stat.atime, stat.mtime)
    })
  }

  #entry(path: string): void {
    const stat = this.#look(path, () => fs.lstatSync(pathOf(join(this.#source, path))))
    if (stat === undefined) return
    if (stat.isDirectory()) this.directory(path, stat)
    else if (stat.isFile()) this.#file(path, stat)
    else if (stat.isSymbolicLink()) this.#link(path)
    else this.#leave(path, kindOf(stat), false)
  }

  /** Makes a link that leads to the same place as the original does, or to its copy if that is copied, too. */
  #link(path: string): void {
    const text = this.#look(path, () => textOf(fs.readlinkSync(pathOf(join(this.#source, path)), "buffer")))
    if (text === undefined) return
    const at = join(this.#source, dirname(path))
    const end = resolve(at, text)
    const isWithin = `${end}/`.startsWith(`${this.#source}/`)
    const leads = isWithin ? relative(at, end) || "." : end
    TargetFailure.attempt(() => fs.symlinkSync(pathOf(leads), pathOf(join(this.#target, path))))
  }

  #file(path: string, stat: fs.Stats): void {
    const to = join(this.#target, path)
    if (!this.#isCloned(join(this.#source, path), to)) {
      // The name may belong to something else by now.
      const flags = fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK
      const source = this.#look(path, () => fs.openSync(pathOf(join(this.#source, path)), flags))
      if (source === undefined) return
      try {
        this.#bytes(path, source, to)
      } finally {
        fs.closeSync(source)
      }
    }
    TargetFailure.attempt(() => {
      fs.chmodSync(pathOf(to), (stat.mode & 0o777) | 0o600)
      fs.utimesSync(pathOf(to), stat.atime, stat.mtime)
    })
  }

  /** Clones the file, if the file system can: then the copy takes no room. */
  #isCloned(from: string, to: string): boolean {
    if (!this.#clones) return false
    try {
      fs.copyFileSync(pathOf(from), pathOf(to), fs.constants.COPYFILE_FICLONE_FORCE)
      return true
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      if (code !== "EACCES" && code !== "ENOENT") this.#clones = false
      return false
    }
  }

  /** Copies up to where the file can be read: what is whole in it is worth having. */
  #bytes(path: string, source: number, to: string): void {
    const target = TargetFailure.attempt(() => fs.openSync(pathOf(to), "w", 0o600))
    try {
      for (let at = 0; ; ) {
        const count = this.#look(
          path,
          () => fs.readSync(source, this.#block, 0, blockBytes, at),
          `from byte ${at} on: `
        )
        if (count === undefined) return
        if (count === 0) return
        const bytes = this.#block.subarray(0, count)
        TargetFailure.attempt(() => {
          if (bytes.equals(zeros.subarray(0, count))) fs.ftruncateSync(target, at + count)
          else for (let done = 0; done < count; ) done += fs.writeSync(target, bytes, done, count - done, at + done)
        })
        at += count
      }
    } finally {
      TargetFailure.attempt(() => fs.closeSync(target))
    }
  }
}

const discarded = (staging: string, isOurs: boolean, target: string, cause: unknown): Error => {
  try {
    fs.rmSync(pathOf(staging), { recursive: true, force: true })
    if (isOurs) fs.rmdirSync(pathOf(target))
    return new Error(`cannot write the copy: ${SystemError.reasonOf(cause)}; nothing of it is left`)
  } catch {
    return new Error(`cannot write the copy: ${SystemError.reasonOf(cause)}; what there is of it is in ${staging}`)
  }
}

const checkEmpty = (target: string, to: string): void => {
  const names = fs.readdirSync(pathOf(target))
  const unfinished = `: ${stagingName} in it is a copy that was not finished, or is being made; if none is, remove ${to}`
  if (names.length > 0) throw new Error(`${to} is not empty${names.includes(stagingName) ? unfinished : ""}`)
}

/**
 * Copies `from` to `to`, which must be new or empty. Answers what was left out. Throws what keeps the copy from being
 * written, and leaves nothing of it then.
 */
export const copy = (from: string, to: string): ReadonlyArray<LeftOut> => {
  const source = DiskTree.rootOf(from)
  const target = resolved(resolve(to))
  const stat = fs.statSync(pathOf(source))
  if (`${target}/`.startsWith(`${source}/`)) throw new Error(`${to} lies in ${from}`)
  const isOurs = !fs.existsSync(pathOf(target))
  if (!isOurs) checkEmpty(target, to)
  fs.readdirSync(pathOf(source))
  if (isOurs) Directory.makeNow(target, (stat.mode & 0o777) | 0o700)
  const staging = join(target, stagingName)
  const copying = new Copying(source, staging)
  try {
    copying.directory("", stat)
    for (const name of fs.readdirSync(pathOf(staging), "buffer")) {
      const text = textOf(name)
      fs.renameSync(pathOf(join(staging, text)), pathOf(join(target, text)))
    }
    fs.rmdirSync(pathOf(staging))
  } catch (cause) {
    throw discarded(staging, isOurs, target, cause)
  }
  return copying.leftOut
}
