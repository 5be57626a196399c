import { type Clock, Random } from "@everfresh/core";
import type { History } from "@everfresh/streams";
import { batchPositions, observeHistory } from "../samplers/batch-positions.ts";
import { excluding, type PositionRange } from "../samplers/excluding.ts";
import type { Sampler } from "../samplers/sampler.ts";
import { samplerOf } from "../samplers/sampler-of.ts";
import type { TriggerDecision } from "../triggers/trigger.ts";
import { Intake, type IntakeCounters } from "../triggers/overload.ts";
import { includedRanges } from "./included-ranges.ts";
import type { StepIteration } from "./iteration.ts";
import type { Strategy, StrategyCheckpoint, StrategyDecision, StrategyEvent } from "./strategy.ts";
import type { OnlineSpec, ProactiveSpec } from "./strategy-spec.ts";
import { TrainingGate } from "./training-gate.ts";

/** Samples that may wait for a trigger, in batches; beyond it a step is due whatever the trigger says. */
const WAITING_BATCHES = 64;

/** One step after another, on new samples and old ones. */
export class StepStrategy implements Strategy {
  readonly spec: OnlineSpec | ProactiveSpec;
  readonly #how: ProactiveSpec;
  readonly #history: Pick<History, "facts">;
  readonly #clock: Clock;
  readonly #excluded: readonly PositionRange[];
  readonly #gate: TrainingGate;
  #intake: Intake;
  #sampler: Sampler;
  /** Positions from 0 on that the sampler has been told about. */
  #observed = 0;
  #past: number;
  /** Samples after the past ones that wait; for t = 0, that are in the history already. */
  #waiting = 0;
  #iterations = 0;

  constructor(
    spec: OnlineSpec | ProactiveSpec,
    options: {
      readonly random: Random;
      readonly clock: Clock;
      readonly history: Pick<History, "facts">;
      readonly past: number;
      readonly excluded: readonly PositionRange[];
    },
  ) {
    this.spec = spec;
    this.#how = asProactive(spec);
    this.#history = options.history;
    this.#clock = options.clock;
    this.#excluded = options.excluded;
    this.#gate = new TrainingGate(this.#how, options.clock);
    this.#intake = this.#newIntake();
    this.#sampler = this.#newSampler(options.random);
    this.#past = options.past;
  }

  get samples(): number {
    return this.#past + this.#waiting;
  }

  get past(): number {
    return this.#past;
  }

  get iterations(): number {
    return this.#iterations;
  }

  get room(): number {
    return this.#how.triggerSize === 0 ? Infinity : this.#intake.room;
  }

  get isRunning(): boolean {
    return this.#gate.isRunning;
  }

