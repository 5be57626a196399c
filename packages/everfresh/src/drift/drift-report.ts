import type { DriftPage } from "@everfresh/sync";
import { DriftNotWatchedError, RunUnreachableError } from "../errors.ts";
import { readServerAddress } from "../state/server-address.ts";
import type { RunRecord, StateDirectory } from "../state/state-directory.ts";
import { pageOf, readStored } from "./drift-history.ts";

const TIMEOUT_MS = 10_000; // it has the answer at hand

/** What is known of drift, and as of when. */
export interface DriftReport extends DriftPage {
  /** Whether the run answered; otherwise it is as a stopped run left it. */
  readonly live: boolean;
  /** ISO 8601, in UTC. */
  readonly at: string;
}

/**
 * What the run that works in a directory says about drift now, or what the last one left there.
 * @param after the records that follow this number; null for the newest
 * @throws DriftNotWatchedError where nobody has watched
 * @throws StateDirectoryError where what is stored cannot be read
 */
export async function driftReport(
  { directory, record }: { readonly directory: StateDirectory; readonly record: RunRecord },
  after: number | null,
): Promise<DriftReport> {
  const address = readServerAddress(directory);
  const live = address === null ? null : await driftAt(address, after);
  if (live !== null) return live;
  const stored = readStored(directory.driftFile);
  if (stored === null) throw new DriftNotWatchedError(record.model);
  return {
    model: record.model,
    live: false,
    at: new Date(stored.savedAtMs).toISOString(),
    status: stored.status,
    ...pageOf(stored.records, after),
    webhook: null,
  };
}

/**
 * What the run that is served at `modelUrl` says about drift; null where nobody answers: a process that
 * was killed leaves its address behind.
 * @throws RunUnreachableError when what answers is no run
 * @throws DriftNotWatchedError when the run does not watch
 */
async function driftAt(modelUrl: string, after: number | null): Promise<DriftReport | null> {
  const url = `${modelUrl}/drift${after === null ? "" : `?after=${after}`}`;
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(() => null);
  if (response === null) return null;
  const body: unknown = await response.json().catch(() => null);
  if (response.ok && isPage(body)) {
    return { ...body, live: true, at: new Date().toISOString() };
  }
  if (response.status === 404) throw new DriftNotWatchedError(modelUrl);
  throw new RunUnreachableError(modelUrl, `status ${response.status}`);
}

/** Program and server are released together, so the outline is enough. */
function isPage(body: unknown): body is DriftPage {
  return typeof body === "object" && body !== null && "status" in body && "records" in body;
}
