/** Names in memory, as POSIX has them. */
import { describe, expect, it } from "vitest"
import { MemoryTree } from "../../src/storage/MemoryTree.ts"

const made = () => {
  const tree = new MemoryTree()
  tree.makeDirectory("/a/b")
  tree.file("/a/b/file", "new")
  return tree
}

describe("names in memory", () => {
  it("a directory does not go into itself", () => {
    expect(() => made().rename("/a", "/a/b/c")).toThrow(expect.objectContaining({ code: "EINVAL" }))
  })

  it("what is moved takes an empty directory's name, and no other's", () => {
    const tree = made()
    tree.makeDirectory("/empty")
    tree.makeDirectory("/c")
    expect(() => tree.rename("/c", "/a")).toThrow(expect.objectContaining({ code: "ENOTEMPTY" }))
    tree.rename("/a", "/empty")
    expect(tree.find("/empty/b/file")?.kind).toBe("file")
    expect(tree.find("/a")).toBeUndefined()
  })

  it("a file is told that lost its name, to another or to nobody; not one that keeps it", () => {
    const tree = made()
    const [first, second] = [tree.find("/a/b/file"), tree.file("/second", "new")]
    expect(tree.rename("/second", "/second")).toBeUndefined()
    expect(tree.rename("/second", "/a/b/file")).toBe(first)
    expect(tree.unlink("/a/b/file")).toBe(second)
  })

  it("links are followed, up from where they lead; the last part of a file's path is not", () => {
    const tree = made()
    tree.link("/a/up", "b/..")
    tree.link("/link", "/a/b")
    expect(tree.resolve("/a/up/up/b")).toBe("/a/b")
    expect(tree.find("/link/file")?.kind).toBe("file")
    tree.link("/round", "/round")
    expect(() => tree.find("/round")).toThrow(expect.objectContaining({ code: "ELOOP" }))
    tree.link("/alias", "/a/b/file")
    expect(() => tree.file("/alias", "create")).toThrow(expect.objectContaining({ code: "ELOOP" }))
  })
})
