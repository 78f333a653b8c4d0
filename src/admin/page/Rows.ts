/**
 * A long list of rows of one height, of which only those in sight are in the document. If rows can have the focus,
 * arrow keys move it, Home and End go to the ends, and the list scrolls along.
 */
import { html } from "htm/preact"
import type { ComponentChildren } from "preact"
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks"

const wideRowHeight = 34
/** In a narrow window a row takes two lines; `page.css` has both heights. */
const narrowRowHeight = 52
const narrow = "(max-width: 760px)"

const useRowHeight = (): number => {
  const [isNarrow, setNarrow] = useState(() => window.matchMedia(narrow).matches)
  useEffect(() => {
    const media = window.matchMedia(narrow)
    const look = () => setNarrow(media.matches)
    media.addEventListener("change", look)
    return () => media.removeEventListener("change", look)
  }, [])
  return isNarrow ? narrowRowHeight : wideRowHeight
}

/** Rows above and below those in sight, so that neither scrolling nor the tab key comes to a gap. */
const spareCount = 16
const pageCount = 10

/** The row to which a key leads from row `at`; undefined: the key leads nowhere. */
const targetOf = (key: string, at: number, count: number): number | undefined => {
  const wanted = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: at + pageCount,
    PageUp: at - pageCount,
    Home: 0,
    End: count
  }[key]
  return wanted === undefined ? undefined : Math.max(0, Math.min(count - 1, wanted))
}

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
  const shown = useRef<HTMLDivElement>(null)
  /** The row that is to have the focus once it is in the document. */
  const wanted = useRef<number | undefined>(undefined)
  const [seen, setSeen] = useState({ top: 0, height: 800 })
  const rowHeight = useRowHeight()
  const look = () => {
    const box = element.current?.getBoundingClientRect()
    if (box !== undefined) setSeen({ top: Math.max(0, -box.top), height: window.innerHeight })
  }
  useEffect(() => {
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
  /** Scrolls until the row is in sight; calls before the list is drawn again scroll no further. */
  const bringInSight = (at: number) => {
    const top = (element.current?.getBoundingClientRect().top ?? 0) + at * rowHeight
    const below = top + rowHeight - window.innerHeight
    if (top < 0 || below > 0) window.scrollBy(0, top < 0 ? top : below)
  }
  const focusWanted = () => {
    const at = wanted.current
    if (at === undefined || at < from || at >= to) return
    wanted.current = undefined
    ;(shown.current?.children[at - from] as HTMLElement | undefined)?.focus()
  }
  // In a layout effect, so before the next key: while no row has the focus, a key would be lost.
  useLayoutEffect(focusWanted)
  const onKeyDown = (event: KeyboardEvent) => {
    const rows = [...(shown.current?.children ?? [])]
    const at = rows.indexOf(event.target as Element)
    // A key that is held down comes again before the row is drawn to which the last one led.
    const target = at < 0 ? undefined : targetOf(event.key, wanted.current ?? from + at, items.length)
    if (target === undefined) return
    event.preventDefault()
    wanted.current = target
    if (target < from || target >= to) bringInSight(target)
    focusWanted()
  }
  return html`<div
    class="rows"
    role="rowgroup"
    aria-label=${label}
    aria-rowcount=${items.length}
    ref=${element}
    style=${{ height: `${items.length * rowHeight}px` }}
    onKeyDown=${onKeyDown}
  >
    <div ref=${shown} style=${{ transform: `translateY(${from * rowHeight}px)` }}>
      ${items.slice(from, to).map(row)}
    </div>
  </div>`
}
