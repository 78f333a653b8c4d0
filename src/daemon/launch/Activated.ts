/**
 * Sockets on which a service manager listens for the relay. They would not survive another start of the runtime, so the
 * process that was given them is the one that serves.
 */
import type { DaemonOptions } from "../../config/DaemonOptions.ts"

/** Whether there are such sockets. Loads nothing to find out. */
export const isActivated = (env: NodeJS.ProcessEnv): boolean =>
  Number(env.LISTEN_PID) === process.pid && Number(env.LISTEN_FDS) !== 0

/** The options with the sockets' descriptors; or a text that says why that cannot be. */
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
