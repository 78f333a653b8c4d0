/** A long list of rows of one height: only those in sight are in the document. */
import { html } from "htm/preact"
import type { ComponentChildren } from "preact"
import { useEffect, useRef, useState } from "preact/hooks"

export const rowHeight = 34
/** Rows beside those in sight, so that scrolling shows no gap. */
const spareCount = 8

export const Rows = <A>({
  items,
  row,
  label
}: {
  readonly items: ReadonlyArray<A>
  readonly row: (item: A) => ComponentChildren
  readonly label: string
}) => {
  const element = useRef<HTMLDivElement>(null)
  const [seen, setSeen] = useState({ top: 0, height: 800 })
  useEffect(() => {
    const look = () => {
      const box = element.current?.getBoundingClientRect()
      if (box !== undefined) setSeen({ top: Math.max(0, -box.top), height: window.innerHeight })
    }
    look()
    window.addEventListener("scroll", look, { passive: true })
    window.addEventListener("resize", look)
    return () => {
      window.removeEventListener("scroll", look)
      window.removeEventListener("resize", look)
    }
  }, [])
  const from = Math.max(0, Math.floor(seen.top / rowHeight) - spareCount)
  const to = Math.min(items.length, Math.ceil((seen.top + seen.height) / rowHeight) + spareCount)
  return html`<div
    class="rows"
    role="rowgroup"
    aria-label=${label}
    aria-rowcount=${items.length}
    ref=${element}
    style=${{ height: `${items.length * rowHeight}px` }}
  >
    <div style=${{ transform: `translateY(${from * rowHeight}px)` }}>${items.slice(from, to).map(row)}</div>
  </div>`
}
