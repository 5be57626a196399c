/**
 * A place in shared memory where `parties` threads wait for each other, again and again. Waiting
 * blocks the thread, so the main thread must never take part.
 *
 *   words[0] = how many have arrived;  words[1] = generation, one more each time all have arrived
 *
 * All that a thread wrote before it arrived is visible to every thread after the barrier.
 */
export type Barrier = Int32Array<SharedArrayBuffer>;

// Parts of a batch end within microseconds of each other; falling asleep and waking costs about 50.
const SPINS_BEFORE_SLEEP = 2_000;

/** A fresh barrier. */
export function createBarrier(): Barrier {
  return new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
}

/** Returns when all `parties` threads have arrived. */
export function arriveAndWait(words: Barrier, parties: number): void {
  const generation = Atomics.load(words, 1);
  if (Atomics.add(words, 0, 1) === parties - 1) {
    Atomics.store(words, 0, 0);
    Atomics.add(words, 1, 1);
    Atomics.notify(words, 1);
    return;
  }
  for (let i = 0; i < SPINS_BEFORE_SLEEP; i++) {
    if (Atomics.load(words, 1) !== generation) return;
  }
  while (Atomics.load(words, 1) === generation) Atomics.wait(words, 1, generation);
}
