/**
 * Finds the thread that an event record is on: by its contexts; else the one that its processor was last switched to;
 * else the processor stands for a thread of its own.
 */
import { OpenSlices, type Room } from "./OpenSlices.ts"

export interface Thread<Label> {
  readonly pid: number
  readonly tid: number
  readonly open: OpenSlices<Label>
}

export interface Clues {
  readonly cpu: number | undefined
  readonly pid: number | undefined
  readonly tid: number | undefined
  readonly procname: unknown
  /** The trace's environment. */
  readonly environment: ReadonlyMap<string, unknown>
}

/** The name of a process or thread, to be shown. */
export interface Named {
  readonly kind: "process" | "thread"
  readonly pid: number
  readonly tid: number
  readonly name: string
}

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined)

/** What an event record of the kernel says: which thread runs now, or which process a thread belongs to. */
export interface News {
  readonly isSwitch: boolean
  readonly tid: unknown
  readonly pid: unknown
  readonly name: unknown
}

export const switchName = "sched_switch"

const tellers: Readonly<Record<string, readonly [tid: string, pid: string, name: string]>> = {
  [switchName]: ["next_tid", "", "next_comm"],
  lttng_statedump_process_state: ["tid", "pid", "name"],
  sched_process_fork: ["child_tid", "child_pid", "child_comm"]
}

/** Names of the fields that say it; undefined if event records of that name say nothing of the kind. */
export const tellingFields = (eventName: string): readonly [tid: string, pid: string, name: string] | undefined =>
  Object.hasOwn(tellers, eventName) ? tellers[eventName] : undefined

/** Processors without threads are threads of this process. */
const processorsPid = 0

/** Thread 0 runs on each processor that has nothing to do, on several at a time: it does not identify a thread. */
const unlessIdle = (id: number | undefined): number | undefined => (id === 0 ? undefined : id)

/** Linux has no greater pid or tid. */
const idsOfHost = 2 ** 22

/** With what is added to ids of hosts after the first, readers can hold them: in 32 bits without a sign. */
const idMax = 2 ** 31 - 1
const hostsApart = 2 ** 31 / idsOfHost

/** Threads that are told apart. */
const threadsMax = 1_048_576
/** All others together are this thread of process 0. */
const othersTid = 2 ** 32 - 1
/** Slices that may be open at a time. */
const openMax = 1_048_576

/** The value of a field as an id, also of a field that can hold more than an id. */
export const id = (value: unknown): number | undefined => {
  const number = typeof value === "bigint" ? Number(value) : value
  return typeof number === "number" && Number.isInteger(number) && number >= 0 && number <= idMax ? number : undefined
}

/** A machine. Several may use the same ids at the same time. */
class Host {
  /** Added to the host's ids. 0 for the first host, whose ids are shown as they are. */
  readonly base: number
  readonly name: string | undefined
  /** What the kernel's events say: the thread that runs, by processor; the process, by thread. */
  readonly running = new Map<number, number>()
  readonly processes = new Map<number, number>()

  constructor(count: number, name: string | undefined) {
    this.base = (count % hostsApart) * idsOfHost
    this.name = name
  }
}

export class Threads<Label> {
  readonly #threads = new Map<string, Thread<Label>>()
  readonly #names = new Map<string, Named>()
  readonly #hosts = new Map<unknown, Host>()
  readonly #room: Room = { left: openMax }
  readonly #threadsMax: number

  constructor(countMax = threadsMax) {
    this.#threadsMax = countMax
  }

  #host(environment: ReadonlyMap<string, unknown>): Host {
    const name = environment.get("hostname")
    let host = this.#hosts.get(name)
    if (host === undefined) {
      host = new Host(this.#hosts.size, text(name))
      this.#hosts.set(name, host)
    }
    return host
  }

