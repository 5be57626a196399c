import type { StateLayout } from "@everfresh/core";
import type { PastVersions } from "@everfresh/learn";
import { VersionNotKeptError } from "@everfresh/sync";
import { stateAt, type UpdateLog } from "@everfresh/sync/node";

/** Versions nearer than this to each other have nothing to disagree about. */
const APART_MIN = 10;

/**
 * Versions of a log that are asked together: as far apart as the newer half of the versions since
 * `firstVersion` allows, so that none of them is from the very beginning.
 */
export function pastVersions(
  log: Pick<UpdateLog, "oldest"> & Parameters<typeof stateAt>[0],
  options: {
    readonly layout: StateLayout;
    /** With which the log began, or the present model in it. */
    readonly firstVersion: number;
    /** So many are asked, 2 or more. */
    readonly members: number;
  },
): PastVersions {
  const { layout, firstVersion, members } = options;
  return {
    versions: async (newest) => {
      const apart = Math.floor((newest - firstVersion) / 2 / (members - 1));
      if (apart < APART_MIN) return [];
      const oldest = (await log.oldest()) ?? newest;
      return Array.from({ length: members }, (_, i) => newest - i * apart).filter(
        (version) => version >= oldest,
      );
    },
    stateAt: async (version) => {
      try {
        return (await stateAt(log, { layout, version })).state;
      } catch (error) {
        if (error instanceof VersionNotKeptError) return null;
        throw error;
      }
    },
  };
}
