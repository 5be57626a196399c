import type { Clock } from "@everfresh/core";
import type { Sleep } from "../pace.ts";

/** What an {@link Inbox} works with. */
export interface InboxOptions {
  /** Items that may wait, 1 or more; while so many do, the source has to. */
  readonly capacity: number;
  /** Tells when items came. */
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly sleep: Sleep;
  /** Ends the reading; what the source throws then is part of ending. */
  readonly signal: AbortSignal;
}

/** Says that time has passed. */
const LATE = "late";

/** An item, and when it came, on the monotonic clock. */
export interface Received<Item> {
  readonly item: Item;
  readonly atMs: number;
}

/**
 * Reads a source while its consumer is busy, up to so many items ahead: so samples arrive while a step
 * runs, and a slow consumer slows the source down.
 */
export class Inbox<Item> {
  readonly #options: InboxOptions;
  #items: Received<Item>[] = [];
  #isClosed = false;
  #failure: { readonly error: unknown } | null = null;
  /** Called when there is something new to look at, and when there is room again. */
  #onChange: (() => void) | null = null;
  #onRoom: (() => void) | null = null;

  /** Reads from now on. */
  constructor(source: AsyncIterable<Item>, options: InboxOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", () => this.#changed(), { once: true });
    void this.#read(source);
  }

  /** Items that wait. */
  get waiting(): number {
    return this.#items.length;
  }

  /** Whether the source has ended and nothing waits; never where it has failed. */
  get isOver(): boolean {
    return this.#isClosed && this.#failure === null && this.#items.length === 0;
  }

  /**
   * Resolves when `least` items wait, at most the capacity, when nothing more will come, or after
   * `waitMs`, whichever is first.
   */
  async filled(least: number, waitMs: number | null): Promise<void> {
    const enough = Math.min(least, this.#options.capacity);
    const { signal } = this.#options;
    const isFilled = (): boolean =>
      this.#isClosed || signal.aborted || this.#items.length >= enough;
    if (isFilled()) return;
    const timer = new AbortController();
    const late =
      waitMs === null
        ? null
        : this.#options.sleep(waitMs, timer.signal).then((): typeof LATE => LATE);
    let woken: typeof LATE | null = null;
    while (!isFilled() && woken !== LATE) {
      const changed = new Promise<null>((resolve) => {
        this.#onChange = () => resolve(null);
      });
      woken = await (late === null ? changed : Promise.race([changed, late]));
    }
    this.#onChange = null;
    timer.abort();
  }

  /**
   * Takes the oldest items, as many as wait and at most `most`.
   * @throws what the source has thrown, once fewer than `least` items wait
   */
  take(most: number, least: number): readonly Received<Item>[] {
    const { signal } = this.#options;
    if (this.#failure !== null && this.#items.length < least && !signal.aborted) {
      throw this.#failure.error;
    }
    const taken = this.#items.splice(0, most);
    this.#onRoom?.();
    return taken;
  }

  /**
   * The same, of the oldest items those up to and with the `most`-th that counts.
   * @throws what the source has thrown, once no item waits
   */
  takeCounting(most: number, counts: (item: Item) => boolean): readonly Received<Item>[] {
    let left = most;
    const last = this.#items.findIndex(({ item }) => counts(item) && --left === 0);
    return this.take(last < 0 ? this.#items.length : last + 1, 1);
  }

  async #read(source: AsyncIterable<Item>): Promise<void> {
    const { clock, signal, capacity } = this.#options;
    try {
      for await (const item of source) {
        if (signal.aborted) break;
        this.#items.push({ item, atMs: clock.monotonicMs() });
        this.#changed();
        if (this.#items.length >= capacity) await this.#room();
      }
    } catch (error) {
      this.#failure = { error };
    }
    this.#isClosed = true;
    this.#changed();
  }

  async #room(): Promise<void> {
    const { signal, capacity } = this.#options;
    while (this.#items.length >= capacity && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#onRoom = resolve;
      });
    }
    this.#onRoom = null;
  }

  #changed(): void {
    this.#onChange?.();
    if (this.#options.signal.aborted) this.#onRoom?.();
  }
}
