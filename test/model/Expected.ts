/**
 * What one stream must leave behind, computed from its whole history (streaming.md §7.3, §8, §9, §11.3): a second
 * statement of the rules, written to be read, sharing nothing with the one that is tested.
 *
 * Packets are put in places (a data file of one life) and may be moved to others; everything else follows: a file is
 * the packets of its place in order, an offset is the size of those before, an index has a record for every packet
 * whose two halves met, in the order in which they met.
 */

/** A data file from its creation to its replacement: `chunk/number`. */
export interface Place {
  readonly chunk: string
  readonly number: number
  isOverwritten: boolean
  hasIndex: boolean
}

export interface Packet {
  readonly seq: bigint
  readonly size: number
  readonly padding: number
  readonly content: string
  place: Place
  /** It belongs to the index of its place; until then it waits for the place it will move to. */
  isIndexed: boolean
  /** The stream was asked to end before its index came: it stays where it is, without a record. */
  isForgotten: boolean
  /** When, and with which `packet_seq_num`, its index met it. */
  met: { readonly rank: number; readonly packetSeq: bigint } | undefined
}

export interface Shape {
  readonly hasIndex: boolean
  readonly isMetadata: boolean
  readonly tracefileSize: number
  readonly tracefileCount: number
}

export interface Record {
  readonly offset: number
  readonly packetSeq: bigint
}

export interface Outcome {
  /** By `chunk/number`. */
  readonly files: ReadonlyMap<string, string>
  readonly indexes: ReadonlyMap<string, ReadonlyArray<Record>>
}

const sum = (packets: ReadonlyArray<Packet>) => packets.reduce((total, each) => total + each.size + each.padding, 0)

export class Expected {
  readonly #shape: Shape
  #places: Array<Place> = []
  #place: Place | undefined
  #packets: Array<Packet> = []
  #metadata = new Map<Place, string>()
  /** Indexes that met no packet yet. */
  #indexes = new Map<bigint, bigint>()
  #rotation: { readonly at: bigint; readonly chunk: string | undefined; pivot: bigint | undefined } | undefined
  #arriving: { readonly seq: bigint; readonly size: number; readonly padding: number } | undefined
  /** Bytes at the end of a file that belong to no packet. */
  #leftover: { readonly place: Place; readonly content: string } | undefined
  #meetings = 0
  #lastPacketSeq: bigint | undefined
  #lastClosed: bigint | undefined
  prevData: bigint | undefined
  prevIndex: bigint | undefined
  isClosed = false

  constructor(shape: Shape, chunk: string) {
    this.#shape = shape
    this.#place = this.#newPlace(chunk, 0)
  }

  get isRotating(): boolean {
    return this.#rotation !== undefined
  }

