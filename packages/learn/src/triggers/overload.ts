import { assert, type Clock } from "@everfresh/core";
import { LearnOptionError } from "../errors.ts";

/** What to do when samples come faster than steps. */
export type OverloadPolicy =
  /** A step takes all that wait, up to the batch size. */
  | "grow"
  /** A step takes the newest t; older ones that wait go straight to history. */
  | "skip"
  /** The source waits while t samples wait. */
  | "block";

/** Samples that may wait under `skip` and `grow`, in batches; more than that makes the source wait. */
const WAITING_BATCHES = 64;

/** Options of {@link Intake}. */
export interface IntakeOptions {
  readonly policy: OverloadPolicy;
  /** New samples per step, t, from 0 to the batch size; with 0 no step waits for samples. */
  readonly triggerSize: number;
  /** Samples per step, b. */
  readonly batchSize: number;
  /** Measures how long samples wait. */
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Samples that may wait. @default 64 batches; the trigger size under `block` */
  readonly waitingMax?: number;
  /** Counts of an earlier run to go on from; what waited then has to arrive again. */
  readonly counters?: IntakeCounters;
}

/** What the next step does with the samples that wait, in their order. */
export interface IntakeStep {
  /** Whether a step begins now. */
  readonly isDue: boolean;
  /** So many, the oldest, go to history without being new in a batch. */
  readonly skip: number;
  /** So many after them are the new ones of the batch. */
  readonly take: number;
  /** For people. */
  readonly why: string;
}

/** What an intake has counted. */
export interface IntakeCounters {
  readonly arrived: number;
  /** New samples of steps. */
  readonly taken: number;
  /** Samples that went straight to history; those of t = 0 included. */
  readonly skipped: number;
  /** Steps with more than t new samples. */
  readonly grownSteps: number;
  /** Times that the source had to wait, and for how long in all. */
  readonly blockedTimes: number;
  readonly blockedMs: number;
  /** Samples that wait now, and for how long the oldest has. */
  readonly waiting: number;
  readonly lagMs: number;
  /** Longest and mean wait of the samples that have left. */
  readonly lagMsMax: number;
  readonly lagMsMean: number;
}

/** Samples that arrived together. */
interface Arrival {
  count: number;
  readonly atMs: number;
}

