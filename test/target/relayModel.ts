/**
 * What a relay makes of a target's writes, strictly: anything that a real relay would refuse, or keep in the wrong
 * place, is a complaint. Answers take as long as the test says; the order of writes is the order of effects.
 */
import { Effect, Result } from "effect"
import { CloseCommand } from "../../src/protocol/control/CloseTraceChunk.ts"
import type * as Control from "../../src/protocol/control/index.ts"
import * as PacketHeader from "../../src/protocol/data/PacketHeader.ts"
import { u64Max } from "../../src/protocol/Struct.ts"
import { type ControlClient, insisted } from "../../src/target/ControlClient.ts"
import type { Link } from "../../src/transport/Dial.ts"

interface ModelStream {
  readonly name: string
  readonly isMetadata: boolean
  chunk: bigint | undefined
  isOpen: boolean
  isAsked: boolean
  readonly packets: Array<{ readonly seq: bigint; packetSeqNum: bigint | undefined }>
}

const ok = { returnCode: 10 }
const { moveToCompleted } = CloseCommand

export class RelayModel {
  readonly complaints: Array<string> = []
  readonly streams = new Map<bigint, ModelStream>()
  /** The first byte of every packet that is indexed, by the stream's name. */
  readonly recorded = new Map<string, Array<number>>()
  /** Those that were created and not closed. */
  readonly chunks = new Set<bigint>()
  #current: bigint | undefined
  #lastHandle = 0n
  #hasArchives = false
  isGone = false

