/** A segment as an archive keeps it. */
export interface ArchivedSegment {
  /** 1 for those that span up to 16 versions, 2 for up to 256; 0 is never stored: the log has it. */
  readonly level: number;
  readonly from: number;
  readonly to: number;
  /** Never changes: caches and replicas may have it. */
  readonly body: Uint8Array;
}

/**
 * Where an archive keeps its merged segments from one life of the publisher to the next, so that what
 * a head has named can still be fetched after a restart, with the same bytes.
 */
export interface SegmentStore {
  /** Whether anything was stored: then somebody fetches here. */
  readonly isUsed: boolean;
  /** What is stored of this edition of the model, in any order. All other editions are forgotten. */
  load(edition: string): Promise<readonly ArchivedSegment[]>;
  /** Adds a segment, and forgets those of its level that end at or before `keptFrom`. */
  save(edition: string, segment: ArchivedSegment, keptFrom: number): Promise<void>;
}
