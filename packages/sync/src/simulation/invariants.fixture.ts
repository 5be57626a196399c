import type { Fingerprint } from "@everfresh/core";

import type { StateName } from "../replica/runtime.ts";
import type { SimLine } from "./sim-network.fixture.ts";
import type { SimReplica } from "./sim-replica.fixture.ts";
import {
  BUFFERED_BYTES_MAX,
  type PublishedVersion,
  STATE_BYTES_MAX,
} from "./sim-trainer.fixture.ts";

/** The memory of a replica whose version stays is looked at in one of so many checks. */
const LOOK_EVERY = 20;

/** What is known of one life of a replica. */
interface Life {
  logId: string;
  version: number;
  snapshots: number;
  /** What its memory held when that was last looked at. */
  actual: Fingerprint | null;
  looks: number;
  /** The newest version that its store had for sure in an earlier life of the same log. */
  storedVersion: number;
  storedLogId: string;
  /** Something was stored for sure: from then on every life begins with a state. */
  hasStored: boolean;
  isFresh: boolean;
}

/** The invariants of SPEC.md section 5, as a simulation can see them from outside. */
export class Invariants {
  readonly #published = new Map<string, PublishedVersion>();
  readonly #lives: Life[] = [];
  /** What the publisher has violated; null for nothing. */
  broken: string | null = null;

  /** Versions published, over all logs. */
  get versions(): number {
    return this.#published.size;
  }

  /** A version is in the log, and replicas may have it. */
  published(version: PublishedVersion): void {
    const key = keyOf(version.logId, version.version);
    const before = this.#published.get(key);
    if (before !== undefined && before.fingerprint !== version.fingerprint) {
      this.violated(`I12 version ${version.version} was lost, and made again differently`);
    }
    this.#published.set(key, version);
  }

  /** The publisher itself has violated an invariant. */
  violated(what: string): void {
    this.broken ??= what;
  }

  /** A new life of replica number `i`. */
  started(i: number): void {
    const { storedVersion = -1, storedLogId = "", hasStored = false } = this.#lives[i] ?? {};
    const unknown = { logId: "", version: -1, snapshots: 0, actual: null, looks: 0 };
    this.#lives[i] = { ...unknown, storedVersion, storedLogId, hasStored, isFresh: true };
  }

  /** What replica number `i` violates now; null for nothing. */
  check(i: number, replica: SimReplica, line: SimLine, head: StateName | null): string | null {
    const life = this.#lives[i];
    if (life === undefined) return null;
    const [error] = replica.failures;
    if (error !== undefined) return `I7 a prediction failed: ${error.message}`;
    if (line.bufferedBytes > BUFFERED_BYTES_MAX + STATE_BYTES_MAX) {
      return `I10 ${line.bufferedBytes} bytes wait for it`;
    }
    const { status, logId } = replica;
    if (status.phase === "closed") return "I7 it has closed by itself";
    if (status.version < 0) return life.version < 0 ? null : "I7 it has no state any more";
    return (
      this.#checkState(life, replica) ??
      checkOrder(life, replica, logId) ??
      this.#checkStore(life, replica) ??
      this.#checkLag(replica, head)
    );
  }

  #checkState(life: Life, { status, logId, runtime }: SimReplica): string | null {
    const { version, fingerprint, eventTimeMs } = status;
    const published = this.#published.get(keyOf(logId, version));
    if (published?.fingerprint !== fingerprint) {
      return `I5 it serves ${logId} version ${version} ${fingerprint}, which was not published`;
    }
    // Summing up the memory takes longer than all other checks.
    if (version !== life.version || life.looks++ % LOOK_EVERY === 0) {
      life.actual = runtime.fingerprint;
    }
    // What was seen while it was rotten may be healed by now.
    if (!runtime.isRotten && life.actual !== fingerprint) life.actual = runtime.fingerprint;
    const { actual } = life;
    if (!runtime.isRotten && actual !== fingerprint) {
      return `I5 it holds ${actual} and says ${fingerprint} at version ${version}`;
    }
    if (eventTimeMs !== published.eventTimeMs) {
      return `I18 version ${version} has learned until ${published.eventTimeMs}, it says ${eventTimeMs}`;
    }
    return null;
  }

  #checkStore(life: Life, { status, logId }: SimReplica): string | null {
    const { storedVersion, version, snapshots } = status;
    if (life.isFresh) {
      life.isFresh = false;
      if (life.hasStored && snapshots > 0) return "I19 it came up without its store";
      if (life.storedLogId === logId && version < life.storedVersion) {
        return `I19 its store had version ${life.storedVersion}, it came up with ${version}`;
      }
    }
    life.storedVersion = -1;
    if (storedVersion === null) return null;
    if (storedVersion > version) return `I19 its store says ${storedVersion}, it serves ${version}`;
    life.hasStored = true;
    life.storedVersion = storedVersion;
    life.storedLogId = logId;
    return null;
  }

  #checkLag({ status, logId }: SimReplica, head: StateName | null): string | null {
    if (head === null) return null;
    const newest = status.version + status.lagVersions;
    if (status.lagVersions > 0 && !this.#published.has(keyOf(logId, newest))) {
      return `I18 it believes in version ${newest}, which does not exist`;
    }
    return null;
  }
}

/** Only a snapshot leads back, and only from a state that is in doubt: an older one is sound. */
function checkOrder(
  life: Life,
  { wasInDoubt, status: { version, snapshots } }: SimReplica,
  logId: string,
): string | null {
  const isBack = life.logId === logId && version < life.version;
  if (isBack && (!wasInDoubt || snapshots === life.snapshots)) {
    return `I8 it went back from version ${life.version} to ${version}`;
  }
  life.logId = logId;
  life.version = version;
  life.snapshots = snapshots;
  return null;
}

function keyOf(logId: string, version: number): string {
  return `${logId}/${version}`;
}
