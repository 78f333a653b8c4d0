/**
 * Scenarios drawn from a seed: a few streams whose packets, indexes, rotations and chunk closes interleave.
 *
 * The plan is a value, made before anything runs, so that both relays take the same steps. It keeps to what a
 * real target may do and 2.13.9 survives: no packet without its index is in the old file when a rotation takes
 * effect. Within that, index and data overtake each other, rotations lie in the past or in the future, and
 * chunks are closed before or after their streams left them.
 */
import { Effect } from "effect"
import { Random } from "../support/Random.ts"
import * as Commands from "./commands.ts"
import { type Scenario, scenario } from "./scenario.ts"

type Step =
  | { readonly kind: "data"; readonly stream: number; readonly size: number; readonly padding: number; total: number }
  | { readonly kind: "index"; readonly stream: number; readonly seq: number; readonly bytes: number }
  | { readonly kind: "metadata"; readonly size: number; total: number }
  | { readonly kind: "reset" }
  | { readonly kind: "create"; readonly chunk: number }
  | { readonly kind: "rotate"; readonly chunk: number; readonly positions: ReadonlyArray<readonly [number, number]> }
  | { readonly kind: "close"; readonly chunk: number; readonly command: number | undefined }
  | { readonly kind: "gone"; readonly chunk: number }
  | { readonly kind: "pending"; readonly stream: number; readonly last: number }
  | { readonly kind: "end pending" }

interface Sender {
  /** Sizes of the packets by sequence number, fixed when first named by data or index. */
  readonly packets: Array<{ readonly size: number; readonly padding: number }>
  data: number
  index: number
  /** Position of the rotation that has not taken effect, if there is one. */
  rotateAt: number | undefined
  /** Bytes in all files of the stream that are still on the disk, and those of them in the current chunk. */
  total: number
  inChunk: number
  inOldChunk: number
}

const aheadMax = 3
const stepCount = 70
const metadataName = "metadata"
const nameOf = (stream: number) => `ch_${stream}`

class Planner {
  readonly steps: Array<Step> = []
  readonly senders: ReadonlyArray<Sender>
  readonly random: Random
  metadataTotal = 0
  metadataInChunk = 0
  metadataInOldChunk = 0
  chunk = 0
  /** The chunk that was left and not closed yet, and whether its streams were told to leave it. */
  old: { readonly id: number; rotated: boolean } | undefined
  closing: number | undefined

  constructor(seed: number) {
    this.random = new Random(seed)
    this.senders = Array.from({ length: 1 + this.random.below(3) }, () => ({
      packets: [],
      data: 0,
      index: 0,
      rotateAt: undefined,
      total: 0,
      inChunk: 0,
      inOldChunk: 0
    }))
  }

  packet(sender: Sender, seq: number) {
    while (sender.packets.length <= seq) {
      sender.packets.push({ size: 1 + this.random.below(40), padding: this.random.below(20) })
    }
    return sender.packets[seq] ?? { size: 1, padding: 0 }
  }

  /** A rotation takes effect with the record that reaches its position; at least one record is needed. */
  settle(sender: Sender) {
    const records = Math.min(sender.data, sender.index)
    if (sender.rotateAt === undefined || records < 1 || records < sender.rotateAt) return
    sender.rotateAt = undefined
    sender.inOldChunk = sender.inChunk
    sender.inChunk = 0
  }

  data(stream: number, sender: Sender) {
    const packet = this.packet(sender, sender.data)
    sender.data += 1
    sender.total += packet.size + packet.padding
    sender.inChunk += packet.size + packet.padding
    this.steps.push({ kind: "data", stream, ...packet, total: sender.total })
    this.settle(sender)
  }

  index(stream: number, sender: Sender) {
    const { padding, size } = this.packet(sender, sender.index)
    this.steps.push({ kind: "index", stream, seq: sender.index, bytes: size + padding })
    sender.index += 1
    this.settle(sender)
  }

  metadata() {
    const size = 1 + this.random.below(30)
    this.metadataTotal += size
    this.metadataInChunk += size
    this.steps.push({ kind: "metadata", size, total: this.metadataTotal })
  }

  /** The metadata begins again, in a new file. */
  reset() {
    this.metadataTotal -= this.metadataInChunk
    this.metadataInChunk = 0
    this.steps.push({ kind: "reset" })
  }

  mayData(sender: Sender) {
    if (sender.data < sender.index) return true
    const ahead = sender.data - sender.index
    if (sender.rotateAt !== undefined) return ahead === 0 && (sender.data === 0 || sender.data < sender.rotateAt)
    return ahead < aheadMax && !this.isRotating()
  }

  isRotating() {
    return this.old !== undefined && !this.old.rotated
  }

  move(stream: number, sender: Sender) {
    const indexFirst = this.random.chance(0.4) && sender.index - sender.data < aheadMax
    if (indexFirst || !this.mayData(sender)) {
      if (sender.index - sender.data < aheadMax) return this.index(stream, sender)
    }
    if (this.mayData(sender)) this.data(stream, sender)
  }

  /** Every packet that is in gets its index. */
  pair() {
    for (const [stream, sender] of this.senders.entries()) {
      while (sender.index < sender.data) this.index(stream, sender)
    }
  }

