/**
 * The update log, for Node.
 * @module
 */
export { type Generation, hashOf, type ModelManifest } from "./generation.ts";
export type { AppendOptions, Lineage, LogEntry, Rollback } from "./log-entry.ts";
export type { AnchorPolicy, Retention } from "./log-policy.ts";
export { openSegmentStore, type SqliteSegmentStore } from "./sqlite-segment-store.ts";
export { openUpdateLog, type UpdateLogOptions } from "./sqlite-update-log.ts";
export { stateAt, type StateAtOptions, type StateSource } from "./state-at.ts";
export { losslessChange, undoRecordOf } from "./undo-record.ts";
export { type LogReading, rollForward, rollTo, type UpdateLog } from "./update-log.ts";
export { openUpdateLogReader, type UpdateLogReader } from "./update-log-reader.ts";
export { fileReplicaStore } from "./replica-files.ts";
