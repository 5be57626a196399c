/**
 * The update log, for Node.
 * @module
 */
export { openUpdateLog, type UpdateLogOptions } from "./sqlite-update-log.ts";
export { rollForward, type UpdateLog } from "./update-log.ts";
