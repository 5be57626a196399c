/** Adds up what updates carry. */
export class UpdateAccount {
  #updates = 0;
  #entries = 0;
  #weighed = 0;
  #bytes = 0;
  #counted = 0;
  #changed = 0;

  /** An update that chose so many entries. */
  made(entries: number): void {
    this.#updates++;
    this.#entries += entries;
  }

  /** The length of one of them. */
  weighed(bytes: number): void {
    this.#weighed++;
    this.#bytes += bytes;
  }

  /** In how many weights one of them was a change. */
  changed(weights: number): void {
    this.#counted++;
    this.#changed += weights;
  }

  /** All of them. */
  get updates(): number {
    return this.#updates;
  }

  /** Means; of lengths and changed weights over those that were weighed and counted. */
  means(): Readonly<Record<"entriesPerUpdate" | "bytesPerUpdate" | "changedPerUpdate", number>> {
    const mean = (sum: number, count: number): number => (count === 0 ? 0 : sum / count);
    return {
      entriesPerUpdate: mean(this.#entries, this.#updates),
      bytesPerUpdate: mean(this.#bytes, this.#weighed),
      changedPerUpdate: mean(this.#changed, this.#counted),
    };
  }
}
