/** What a viewer gets of metadata that grows, and of metadata that is sent once more, for another trace chunk. */
import { assert, describe, it } from "@effect/vitest"
import { MetadataText } from "../../src/model/MetadataText.ts"
import type { StreamActor } from "../../src/relay/stream/StreamActor.ts"
import { ViewedMetadata } from "../../src/relay/viewer/ViewedMetadata.ts"
import { packet, textOf } from "../support/metadata.ts"

/** A metadata stream, and one who views it. */
class Viewed {
  readonly #text = new MetadataText()
  readonly #model = { metadataReceived: 0, file: { chunk: { isDeleted: false } } }
  readonly metadata = new ViewedMetadata({ model: this.#model, metadataText: this.#text } as unknown as StreamActor)
  #bytes = Buffer.alloc(0)

  send(...messages: ReadonlyArray<Buffer>): void {
    for (const message of messages) {
      this.#text.begin()
      this.#text.read(message, 0, message.length)
      this.#text.end(message.length)
      this.#bytes = Buffer.concat([this.#bytes, message])
      this.#model.metadataReceived += message.length
    }
  }

  restart(): void {
    this.#text.restart()
    this.#bytes = Buffer.alloc(0)
    this.#model.metadataReceived = 0
  }

  /** What is sent now; undefined: nothing. */
  get(): Buffer | undefined {
    const next = this.metadata.next(0, false)
    if (next === undefined) return undefined
    this.metadata.sent(next)
    return Buffer.concat([next.head, this.#bytes.subarray(next.from, next.from + next.byteCount)])
  }

  get text(): string | undefined {
    const bytes = this.get()
    return bytes && textOf(bytes)
  }

  get states(): ReadonlyArray<boolean> {
    const { hasNew, isBehind, isSentAgain } = this.metadata
    return [hasNew, isBehind, isSentAgain]
  }
}

describe("a viewer of metadata", () => {
  it("gets what has come since it asked last", () => {
    const viewed = new Viewed()
    assert.deepStrictEqual([viewed.states, viewed.get()], [[true, false, false], undefined])
    viewed.send(packet("abc"))
    assert.deepStrictEqual([viewed.states, viewed.text], [[true, false, false], "abc"])
    assert.deepStrictEqual([viewed.states, viewed.get()], [[false, false, false], undefined])
    viewed.send(packet("de"), packet("f"))
    assert.deepStrictEqual([viewed.states, viewed.text], [[true, true, false], "def"])
  })

  it("gets no text twice, in whatever packets it is sent again, and what is new as before", () => {
    const viewed = new Viewed()
    viewed.send(packet("abc"), packet("de"))
    assert.strictEqual(viewed.text, "abcde")
    for (const [again, rest] of [
      ["fg", "fg"],
      ["fgh", "h"]
    ] as const) {
      viewed.restart()
      assert.deepStrictEqual([viewed.states, viewed.get()], [[true, true, true], undefined])
      viewed.send(packet("abcd"))
      assert.deepStrictEqual([viewed.states, viewed.get()], [[false, false, false], undefined])
      viewed.send(packet(`e${again}`))
      assert.deepStrictEqual([viewed.states, viewed.text], [[true, true, false], rest])
      assert.deepStrictEqual([viewed.states, viewed.get()], [[false, false, false], undefined])
    }
    viewed.send(packet("i"))
    assert.strictEqual(viewed.text, "i")
  })

  it("that is no packets gets the bytes behind as many as it has", () => {
    const viewed = new Viewed()
    viewed.send(Buffer.from("abc;"))
    assert.strictEqual(viewed.get()?.toString(), "abc;")
    viewed.restart()
    viewed.send(Buffer.from("abc;"))
    assert.isUndefined(viewed.get())
    viewed.send(Buffer.from("def;"))
    assert.strictEqual(viewed.get()?.toString(), "def;")
    viewed.restart()
    viewed.send(packet("abc"))
    assert.deepStrictEqual(viewed.get(), packet("abc").subarray(8))
  })
})
