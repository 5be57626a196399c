/** A source whose labels come by themselves: late, in any order, and some never. */
import type { Sample } from "@everfresh/core";
import type { Arrival, Source } from "@everfresh/streams";

/** One in so many labels never comes. */
const NEVER_EVERY = 7;
/** The others come this many samples after their own, or fewer. */
const LAG_MAX = 23;
/** It has so many samples: none is read ahead that a short test has no use for. */
const SAMPLES = 220;
/** Between two arrivals: a prediction waits for a week, which is 56 of them. */
export const BETWEEN_MS: number = 3 * 3_600_000;

/** What such a source keeps beyond a process. */
export interface FollowedInbox {
  /** Arrivals before this place are gone. */
  released(): number;
  release(to: number): Promise<void>;
}

export function followedInbox(): FollowedInbox {
  let released = 0;
  return {
    released: () => released,
    release: (to) => {
      released = Math.max(released, to);
      return Promise.resolve();
    },
  };
}

/** The samples of another source, each without its label, and the labels as they come. */
export function followed(source: Source, inbox: FollowedInbox): Source {
  return {
    ...source,
    release: (to) => inbox.release(to),
    following: {
      limits: {},
      counts: () => ({ early: 0, earlyExpired: 0, duplicateLabels: 0, conflicts: 0 }),
      read: async function* ({ from = 0, signal } = {}) {
        if (from < inbox.released()) throw new RangeError(`${from} was released`);
        const samples = source.read(signal === undefined ? {} : { signal });
        for await (const arrival of arrivalsOf(samples)) if (arrival.place >= from) yield arrival;
      },
    },
  };
}

/** The same arrivals whenever they are asked for. */
export async function* arrivalsOf(
  samples: AsyncIterable<Sample>,
): AsyncGenerator<Arrival, void, void> {
  const due = new Map<number, Pick<Sample, "id" | "label">[]>();
  let place = 0;
  let number = 0;
  const next = (): { readonly place: number; readonly atMs: number } => ({
    ...{ place, atMs: BETWEEN_MS * place++ },
  });
  for await (const { id, label, ...rest } of samples) {
    yield { kind: "sample", ...next(), sample: { id, ...rest } };
    const at = number + ((number * 5) % (LAG_MAX + 1));
    if (number % NEVER_EVERY !== 3) due.set(at, [...(due.get(at) ?? []), { id, label }]);
    for (const each of due.get(number) ?? []) yield { kind: "label", ...next(), ...each };
    due.delete(number++);
    if (number === SAMPLES) return;
  }
}
