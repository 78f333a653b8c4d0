/** Completed when the port is about to close: answers that have no end of their own stop then. */
import { Context, type Deferred } from "effect"

export class Closing extends Context.Service<Closing, Deferred.Deferred<void>>()("lttng-relay/admin/Closing") {}
