/** What a group measured, in the shape of the native generator's report. */
export interface Settings {
  readonly role: string
  readonly label: string
  readonly host: string
  readonly of: string
  readonly sessions: number
  readonly streams: number
  readonly inFlight: number
  readonly packetSize: number
  readonly rate: number
  readonly ringSize: number
  readonly ringCount: number
  readonly packetLimit: number
  readonly liveMicros: number
  readonly intervalMs: number
  readonly windowFrom: number
  readonly windowTo: number
}

export const defaults: Settings = {
  role: "produce",
  label: "load",
  host: "bench",
  of: "",
  sessions: 1,
  streams: 1,
  inFlight: 1,
  packetSize: 4096,
  rate: 0,
  ringSize: 0,
  ringCount: 0,
  packetLimit: 0,
  liveMicros: 0,
  intervalMs: 1000,
  windowFrom: 0,
  windowTo: 0
}

/** The clock of the run; `goAt` is undefined while sessions are being set up. */
export interface Run {
  goAt: number | undefined
  stopping: boolean
}

const bucketMs = 100

const summary = (values: ReadonlyArray<number>) => {
  const sorted = Float64Array.from(values).sort()
  const micros = (share: number) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 1000
  return { count: sorted.length, p50: micros(0.5), p99: micros(0.99), max: micros(1) }
}

export class Results {
  packets = 0
  errors = 0
  error = ""
  finished = 0
  drained = 0
  endedAt = 0
  readonly latencies: Array<number> = []
  readonly window: Array<number> = []
  readonly timeline: Array<[number, number]> = []
  readonly settings: Settings
  readonly run: Run

  constructor(settings: Settings, run: Run) {
    this.settings = settings
    this.run = run
  }

  count(latencyMs: number) {
    const at = performance.now() - (this.run.goAt ?? 0)
    const due = at - latencyMs
    this.packets++
    this.latencies.push(latencyMs)
    if (due >= this.settings.windowFrom && due < this.settings.windowTo) this.window.push(latencyMs)
    const index = Math.floor(at / bucketMs)
    while (this.timeline.length <= index) this.timeline.push([0, 0])
    const bucket = this.timeline[index] as [number, number]
    bucket[0]++
    bucket[1] = Math.max(bucket[1], Math.round(latencyMs * 1000))
  }

  fail(reason: string) {
    this.errors++
    this.error = reason
  }

  report(perSession: ReadonlyArray<number>, behind: number) {
    const { label, sessions, packetSize, windowFrom, windowTo } = this.settings
    const until = this.finished === sessions && this.endedAt > 0 ? this.endedAt : performance.now()
    return {
      label,
      sessions,
      packetSize,
      packets: this.packets,
      fewest: Math.min(...perSession),
      most: Math.max(...perSession),
      seconds: (until - (this.run.goAt ?? until)) / 1000,
      finished: this.finished,
      drained: this.drained,
      behind,
      errors: this.errors,
      error: this.error,
      windowSeconds: (windowTo - windowFrom) / 1000,
      latency: summary(this.latencies),
      window: summary(this.window),
      timeline: this.timeline
    }
  }
}
