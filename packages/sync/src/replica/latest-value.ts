/**
 * A value that changes, for readers who want the newest and may miss others: holds one value
 * only.
 */
export class LatestValue<T> {
  #value: T;
  #revision = 0;
  #ended = false;
  #changed: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(value: T) {
    this.#value = value;
  }

  /** The newest value. */
  get value(): T {
    return this.#value;
  }

  /** A new value for every reader. */
  set(value: T): void {
    this.#value = value;
    this.#revision++;
    this.#signal();
  }

  /** No more values: readers get the last one and end. */
  end(): void {
    this.#ended = true;
    this.#signal();
  }

  /** The value now, then the newest one whenever the reader asks and it has changed. */
  async *values(): AsyncGenerator<T, void, undefined> {
    let seen = -1;
    for (;;) {
      if (seen !== this.#revision) {
        seen = this.#revision;
        yield this.#value;
      } else if (this.#ended) return;
      else await this.#changed.promise;
    }
  }

  #signal(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