  /** Chunks that packets without their index still hold. */
  get heldChunks(): ReadonlySet<string> {
    return new Set(this.#unmet().map((packet) => packet.place.chunk))
  }

  // ---- what happens ----------------------------------------------------------------------------------------------

  begin(seq: bigint, size: number, padding: number): boolean {
    if (this.isClosed || this.#place === undefined || this.#arriving !== undefined) return false
    this.#leftover = undefined
    this.#place = this.#roomFor(size, this.#place)
    this.#arriving = { seq, size, padding }
    return true
  }

  /** `content` is the payload without padding. */
  end(content: string): boolean {
    const arriving = this.#arriving
    const place = this.#place
    if (arriving === undefined || place === undefined) return false
    this.#arriving = undefined
    const whole = content + ".".repeat(arriving.padding)
    const { hasIndex } = this.#shape
    if (hasIndex && this.#unmet().some((packet) => packet.seq === arriving.seq)) {
      this.#leftover = { place, content: whole }
      return false
    }
    const packet: Packet = { ...arriving, content: whole, place, isIndexed: false, isForgotten: false, met: undefined }
    this.#packets.push(packet)
    if (hasIndex && !this.#isOfNextChunk(packet)) this.#addToIndex(packet)
    this.prevData = arriving.seq
    return this.#turn()
  }

  abandon(content: string): void {
    if (this.#arriving !== undefined && this.#place !== undefined) this.#leftover = { place: this.#place, content }
    this.#arriving = undefined
  }

  index(seq: bigint, packetSeq: bigint): boolean {
    if (!this.#shape.hasIndex) return true
    if (this.#indexes.has(seq)) return false
    this.#indexes.set(seq, packetSeq)
    const packet = this.#unmet().find((each) => each.seq === seq)
    if (packet?.isIndexed !== true) return true
    this.#meet(packet)
    return this.#turn()
  }

  rotate(at: bigint, chunk: string | undefined): boolean {
    if (this.#rotation !== undefined || (this.#shape.isMetadata && this.#arriving !== undefined)) return false
    this.#rotation = { at, chunk, pivot: undefined }
    const isEmptyHanded = this.#place === undefined && chunk !== undefined
    if (this.#shape.isMetadata || isEmptyHanded) {
      this.#leave()
      return true
    }
    return this.#turn()
  }

  /** A whole metadata message. */
  metadata(content: string): boolean {
    if (this.isClosed || this.#place === undefined || this.#arriving !== undefined) return false
    this.#metadata.set(this.#place, (this.#metadata.get(this.#place) ?? "") + content)
    return true
  }

  reset(): boolean {
    if (!this.#shape.isMetadata || this.#place === undefined) return false
    this.#place.isOverwritten = true
    this.#place = this.#newPlace(this.#place.chunk, 0)
    this.prevData = 0n
    this.prevIndex = 0n
    return true
  }

  /** `last` as CLOSE_STREAM gives it, undefined for none. True: closed now. */
  close(last: bigint | undefined, isAborted: boolean): boolean {
    if (this.isClosed) return false
    this.#lastClosed = last ?? this.#lastClosed
    if (this.#lastClosed === undefined) for (const packet of this.#unmet()) packet.isForgotten = true
    this.#lastClosed ??= [...this.#indexes.keys()].reduce<bigint | undefined>(
      (highest, seq) => (highest === undefined || seq > highest ? seq : highest),
      undefined
    )
    const isComplete =
      this.#lastClosed === undefined || (this.prevData !== undefined && this.prevData >= this.#lastClosed)
    if (!isComplete && !isAborted) return false
    this.isClosed = true
    return true
  }

  // ---- the rules -------------------------------------------------------------------------------------------------

  /** Complete packets whose index may still come. */
  #unmet(): ReadonlyArray<Packet> {
    return this.#packets.filter((packet) => packet.met === undefined && !packet.isForgotten)
  }

  #isOfNextChunk(packet: Packet): boolean {
    const pivot = this.#rotation?.pivot
    return pivot !== undefined && packet.seq > pivot
  }

  #addToIndex(packet: Packet): void {
    packet.isIndexed = true
    packet.place.hasIndex = true
    this.#meet(packet)
  }

  #meet(packet: Packet): void {
    const packetSeq = this.#indexes.get(packet.seq)
    if (packetSeq === undefined) return
    this.#indexes.delete(packet.seq)
    packet.met = { rank: this.#meetings++, packetSeq }
    this.prevIndex = packet.seq
    this.#lastPacketSeq = packetSeq
  }

  /** Rotates as far as it is due. False: towards no chunk although packets of the next one are stored. */
  #turn(): boolean {
    const rotation = this.#rotation
    if (rotation === undefined) return true
    if (rotation.pivot === undefined && this.#lastPacketSeq !== undefined && this.#lastPacketSeq + 1n >= rotation.at) {
      rotation.pivot = this.prevIndex
    }
    if (rotation.pivot === undefined || this.#arriving !== undefined) return true
    if (this.prevData === undefined || this.prevData < rotation.pivot) return true
    if (this.prevData === rotation.pivot) {
      this.#leave()
      return true
    }
    if (rotation.chunk === undefined) return false
    const lastMet = this.#packets.findLastIndex((packet) => packet.met !== undefined)
    const mayMove = ({ place, isForgotten }: Packet) => !place.isOverwritten && !isForgotten
    const moved = this.#packets.filter((packet, rank) => rank > lastMet && mayMove(packet))
    this.#leave()
    this.#packets = this.#packets.filter((packet) => !moved.includes(packet))
    for (const packet of moved) {
      this.#place = this.#roomFor(packet.size, this.#place as Place)
      packet.place = this.#place
      this.#packets.push(packet)
    }
    for (const packet of moved) this.#addToIndex(packet)
    return true
  }

  #leave(): void {
    this.#leftover = undefined
    const chunk = this.#rotation?.chunk
    this.#rotation = undefined
    this.#place = chunk === undefined ? undefined : this.#newPlace(chunk, 0)
  }

  #roomFor(size: number, place: Place): Place {
    const { tracefileSize, tracefileCount } = this.#shape
    const used = sum(this.#packets.filter((packet) => packet.place === place))
    if (tracefileSize === 0 || used + size <= tracefileSize) return place
    return this.#newPlace(place.chunk, (place.number + 1) % tracefileCount)
  }

  #newPlace(chunk: string, number: number): Place {
    for (const old of this.#places) if (old.chunk === chunk && old.number === number) old.isOverwritten = true
    const place: Place = { chunk, number, isOverwritten: false, hasIndex: false }
    this.#places.push(place)
    return place
  }

  // ---- what is left ----------------------------------------------------------------------------------------------

  get outcome(): Outcome {
    const files = new Map<string, string>()
    const indexes = new Map<string, ReadonlyArray<Record>>()
    for (const place of this.#places) {
      const name = `${place.chunk}/${place.number}`
      const inside = this.#packets.filter((packet) => packet.place === place)
      const leftover = this.#leftover?.place === place ? this.#leftover.content : ""
      files.set(name, (this.#metadata.get(place) ?? "") + inside.map((packet) => packet.content).join("") + leftover)
      if (place.hasIndex && !place.isOverwritten) indexes.set(name, this.#records(inside))
    }
    return { files, indexes }
  }

  #records(inside: ReadonlyArray<Packet>): ReadonlyArray<Record> {
    return inside
      .flatMap((packet, at) => {
        if (packet.met === undefined) return []
        const { rank, packetSeq } = packet.met
        return [{ rank, offset: sum(inside.slice(0, at)), packetSeq }]
      })
      .sort((a, b) => a.rank - b.rank)
      .map(({ offset, packetSeq }) => ({ offset, packetSeq }))
  }
}