  of({ cpu, environment, pid, procname, tid }: Clues): Thread<Label> {
    const host = this.#host(environment)
    const ownPid = id(environment.get("vpid"))
    const running = cpu === undefined ? undefined : host.running.get(cpu)
    const thread = unlessIdle(tid ?? running)
    const process = unlessIdle(pid) ?? ownPid ?? (thread === undefined ? undefined : host.processes.get(thread))
    if (thread === undefined && process === undefined) {
      this.#name(host, { kind: "process", pid: processorsPid, tid: 0, name: "processors" })
      this.#name(host, { kind: "thread", pid: processorsPid, tid: cpu ?? 0, name: `processor ${cpu ?? 0}` })
      return this.#thread(host, processorsPid, cpu ?? 0)
    }
    const own = process ?? thread ?? 0
    const ofProcess = text(environment.get("procname"))
    const name = text(procname) ?? ofProcess
    if (name !== undefined) this.#name(host, { kind: "thread", pid: own, tid: thread ?? own, name })
    const isFirst = thread === undefined || thread === own
    const processName = isFirst ? name : ofProcess
    if (processName !== undefined) this.#name(host, { kind: "process", pid: own, tid: own, name: processName })
    return this.#thread(host, own, thread ?? own)
  }

  /** Notes what an event record of the kernel tells; it counts for the event records after it. */
  note({ isSwitch, name, ...news }: News, cpu: number | undefined, environment: ReadonlyMap<string, unknown>): void {
    const host = this.#host(environment)
    const [tid, pid] = [id(news.tid), id(news.pid)]
    if (tid === undefined) return
    if (isSwitch) {
      if (cpu !== undefined) this.#know(host.running, cpu, tid)
      if (unlessIdle(tid) === undefined) return
      this.#learn(host, tid, host.processes.get(tid) ?? tid, name)
    } else if (pid !== undefined) {
      this.#know(host.processes, tid, pid)
      this.#learn(host, tid, pid, name)
    }
  }

  #know(known: Map<number, number>, key: number, value: number): void {
    if (known.size < this.#threadsMax || known.has(key)) known.set(key, value)
  }

  /** A process has the name of its first thread. */
  #learn(host: Host, tid: number, pid: number, name: unknown): void {
    const known = text(name)
    if (known === undefined) return
    this.#name(host, { kind: "thread", pid, tid, name: known })
    if (tid === pid) this.#name(host, { kind: "process", pid, tid, name: known })
  }

  #thread({ base }: Host, ownPid: number, ownTid: number): Thread<Label> {
    const [pid, tid] = [base + ownPid, base + ownTid]
    const key = `${pid} ${tid}`
    const known = this.#threads.get(key)
    if (known !== undefined) return known
    return this.#threads.size < this.#threadsMax ? this.#add(key, pid, tid) : this.#others()
  }

  #add(key: string, pid: number, tid: number): Thread<Label> {
    const thread = { pid, tid, open: new OpenSlices<Label>(this.#room) }
    this.#threads.set(key, thread)
    return thread
  }

  #others(): Thread<Label> {
    const [key, pid, tid] = ["others", processorsPid, othersTid]
    this.#names.set(key, { kind: "thread", pid, tid, name: "other threads" })
    return this.#threads.get(key) ?? this.#add(key, pid, tid)
  }

  get all(): Iterable<Thread<Label>> {
    return this.#threads.values()
  }

  /** Sets a name; the last one counts. */
  #name(host: Host, { kind, ...own }: Named): void {
    const [pid, tid] = [host.base + own.pid, host.base + own.tid]
    const isTold = kind === "process" && host.base > 0 && host.name !== undefined
    const key = `${kind} ${pid} ${tid}`
    if (this.#names.size >= 2 * this.#threadsMax && !this.#names.has(key)) return
    this.#names.set(key, { kind, pid, tid, name: isTold ? `${host.name}: ${own.name}` : own.name })
  }

  named(): Iterable<Named> {
    return this.#names.values()
  }
}
