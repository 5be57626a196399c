/**
 * The update log, for Node.
 * @module
 */
export { openUpdateLog, type UpdateLogOptions } from "./sqlite-update-log.ts";
export { rollForward, rollTo, type UpdateLog } from "./update-log.ts";
export { openUpdateLogReader, type UpdateLogReader } from "./update-log-reader.ts";
