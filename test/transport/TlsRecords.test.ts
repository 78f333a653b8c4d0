import { describeRecords } from "./anyRecords.ts"

describeRecords("read into the relay's own memory")
