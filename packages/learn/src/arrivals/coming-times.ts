/** Remembers when the newest samples of the history came, until they are asked for. */
export class ComingTimes {
  readonly #atMs = new Map<number, number>();

  /** The sample at a position, above those before, came at this time. */
  came(position: number, atMs: number): void {
    this.#atMs.set(position, atMs);
  }

  /** When it came; null if that was before the process began. Forgets those before it. */
  at(position: number): number | null {
    for (const known of this.#atMs.keys()) {
      if (known >= position) break;
      this.#atMs.delete(known);
    }
    return this.#atMs.get(position) ?? null;
  }
}
