/** A small line of a rate's last minutes, scaled to its own largest value. */
import { html } from "htm/preact"
import { sparkCount } from "./Rates.ts"

const width = 96
const height = 22

export const Spark = ({ values }: { readonly values: ReadonlyArray<number> }) => {
  const most = Math.max(...values, 1)
  const step = width / (sparkCount - 1)
  const start = width - (values.length - 1) * step
  const points = values.map(
    (value, at) => `${(start + at * step).toFixed(1)},${(height - 1 - (value / most) * (height - 3)).toFixed(1)}`
  )
  return html`<svg class="spark" width=${width} height=${height} aria-hidden="true">
    ${points.length > 1 && html`<polyline points=${points.join(" ")} />`}
  </svg>`
}