/**
 * Decides what happens to samples between their arrival and a step. It only counts; the samples
 * themselves stay where they are, in order, until {@link next} says what becomes of them.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #waitingMax: number;
  #arrivals: Arrival[] = [];
  #waiting = 0;
  #blockedSinceMs: number | null = null;
  readonly #sums = {
    arrived: 0,
    taken: 0,
    skipped: 0,
    grownSteps: 0,
    blockedTimes: 0,
    blockedMs: 0,
    lagMsMax: 0,
    lagMs: 0,
  };

  /** @throws LearnOptionError for a number that is out of its range */
  constructor(options: IntakeOptions) {
    const { policy, triggerSize, batchSize } = options;
    const most = policy === "block" ? Math.max(1, triggerSize) : WAITING_BATCHES * batchSize;
    this.#waitingMax = options.waitingMax ?? most;
    const isWhole = Number.isSafeInteger(triggerSize) && Number.isSafeInteger(batchSize);
    if (!isWhole || batchSize < 1 || triggerSize < 0 || triggerSize > batchSize) {
      const needed = `a whole number from 0 to the batch size ${batchSize}`;
      throw new LearnOptionError("triggerSize", triggerSize, needed);
    }
    if (!Number.isSafeInteger(this.#waitingMax) || this.#waitingMax < Math.max(1, triggerSize)) {
      const needed = `a whole number of ${Math.max(1, triggerSize)} or more`;
      throw new LearnOptionError("waitingMax", this.#waitingMax, needed);
    }
    this.#options = options;
    if (options.counters !== undefined) this.#goOnFrom(options.counters);
  }

  /** How many more samples may arrive; at 0 the source has to wait. */
  get room(): number {
    return this.#waitingMax - this.#waiting;
  }

  /** Samples have arrived; no more than there is {@link room} for. */
  arrived(count: number): void {
    assert(Number.isSafeInteger(count) && count >= 0 && count <= this.room, `${count} arrivals`);
    if (count === 0) return;
    const atMs = this.#options.clock.monotonicMs();
    this.#arrivals.push({ count, atMs });
    this.#waiting += count;
    this.#sums.arrived += count;
    if (this.room === 0) {
      this.#blockedSinceMs = atMs;
      this.#sums.blockedTimes++;
    }
  }

  /**
   * What becomes of the samples that wait; those that it names wait no longer.
   * @param atEnd whether the stream is over: then fewer than t are enough for a step
   */
  next(atEnd = false): IntakeStep {
    const { policy, triggerSize, batchSize } = this.#options;
    const waiting = this.#waiting;
    if (triggerSize === 0) {
      this.#leave(waiting, "skipped");
      return { isDue: true, skip: waiting, take: 0, why: "steps do not wait for samples" };
    }
    if (waiting < triggerSize && !(atEnd && waiting > 0)) {
      return { isDue: false, skip: 0, take: 0, why: `${waiting} of ${triggerSize} samples wait` };
    }
    const take = Math.min(waiting, policy === "grow" ? batchSize : triggerSize);
    const skip = policy === "skip" ? waiting - take : 0;
    this.#leave(skip, "skipped");
    this.#leave(take, "taken");
    if (take > triggerSize) this.#sums.grownSteps++;
    const fate = skip > 0 ? `, ${skip} go straight to history` : "";
    return {
      isDue: true,
      skip,
      take,
      why: `${take} of ${waiting} waiting samples are taken${fate}`,
    };
  }

  /** The counts so far. */
  counters(): IntakeCounters {
    const nowMs = this.#options.clock.monotonicMs();
    const { lagMs: sumMs, ...sums } = this.#sums;
    const blockedMs = this.#blockedSinceMs === null ? 0 : nowMs - this.#blockedSinceMs;
    const gone = sums.taken + sums.skipped;
    return {
      ...sums,
      blockedMs: sums.blockedMs + blockedMs,
      waiting: this.#waiting,
      lagMs: nowMs - (this.#arrivals[0]?.atMs ?? nowMs),
      lagMsMean: gone === 0 ? 0 : sumMs / gone,
    };
  }

  #goOnFrom(counters: IntakeCounters): void {
    const { taken, skipped, grownSteps, blockedTimes, blockedMs, lagMsMax, lagMsMean } = counters;
    const gone = taken + skipped;
    const lagMs = lagMsMean * gone;
    const sums = { arrived: gone, taken, skipped, grownSteps, blockedTimes, blockedMs, lagMsMax };
    Object.assign(this.#sums, { ...sums, lagMs });
  }

  /** The oldest `count` samples leave. */
  #leave(count: number, as: "taken" | "skipped"): void {
    if (count === 0) return;
    const nowMs = this.#options.clock.monotonicMs();
    let left = count;
    while (left > 0) {
      const oldest = this.#arrivals[0];
      assert(oldest !== undefined, `${left} samples leave that never arrived`);
      const leaving = Math.min(left, oldest.count);
      const lagMs = nowMs - oldest.atMs;
      this.#sums.lagMsMax = Math.max(this.#sums.lagMsMax, lagMs);
      this.#sums.lagMs += leaving * lagMs;
      oldest.count -= leaving;
      left -= leaving;
      if (oldest.count === 0) this.#arrivals.shift();
    }
    this.#waiting -= count;
    this.#sums[as] += count;
    if (this.#blockedSinceMs !== null) {
      this.#sums.blockedMs += nowMs - this.#blockedSinceMs;
      this.#blockedSinceMs = null;
    }
  }
}