  on(event: StrategyEvent): void {
    if (event.kind === "arrived") {
      this.#waiting += event.samples;
      this.#intake.arrived(event.samples);
      // Nothing waits for a step that has no new samples.
      if (this.#how.triggerSize === 0) this.#intake.next();
    }
    this.#gate.on(event);
  }

  decide(atEnd = false): StrategyDecision {
    return this.#gate.decide(this.#wanted(atEnd));
  }

  async next(atEnd = false): Promise<StepIteration | null> {
    const { isDue, why } = this.decide(atEnd);
    if (!isDue) return null;
    const past = this.#past;
    const { skip: skipped, take: fresh } = this.#take();
    this.#past += skipped + fresh;
    this.#waiting -= skipped + fresh;
    this.#iterations++;
    this.#gate.began(skipped + fresh);
    const positions = await this.#positions(past + skipped, fresh);
    const fate = skipped > 0 && fresh > 0 ? `, ${skipped} go straight to history` : "";
    return { kind: "step", past, skipped, fresh, positions, why: `${why}${fate}` };
  }

  counters(): IntakeCounters {
    return this.#intake.counters();
  }

  checkpoint(): StrategyCheckpoint {
    return {
      kind: this.spec.kind,
      samples: this.samples,
      past: this.#past,
      iterations: this.#iterations,
      random: this.#sampler.position,
      sampler: this.#sampler.checkpoint?.() ?? null,
      ...this.#gate.checkpoint(),
      intake: this.#intake.counters(),
    };
  }

  restore(checkpoint: StrategyCheckpoint): void {
    const { random, sampler, samples, past, intake, iterations } = checkpoint;
    this.#gate.restore(checkpoint);
    this.#sampler = this.#newSampler(Random.at(random));
    if (sampler !== null) this.#sampler.restore?.(sampler);
    this.#observed = 0;
    this.#intake = this.#newIntake(intake ?? undefined);
    this.#past = past;
    this.#waiting = samples - past;
    if (this.#how.triggerSize > 0) this.#intake.arrived(this.#waiting);
    this.#iterations = iterations;
  }

  /** Whether a step is due but for the budgets. */
  #wanted(atEnd: boolean): TriggerDecision {
    const { triggerSize } = this.#how;
    const decision = this.#gate.trigger;
    if (triggerSize === 0) {
      const { isDue, why } = decision ?? { isDue: !atEnd, why: "the budgets allow a step" };
      if (isDue && this.#isEmpty()) return { isDue: false, why: "the history is empty" };
      return { isDue, why };
    }
    const waiting = this.#waiting;
    const why = `${waiting} of ${triggerSize} new samples wait`;
    if (waiting === 0) return { isDue: false, why };
    if (atEnd) return { isDue: true, why: `${why} at the end` };
    if (decision === null) return { isDue: waiting >= triggerSize, why };
    if (this.#intake.room === 0) return { isDue: true, why: `${why}, no more have room` };
    return decision;
  }

  /** What becomes of the samples that wait. */
  #take(): { readonly skip: number; readonly take: number } {
    if (this.#how.triggerSize === 0) return { skip: this.#waiting, take: 0 };
    // Fewer than t are enough here: whether they are was decided before.
    return this.#intake.next(true);
  }

  async #positions(past: number, fresh: number): Promise<readonly number[]> {
    const { triggerSize, batchSize } = this.#how;
    const sampler = this.#sampler;
    await this.#observe(past);
    await this.#observe(past + fresh);
    // A last step of fewer than t new samples has no more old ones for it. A whole batch that is drawn
    // from all is always one of b.
    const kept = sampler.reach === "all" ? fresh : Math.max(triggerSize, fresh);
    return batchPositions(sampler, { past, fresh, old: batchSize - kept });
  }

  async #observe(to: number): Promise<void> {
    if (to <= this.#observed) return;
    await observeHistory(this.#sampler, this.#history, { from: this.#observed, to });
    this.#observed = to;
  }

  #isEmpty(): boolean {
    return includedRanges(this.samples, this.#excluded).length === 0;
  }

  #newSampler(random: Random): Sampler {
    // Also where nothing is excluded: a checkpoint is then good when something is.
    return excluding(samplerOf(this.#how.sampler ?? { kind: "uniform" }, random), this.#excluded);
  }

  #newIntake(counters?: IntakeCounters): Intake {
    const { triggerSize, batchSize, overload = "block", trigger } = this.#how;
    const waitingMax = trigger === undefined ? undefined : WAITING_BATCHES * batchSize;
    const most = triggerSize === 0 ? Number.MAX_SAFE_INTEGER : waitingMax;
    return new Intake({
      policy: overload,
      triggerSize,
      batchSize,
      clock: this.#clock,
      ...(most === undefined ? {} : { waitingMax: most }),
      ...(counters === undefined ? {} : { counters }),
    });
  }
}

/** Online training is proactive training with t = b. */
function asProactive(spec: OnlineSpec | ProactiveSpec): ProactiveSpec {
  if (spec.kind === "proactive") return spec;
  const { batchSize, budgets, overload } = spec;
  return {
    kind: "proactive",
    triggerSize: batchSize,
    batchSize,
    sampler: { kind: "none" },
    ...(budgets === undefined ? {} : { budgets }),
    ...(overload === undefined ? {} : { overload }),
  };
}
