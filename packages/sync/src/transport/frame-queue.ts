/** A queue of frames from a callback world to one async reader, bounded in bytes. */
export class FrameQueue implements AsyncIterable<Uint8Array> {
  readonly #bytesMax: number;
  #frames: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #error: Error | null = null;
  #wake: (() => void) | null = null;
  #drained: (() => void)[] = [];

  /**
   * @param bytesMax how many bytes may wait beside the largest waiting frame: a snapshot may be
   * larger than any sensible bound for the updates behind it
   */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes that wait to be read. */
  get bufferedBytes(): number {
    return this.#bytes;
  }

  /** Adds a frame; false when there is no room for it. */
  push(frame: Uint8Array): boolean {
    if (this.#ended) return true;
    if (this.#bytes + frame.length > this.#bytesMax && !this.#fitsBesideLargest(frame))
      return false;
    this.#frames.push(frame);
    this.#bytes += frame.length;
    this.#wakeReader();
    return true;
  }

  /** Resolves when nothing waits any more: read, or dropped. */
  async drained(): Promise<void> {
    while (this.#frames.length > 0) {
      await new Promise<void>((resolve) => this.#drained.push(resolve));
    }
  }

  /** Ends after the frames that wait; with an error the reader gets it then. */
  end(error: Error | null = null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#wakeReader();
  }

  /** Ends at once. */
  clear(): void {
    this.#frames = [];
    this.#bytes = 0;
    this.end();
    this.#wakeDrained();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) {
        this.#bytes -= frame.length;
        if (this.#frames.length === 0) this.#wakeDrained();
        yield frame;
      } else if (this.#ended) {
        if (this.#error !== null) throw this.#error;
        return;
      } else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #fitsBesideLargest(frame: Uint8Array): boolean {
    const longer = (length: number, other: Uint8Array): number => Math.max(length, other.length);
    const largest = this.#frames.reduce(longer, frame.length);
    return this.#bytes + frame.length - largest <= this.#bytesMax;
  }

  #wakeDrained(): void {
    for (const wake of this.#drained.splice(0)) wake();
  }

  #wakeReader(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
