/** What has to be closed at the end, in the reverse order of opening, whatever happened between. */
export class Resources {
  readonly #closers: (() => unknown)[] = [];

  /** Adds something to close; a promise that `close` gives is awaited. */
  add(close: () => unknown): void {
    this.#closers.push(close);
  }

  /** Closes everything; a failure to close one does not keep the others open. */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (const close of this.#closers.splice(0).reverse()) {
      try {
        await close();
      } catch (failure) {
        failures.push(failure);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, "Some parts could not be closed");
  }
}
