/**
 * A running relay from outside: what its `--http-port` answers, as a contract and as a client.
 *
 *     AdminClient.make({ url: "http://relay:5345" })   typed methods over any HttpClient
 *     AdminApi                                         the contract: endpoints, schemas, errors
 */
export { ReloadRefused } from "../config/Reloaded.ts"
export * as AdminApi from "./AdminApi.ts"
export * as AdminClient from "./AdminClient.ts"