  create() {
    this.old = { id: this.chunk, rotated: false }
    this.chunk += 1
    this.steps.push({ kind: "create", chunk: this.chunk })
  }

  rotate(old: { rotated: boolean }) {
    this.pair()
    old.rotated = true
    const positions = this.senders.map((sender, stream): readonly [number, number] => {
      sender.rotateAt = sender.index - Math.min(sender.index, this.random.below(2)) + this.random.below(3)
      return [stream, sender.rotateAt]
    })
    this.steps.push({ kind: "rotate", chunk: this.chunk, positions })
    this.metadataInOldChunk = this.metadataInChunk
    this.metadataInChunk = 0
    for (const sender of this.senders) this.settle(sender)
  }

  allSettled() {
    return this.senders.every((sender) => sender.rotateAt === undefined)
  }

  close(old: { readonly id: number }) {
    const { closeCommands } = Commands
    const deletes = this.allSettled() && this.random.chance(0.3)
    const command = deletes ? closeCommands.delete : closeCommands.move
    this.steps.push({ kind: "close", chunk: old.id, command })
    this.old = undefined
    this.closing = old.id
    if (deletes) {
      for (const sender of this.senders) sender.total -= sender.inOldChunk
      this.metadataTotal -= this.metadataInOldChunk
    }
    this.awaitGone()
  }

  awaitGone() {
    if (this.closing === undefined || !this.allSettled()) return
    this.steps.push({ kind: "gone", chunk: this.closing })
    this.closing = undefined
  }

  advanceChunks() {
    if (this.old === undefined && this.closing === undefined && this.allSettled()) return this.create()
    if (this.old !== undefined && !this.old.rotated) return this.rotate(this.old)
    if (this.old !== undefined) return this.close(this.old)
    this.awaitGone()
  }

  step() {
    const choice = this.random.below(20)
    const stream = this.random.below(this.senders.length)
    const sender = this.senders[stream]
    if (sender === undefined) return
    if (choice < 12) this.move(stream, sender)
    else if (choice < 14) this.random.chance(0.2) ? this.reset() : this.metadata()
    else if (choice < 18) this.advanceChunks()
    else if (choice === 18) this.steps.push({ kind: "pending", stream, last: this.random.below(sender.data + 2) })
    else this.steps.push({ kind: "end pending" })
  }

  finish() {
    for (const [stream, sender] of this.senders.entries()) {
      while (sender.data !== sender.index || sender.rotateAt !== undefined) {
        if (sender.data < sender.index || (sender.data === sender.index && this.mayData(sender))) {
          this.data(stream, sender)
        } else this.index(stream, sender)
      }
    }
    this.awaitGone()
    for (const [stream, sender] of this.senders.entries()) {
      if (sender.data > 0) this.steps.push({ kind: "pending", stream, last: sender.data - 1 })
    }
    return this.steps
  }
}

const plan = (seed: number): { readonly streams: number; readonly steps: ReadonlyArray<Step> } => {
  const planner = new Planner(seed)
  for (let count = 0; count < stepCount; count += 1) planner.step()
  return { streams: planner.senders.length, steps: planner.finish() }
}

export const fromSeed = (seed: number): Scenario =>
  scenario(`seed ${seed}`, function* (s) {
    const { steps, streams } = plan(seed)
    const { c, d, session } = yield* s.recording({ basePath: "r" })
    const metadata = yield* c.addStream({ channel: metadataName })
    const handles: Array<bigint> = []
    for (let stream = 0; stream < streams; stream += 1) handles.push(yield* c.addStream({ channel: nameOf(stream) }))
    const handleOf = (stream: number) => handles[stream] ?? 0n
    const sent = handles.map(() => 0)
    for (const step of steps) {
      s.note(JSON.stringify(step))
      if (step.kind === "data") {
        const seq = sent[step.stream] ?? 0
        sent[step.stream] = seq + 1
        yield* d.packet(handleOf(step.stream), seq, step.size, step.padding)
        yield* s.totalBytes(nameOf(step.stream), step.total)
      } else if (step.kind === "index") yield* c.index(handleOf(step.stream), step)
      else if (step.kind === "metadata") {
        yield* c.metadata(metadata, Buffer.alloc(step.size, 0x6d))
        yield* s.totalBytes(metadataName, step.total)
      } else if (step.kind === "reset") yield* c.resetMetadata(metadata)
      else if (step.kind === "create") yield* c.createChunk(step.chunk, Commands.start + step.chunk)
      else if (step.kind === "rotate") {
        const positions = step.positions.map(([stream, at]) => [handleOf(stream), at] as const)
        yield* c.rotate(step.chunk, [...positions, [metadata, 0]])
      } else if (step.kind === "close") yield* c.closeChunk(step.chunk, Commands.start + step.chunk + 1, step.command)
      else if (step.kind === "gone") yield* c.untilChunkGone(step.chunk)
      else if (step.kind === "pending") yield* c.dataPending(handleOf(step.stream), step.last)
      else yield* c.endPending(session.id)
    }
    for (const [stream, handle] of handles.entries())
      yield* c.closeStream(handle, BigInt.asUintN(64, BigInt((sent[stream] ?? 0) - 1)))
    yield* Effect.forEach(handles, s.untilClosed)
  })
