/**
 * Whose thread an event record is on: by its contexts; else by who was last switched to on its processor; else that
 * processor stands for a thread of its own.
 */
import type { DataStream } from "../decode/DataStream.ts"
import { type Field, field } from "../decode/Fields.ts"
import type { EventPlan } from "../decode/Plan.ts"

export interface Thread {
  readonly pid: number
  readonly tid: number
  /** Slices that have begun, the innermost last. */
  readonly open: Array<{ readonly name: string; readonly label: Uint8Array }>
}

export interface Clues {
  readonly cpu: number | undefined
  readonly pid: number | undefined
  readonly tid: number | undefined
  readonly procname: unknown
  readonly plan: EventPlan
}

/** Names of processes and threads, for whoever shows them. */
export interface Named {
  readonly kind: "process" | "thread"
  readonly pid: number
  readonly tid: number
  readonly name: string
}

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined)

/** Where an event record of the kernel says who runs, or whose a thread is. */
export interface News {
  readonly isSwitch: boolean
  readonly tid: Field | undefined
  readonly pid: Field | undefined
  readonly name: Field | undefined
}

const tellers: Readonly<Record<string, readonly [tid: string, pid: string, name: string]>> = {
  sched_switch: ["next_tid", "", "next_comm"],
  lttng_statedump_process_state: ["tid", "pid", "name"],
  sched_process_fork: ["child_tid", "child_pid", "child_comm"]
}

/** Undefined where event records of that class tell nothing. */
export const newsOf = (plan: EventPlan): News | undefined => {
  const { name = "" } = plan.eventClass
  const names = Object.hasOwn(tellers, name) ? tellers[name] : undefined
  if (names === undefined) return undefined
  const [tid, pid, comm] = names.map((one) => field(plan, "event-record-payload", [one]))
  return { isSwitch: name === "sched_switch", tid, pid, name: comm }
}

/** Processors without threads are threads of this process. */
const processorsPid = 0

export class Threads {
  readonly #threads = new Map<string, Thread>()
  readonly #names = new Map<string, Named>()
  /** Of the kernel: who runs on a processor, and which process a thread belongs to. */
  readonly #running = new Map<number, number>()
  readonly #processes = new Map<number, number>()

  of({ cpu, pid, plan, procname, tid }: Clues): Thread {
    const { environment } = plan.stream.trace.traceClass
    const ownPid = environment.get("vpid")
    const running = cpu === undefined ? undefined : this.#running.get(cpu)
    const thread = tid ?? running
    const process =
      pid ??
      (typeof ownPid === "bigint" ? Number(ownPid) : thread === undefined ? undefined : this.#processes.get(thread))
    if (thread === undefined && process === undefined) {
      this.#name({ kind: "process", pid: processorsPid, tid: 0, name: "processors" })
      this.#name({ kind: "thread", pid: processorsPid, tid: cpu ?? 0, name: `processor ${cpu ?? 0}` })
      return this.#thread(processorsPid, cpu ?? 0)
    }
    const own = process ?? thread ?? 0
    const name = text(procname) ?? text(environment.get("procname"))
    if (name !== undefined) {
      this.#name({ kind: "thread", pid: own, tid: thread ?? own, name })
      if (thread === undefined || thread === own) this.#name({ kind: "process", pid: own, tid: own, name })
    }
    return this.#thread(own, thread ?? own)
  }

  /** What an event record of the kernel tells of the threads after it. */
  note(news: News, stream: DataStream, cpu: number | undefined): void {
    const tid = news.tid?.read(stream)
    const name = news.name?.read(stream)
    if (typeof tid !== "number") return
    if (news.isSwitch) {
      if (cpu !== undefined) this.#running.set(cpu, tid)
      const known = text(name)
      if (known !== undefined) this.#name({ kind: "thread", pid: this.#processes.get(tid) ?? tid, tid, name: known })
    } else {
      this.#belongs(tid, news.pid?.read(stream), name)
    }
  }

  #belongs(tid: unknown, pid: unknown, name: unknown): void {
    if (typeof tid !== "number" || typeof pid !== "number") return
    this.#processes.set(tid, pid)
    const known = text(name)
    if (known === undefined) return
    this.#name({ kind: "thread", pid, tid, name: known })
    if (tid === pid) this.#name({ kind: "process", pid, tid, name: known })
  }

  #thread(pid: number, tid: number): Thread {
    const key = `${pid} ${tid}`
    const known = this.#threads.get(key)
    if (known !== undefined) return known
    const thread = { pid, tid, open: [] }
    this.#threads.set(key, thread)
    return thread
  }

  /** The last name counts. */
  #name(named: Named): void {
    this.#names.set(`${named.kind} ${named.pid} ${named.tid}`, named)
  }

  named(): Iterable<Named> {
    return this.#names.values()
  }
}
