/** The devices that traces are on: how full they are, how fast they write, what failed. */
import { html } from "htm/preact"
import { Bar } from "./Bar.ts"
import { usePolled } from "./Polling.ts"
import * as Quantile from "./Quantile.ts"
import type { Device, Listed } from "./Server.ts"
import * as Values from "./Values.ts"

/** An operation that takes longer than this is shown as hanging. */
const hangMillis = 1000

const paths = {
  quick: "written at once: it keeps nobody waiting",
  careful: "written by threads: others may be written to meanwhile, or it was slow"
} as const

/** A device without a mount was taken away, or is one that the system lists by another number: it was not asked. */
const Space = ({ device: { fileSystem, freeBytes, mountpoint, totalBytes } }: { readonly device: Device }) => {
  if (freeBytes !== undefined && totalBytes !== undefined) {
    return html`<${Bar} label=${mountpoint} used=${totalBytes - freeBytes} limit=${totalBytes} format=${Values.bytes} />`
  }
  const [kind, text] = fileSystem === "?" ? ["", "no mount has it"] : ["bad", "no answer"]
  return html`<div class="use"><span>${mountpoint}</span><span></span><span class=${`n ${kind}`}>${text}</span></div>`
}

const Row = ({ device }: { readonly device: Device }) => {
  const { bytesInFlight, errors, fileSystem, lastWrite, micros, oldestMillis, operationsInFlight, operationsWaiting } =
    device
  const isHanging = oldestMillis > hangMillis
  const failed = errors.map(({ code, count }) => `${code} ${count}`).join(", ")
  return html`<div class="row device" role="row">
    <span role="cell" class="name" title=${device.source}>${device.mountpoint} <small>${fileSystem}</small></span>
    <span role="cell" class="wide" title=${lastWrite === undefined ? "" : paths[lastWrite]}>${lastWrite ?? "–"}</span>
    <span role="cell" class="n" title="Median and 99 % of all writes">
      ${
        micros.write.count === 0
          ? "–"
          : html`${Quantile.micros(Quantile.of(micros.write, 0.5))} <small>/</small> ${Quantile.micros(
              Quantile.of(micros.write, 0.99)
            )}`
      }
    </span>
    <span role="cell" class="n wide">${Values.bytes(bytesInFlight)}</span>
    <span role="cell" class=${`n ${isHanging ? "bad" : ""}`} title="Under way + waiting for their turn">
      ${operationsInFlight} + ${operationsWaiting}${isHanging && `, for ${Values.duration(oldestMillis / 1000)}`}
    </span>
    <span role="cell" class=${`n ${failed === "" ? "none" : "bad"}`} title=${failed}>${failed || "0"}</span>
  </div>`
}

export const Devices = () => {
  const { value } = usePolled<Listed<Device>>(() => "devices?limit=100", "devices")
  const all = value?.items ?? []
  return html`${all.map((device) => html`<${Space} key=${device.id} device=${device} />`)}
    <div class="table devices" role="table">
      <div class="row device head" role="row">
        <span role="columnheader">Mounted at</span><span role="columnheader" class="wide">Path</span>
        <span role="columnheader" class="n">Writes take</span><span role="columnheader" class="n wide">In flight</span>
        <span role="columnheader" class="n">Operations</span><span role="columnheader" class="n">Errors</span>
      </div>
      ${all.map((device) => html`<${Row} key=${device.id} device=${device} />`)}
    </div>`
}
