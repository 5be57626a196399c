import { assert, type Update } from "@everfresh/core";
import type { Published, Publisher } from "./publisher.ts";

/** A log of updates in memory, without replicas: for tests and for learning without a wire. */
export class MemoryPublisher implements Publisher {
  readonly #log: Update[];
  readonly #firstVersion: number;

  /**
   * @param log updates that were logged before, in order
   * @param firstVersion version of the first update of this log
   */
  constructor(log: readonly Update[] = [], firstVersion = 1) {
    this.#log = [...log];
    this.#firstVersion = firstVersion;
  }

  /** The updates so far, in order. */
  get log(): readonly Update[] {
    return this.#log;
  }

  publish(update: Update): Promise<Published> {
    const at = update.toVersion - this.#firstVersion;
    const logged = this.#log[at];
    if (logged !== undefined) {
      return Promise.resolve({ update: logged, bytes: byteLengthOf(logged), replayed: true });
    }
    assert(at === this.#log.length, `update ${update.toVersion} leaves a gap in the log`);
    this.#log.push(update);
    return Promise.resolve({ update, bytes: byteLengthOf(update), replayed: false });
  }
}

/** Bytes of the bare indices and values, without any encoding. */
function byteLengthOf({ indices, values, buffers }: Update): number {
  const bufferBytes = buffers.reduce((sum, { data }) => sum + data.byteLength, 0);
  return indices.byteLength + values.byteLength + bufferBytes;
}
