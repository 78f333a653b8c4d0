/**
 * Sockets that a service manager listens on for the relay. They do not outlive another start of the runtime, so the
 * process that was given them serves itself.
 */
import type { DaemonOptions } from "../../config/DaemonOptions.ts"

/** Whether there are any. Nothing is loaded to find out. */
export const isActivated = (env: NodeJS.ProcessEnv): boolean =>
  Number(env.LISTEN_PID) === process.pid && Number(env.LISTEN_FDS) !== 0

/** The options with the sockets, which say by themselves where they listen. A text says why that cannot be. */
export const adopt = async (options: DaemonOptions): Promise<DaemonOptions | string> => {
  const { Result } = await import("effect")
  const Activation = await import("../../config/Activation.ts")
  const { mode, relay } = options
  const taken = Activation.take(process.env, process.pid, ["control", "data", "live"] as const)
  if (Result.isFailure(taken)) return taken.failure.message
  if (mode !== "foreground") return "-d, -b: the service manager's sockets are here, and do not go on"
  const adopted = [...taken.success].map(([name, descriptor]) => [name, { ...relay[name], descriptor }])
  return { ...options, relay: { ...relay, ...Object.fromEntries(adopted) } }
}
