/** Refusals by one version after which its update is taken to be at fault, not the replica. */
const REFUSALS_MAX = 2;

/** Versions that are remembered; the oldest one is forgotten first. */
const VERSIONS_MAX = 64;

/**
 * Remembers, from one connection to the next, from which versions a replica did not get on by the
 * update that the stream has for it.
 */
export class SuspectUpdates {
  #logId: string | null = null;
  readonly #refusals = new Map<number, number>();

  /** The replica refused the update that leads on from `version`. */
  refused(logId: string, version: number): void {
    this.#of(logId);
    this.#refusals.set(version, (this.#refusals.get(version) ?? 0) + 1);
    for (const old of this.#refusals.keys()) {
      if (this.#refusals.size <= VERSIONS_MAX) break;
      this.#refusals.delete(old);
    }
  }

  /** Versions whose update was refused too often. */
  versionsOf(logId: string): ReadonlySet<number> {
    this.#of(logId);
    const suspect = [...this.#refusals].filter(([, refusals]) => refusals >= REFUSALS_MAX);
    return new Set(suspect.map(([version]) => version));
  }

  #of(logId: string): void {
    if (this.#logId !== logId) this.#refusals.clear();
    this.#logId = logId;
  }
}