  // biome-ignore lint/suspicious/noExplicitAny: every command has its own request and reply
  readonly #handlers: Readonly<Record<string, (request: any) => unknown>> = {
    GET_CONFIGURATION: () => ({ ...ok, configurationFlags: 1n }),
    CREATE_SESSION: () => ({ ...ok, sessionId: 1n, outputPath: "host/session" }),
    STREAMS_SENT: () => ok,
    BEGIN_DATA_PENDING: () => {
      for (const stream of this.streams.values()) stream.isAsked = false
      return ok
    },
    QUIESCENT_CONTROL: ({ streamId }) => {
      this.#open(streamId, "QUIESCENT_CONTROL").isAsked = true
      return ok
    },
    DATA_PENDING: ({ streamId, lastNetSeqNum }) => {
      const stream = this.#open(streamId, "DATA_PENDING")
      stream.isAsked = true
      const last = stream.packets.findLast(({ packetSeqNum }) => packetSeqNum !== undefined)?.seq ?? u64Max
      if (last !== lastNetSeqNum) this.#complain(`DATA_PENDING ${stream.name}: ${lastNetSeqNum} of ${last}`)
      return { returnCode: 0 }
    },
    END_DATA_PENDING: () => {
      const isUnasked = [...this.streams.values()].some(({ isAsked, isOpen }) => isOpen && !isAsked)
      return { returnCode: isUnasked ? 1 : 0 }
    },
    ADD_STREAM: ({ channelName, pathname }) => {
      const handle = ++this.#lastHandle
      if (this.#current === undefined) this.#complain(`ADD_STREAM ${channelName}: no chunk`)
      this.streams.set(handle, {
        name: channelName,
        isMetadata: channelName === "metadata",
        chunk: this.#current,
        isOpen: true,
        isAsked: false,
        packets: []
      })
      return { ...ok, handle, pathname }
    },
    CLOSE_STREAM: ({ streamId, lastNetSeqNum }) => {
      const stream = this.#open(streamId, "CLOSE_STREAM")
      const last = stream.packets.at(-1)?.seq ?? u64Max
      if (!stream.isMetadata && last !== lastNetSeqNum) this.#complain(`CLOSE_STREAM ${lastNetSeqNum} of ${last}`)
      stream.isOpen = false
      return ok
    },
    SEND_INDEX: (request) => this.#index(request),
    CREATE_TRACE_CHUNK: ({ chunkId }) => {
      if (this.chunks.size > 1) this.#complain("CREATE_TRACE_CHUNK during a rotation")
      this.chunks.add(chunkId)
      this.#current = chunkId
      return ok
    },
    CLOSE_TRACE_CHUNK: ({ chunkId, closeCommand }) => {
      if (closeCommand === moveToCompleted) this.#hasArchives = true
      else if (closeCommand === undefined && this.#hasArchives) this.#complain("the last chunk is not archived")
      if (!this.chunks.delete(chunkId)) this.#complain(`CLOSE_TRACE_CHUNK ${chunkId}: unknown`)
      if (this.#current === chunkId) this.#current = undefined
      for (const stream of this.streams.values()) {
        if (stream.isOpen && stream.chunk === chunkId) this.#complain(`${stream.name} is left in chunk ${chunkId}`)
      }
      return { ...ok, path: "archives" }
    },
    TRACE_CHUNK_EXISTS: ({ chunkId }) => ({ ...ok, exists: this.chunks.has(chunkId) }),
    ROTATE_STREAMS: ({ newChunkId, positions }) => {
      for (const { rotateAtSeqNum, streamId } of positions) {
        const stream = this.#open(streamId, "ROTATE_STREAMS")
        stream.chunk = newChunkId
        if (stream.isMetadata) continue
        const last = stream.packets.at(-1)?.packetSeqNum
        if (last === undefined || last + 1n !== rotateAtSeqNum) this.#complain(`ROTATE_STREAMS at ${rotateAtSeqNum}`)
      }
      return ok
    }
  }

  control(delay: () => Effect.Effect<void>): ControlClient {
    const start: ControlClient["start"] = <Request, Reply>(command: { readonly name: string }, request: Request) =>
      Effect.sync(() => {
        if (this.isGone) this.#complain(`${command.name} after the end`)
        const reply = this.#handlers[command.name]?.(request) as Reply
        return Effect.as(delay(), reply)
      })
    return {
      minor: 13,
      start,
      ask: (command, request) => Effect.flatten(start(command, request)),
      insist: (command, request) =>
        Effect.flatMap(Effect.flatten(start(command, request)), (reply) => insisted(command.name, reply)),
      sendMetadata: ({ streamId }) =>
        Effect.suspend(() => {
          if (this.#open(streamId, "SEND_METADATA").chunk === undefined) this.#complain("metadata without a chunk")
          return delay()
        })
    }
  }

  link(delay: () => Effect.Effect<void>): Link {
    return {
      name: "model",
      write: ([head, bytes]) => {
        const { streamId, netSeqNum } = Result.getOrThrow(PacketHeader.decode(head as Uint8Array))
        const stream = this.#open(streamId, "data")
        if (this.isGone) this.#complain("data after the end")
        if (BigInt(stream.packets.length) !== netSeqNum) this.#complain(`${stream.name}: packet ${netSeqNum}`)
        if (stream.chunk === undefined) this.#complain(`${stream.name}: a packet without a chunk`)
        stream.packets.push({ seq: netSeqNum, packetSeqNum: undefined })
        this.#note(stream.name, bytes?.[0] as number)
      },
      isDrained: () => true,
      drained: Effect.suspend(delay),
      whenDrained: () => () => undefined,
      read: () => Effect.never,
      readable: Effect.never,
      ended: Effect.never
    }
  }

  #index({ netSeqNum, packetSeqNum, packetSize, relayStreamId }: Control.SendIndex.Request) {
    const stream = this.#open(relayStreamId, "SEND_INDEX")
    if (packetSize === 0n) return ok
    const packet = stream.packets.at(-1)
    if (packet?.seq !== netSeqNum) this.#complain(`${stream.name}: index ${netSeqNum} before its packet`)
    else packet.packetSeqNum = packetSeqNum
    return ok
  }

  #note(name: string, packet: number): void {
    this.recorded.set(name, [...(this.recorded.get(name) ?? []), packet])
  }

  #open(handle: bigint, command: string): ModelStream {
    const stream = this.streams.get(handle)
    if (stream === undefined) throw new Error(`${command}: stream ${handle}`)
    if (!stream.isOpen) this.#complain(`${command}: ${stream.name} is closed`)
    return stream
  }

  #complain(what: string): void {
    this.complaints.push(what)
  }
}
