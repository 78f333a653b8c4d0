/**
 * A running relay over HTTP: what `--http-port` answers, as a contract, as a client, and for a server of your own.
 *
 *     AdminClient.make({ url: "http://relay:5345" })   typed methods over any HttpClient
 *     AdminApi                                         the contract: endpoints, schemas, errors
 *     AdminRoutes.layer({ config, token })             the same for a relay in a program, in its HttpRouter
 */
export { ReloadRefused } from "../config/Reloaded.ts"
export * as AdminApi from "./AdminApi.ts"
export * as AdminClient from "./AdminClient.ts"
export * as AdminRoutes from "./AdminRoutes.ts"
