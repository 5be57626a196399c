/**
 * A place in shared memory where `parties` threads wait for each other, again and again. Waiting
 * blocks the thread, so the main thread must never take part.
 *
 *   words[0] = how many have arrived;  words[1] = generation, one more each time all have arrived;
 *   words[2] = 1 when it is broken: nobody waits any more
 *
 * All that a thread wrote before it arrived is visible to every thread after the barrier.
 */
export type Barrier = Int32Array;

// Equal parts of a batch end within about 60 µs of each other, and waking up costs 50: this is 100 µs.
const SPINS_BEFORE_SLEEP = 16_000;

/** A fresh barrier. Memory that is not shared will do for one thread, which never waits. */
export function createBarrier(
  allocate: (bytes: number) => ArrayBufferLike = (bytes) => new SharedArrayBuffer(bytes),
): Barrier {
  return new Int32Array(allocate(3 * Int32Array.BYTES_PER_ELEMENT));
}

/**
 * Returns when all `parties` threads have arrived.
 * @throws Error when the barrier is broken, before or while it waits
 */
export function arriveAndWait(words: Barrier, parties: number): void {
  const generation = Atomics.load(words, 1);
  if (Atomics.add(words, 0, 1) === parties - 1) {
    Atomics.store(words, 0, 0);
    pass(words);
  } else {
    for (let i = 0; i < SPINS_BEFORE_SLEEP && Atomics.load(words, 1) === generation; i++);
    while (Atomics.load(words, 1) === generation && !isBroken(words)) {
      Atomics.wait(words, 1, generation);
    }
  }
  if (isBroken(words)) throw new Error("the other threads are gone");
}

/** Wakes everyone who waits, and lets nobody wait again: some of the parties will never come. */
export function breakBarrier(words: Barrier): void {
  Atomics.store(words, 2, 1);
  pass(words);
}

function pass(words: Barrier): void {
  Atomics.add(words, 1, 1);
  Atomics.notify(words, 1);
}

function isBroken(words: Barrier): boolean {
  return Atomics.load(words, 2) === 1;
}
