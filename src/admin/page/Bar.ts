/** A bar that shows how much of a limit is in use. */
import { html } from "htm/preact"

/** Shares of a limit that an operator should see, and should act on. */
const shareWarning = 0.8
const shareAlarm = 0.95

export interface Use {
  readonly label: string
  readonly used: number
  readonly limit: number
  readonly format: (value: number) => string
}

/** A share of a limit. */
export const Bar = ({ format, label, limit, used }: Use) => {
  const share = limit > 0 ? Math.min(1, used / limit) : 0
  const kind = share >= shareAlarm ? "bad" : share >= shareWarning ? "warn" : ""
  return html`<div class="use">
    <span>${label}</span>
    <span class="bar" role="meter" aria-label=${label} aria-valuemin="0" aria-valuemax=${limit} aria-valuenow=${used}>
      <i class=${`fill ${kind}`} style=${{ width: `${share * 100}%` }}></i>
    </span>
    <span class="n">${format(used)} <small>of ${format(limit)}</small></span>
  </div>`
}
