import { assert, type Clock, type DriftActionRecord, type Random } from "@everfresh/core";
import type { History } from "@everfresh/streams";
import { drawnFrom, NO_RESPONSE, respond, triggerSizeAt } from "../drift/response/response.ts";
import type { PositionRange } from "../samplers/excluding.ts";
import type { TriggerDecision } from "../triggers/trigger.ts";
import { Intake, type IntakeCounters } from "../triggers/overload.ts";
import { ChangingSampler } from "./changing-sampler.ts";
import { chosenRetraining } from "./chosen-retraining.ts";
import { includedRanges } from "./included-ranges.ts";
import type { Iteration, StepIteration } from "./iteration.ts";
import type {
  ResponseCheckpoint,
  Strategy,
  StrategyCheckpoint,
  StrategyDecision,
  StrategyEvent,
} from "./strategy.ts";
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
  readonly #sampler: ChangingSampler;
  #intake: Intake;
  /** New samples per step, t, at present. */
  #triggerSize: number;
  /** What verdicts on drift have led to. */
  #response = NO_RESPONSE;
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
    this.#triggerSize = this.#how.triggerSize;
    this.#intake = this.#newIntake();
    const { random, history, excluded } = options;
    const sampler = this.#how.sampler ?? { kind: "uniform" };
    this.#sampler = new ChangingSampler({ spec: sampler, random, history, excluded });
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

  get action(): DriftActionRecord | null {
    return this.#response.action;
  }

  on(event: StrategyEvent): void {
    if (event.kind === "arrived") {
      this.#waiting += event.samples;
      this.#intake.arrived(event.samples);
      // Nothing waits for a step that has no new samples.
      if (this.#how.triggerSize === 0) this.#intake.next();
    }
    const { response: spec, triggerSize } = this.#how;
    if (event.kind === "verdict" && spec !== undefined) {
      this.#response = respond(this.#response, event, { spec, past: this.#past, triggerSize });
      this.#resize();
    }
    this.#gate.on(event);
  }

  decide(atEnd = false): StrategyDecision {
    const { retraining } = this.#response;
    const isReady = retraining !== null && this.#past >= retraining.at;
    if (isReady && includedRanges(this.#past, this.#excluded).length > 0) {
      const why = `drift: trains on what came since position ${retraining.from}`;
      return { ...this.#gate.decide({ isDue: true, why }), isRetraining: true };
    }
    return this.#gate.decide(this.#wanted(atEnd));
  }

  async next(atEnd = false): Promise<Iteration | null> {
    const { isDue, why, isRetraining } = this.decide(atEnd);
    if (!isDue) return null;
    return isRetraining === true ? this.#nextRetraining(why) : this.#nextStep(why);
  }

  async #nextRetraining(why: string): Promise<Iteration> {
    const { retraining } = this.#response;
    assert(retraining !== null, "a retraining that is due is known");
    const past = this.#past;
    this.#response = { ...this.#response, retraining: null };
    this.#iterations++;
    this.#gate.began(0);
    const { batchSize } = this.#how;
    const { seed } = this.#sampler.position;
    const [history, excluded] = [this.#history, this.#excluded];
    return chosenRetraining(retraining, { past, why, batchSize, seed, history, excluded });
  }

  async #nextStep(why: string): Promise<StepIteration> {
    const past = this.#past;
    const { skip: skipped, take: fresh } = this.#take();
    this.#past += skipped + fresh;
    this.#waiting -= skipped + fresh;
    this.#iterations++;
    this.#gate.began(skipped + fresh);
    const positions = await this.#positions(past + skipped, fresh);
    this.#resize();
    const fate = skipped > 0 && fresh > 0 ? `, ${skipped} go straight to history` : "";
    const { isRewarmDue } = this.#response;
    if (isRewarmDue) this.#response = { ...this.#response, isRewarmDue: false };
    const rewarmed = isRewarmDue ? { isRewarmed: true } : {};
    return { kind: "step", past, skipped, fresh, positions, why: `${why}${fate}`, ...rewarmed };
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
      sampler: this.#sampler.checkpoint(),
      ...this.#gate.checkpoint(),
      intake: this.#intake.counters(),
      ...(this.#how.response === undefined ? {} : { response: this.#responseCheckpoint() }),
    };
  }

  restore(checkpoint: StrategyCheckpoint): void {
    const { random, sampler, samples, past, intake, iterations, response } = checkpoint;
    this.#gate.restore(checkpoint);
    this.#response = response?.state ?? NO_RESPONSE;
    this.#triggerSize = response?.triggerSize ?? this.#how.triggerSize;
    this.#sampler.restore({ random, sampler, from: response?.drawnFrom ?? 0 });
    this.#intake = this.#newIntake(intake ?? undefined);
    this.#past = past;
    this.#waiting = samples - past;
    if (this.#how.triggerSize > 0) this.#intake.arrived(this.#waiting);
    this.#iterations = iterations;
  }

  /** Whether a step is due but for the budgets. */
  #wanted(atEnd: boolean): TriggerDecision {
    const triggerSize = this.#triggerSize;
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
    const { batchSize } = this.#how;
    const sampler = this.#sampler;
    sampler.drawFrom(drawnFrom(this.#response, past));
    // A last step of fewer than t new samples has no more old ones for it. A whole batch that is drawn
    // from all is always one of b.
    const kept = sampler.reach === "all" ? fresh : Math.max(this.#triggerSize, fresh);
    return sampler.positions({ past, fresh, old: batchSize - kept });
  }

  /** Takes another number of new samples per step where a verdict has led to that, or it is over. */
  #resize(): void {
    const size = triggerSizeAt(this.#response, this.#past, this.#how.triggerSize);
    // Those that wait must have room.
    if (size === this.#triggerSize || this.#waiting > size) return;
    this.#triggerSize = size;
    this.#intake = this.#newIntake(this.#intake.counters());
    this.#intake.arrived(this.#waiting);
  }

  #responseCheckpoint(): ResponseCheckpoint {
    const [state, triggerSize] = [this.#response, this.#triggerSize];
    return { state, drawnFrom: this.#sampler.from, triggerSize };
  }

  #isEmpty(): boolean {
    return includedRanges(this.samples, this.#excluded).length === 0;
  }

  #newIntake(counters?: IntakeCounters): Intake {
    const triggerSize = this.#triggerSize;
    const { batchSize, overload = "block", trigger } = this.#how;
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
