import { preprocessorOf, type Sample } from "@everfresh/core";
import { LearnOptionError, ResumeMismatchError } from "../errors.ts";
import { ClassBaselines } from "../evaluate/baselines.ts";
import { ArrivalQueue } from "./arrival-queue.ts";
import { batchReader } from "./batch-reader.ts";
import type { StrategyEvent } from "./strategy.ts";
import { StrategyLane } from "./strategy-lane.ts";
import type { StrategyRunCheckpoint } from "./strategy-run-checkpoint.ts";
import type { StrategyRunOptions, StrategyStanding } from "./strategy-run-options.ts";

/**
 * Strategies side by side on one stream, in memory: each has its own state, scores and account, all
 * share the history.
 *
 *   sample n arrives ──► predicted by every state as it is now
 *   label n − lag arrives ──► scores the prediction made when its sample arrived
 *                        ──► its sample enters the history, and is new to every strategy
 *                        ──► strategies whose iteration is due perform it
 *
 * Calls run one after another: wait for each before the next.
 */
export class StrategyRun {
  readonly #options: StrategyRunOptions;
  readonly #lag: number;
  readonly #base: number;
  readonly #baselines: ClassBaselines;
  readonly #arrivals: ArrivalQueue;
  readonly #lanes: readonly StrategyLane[];
  /** What a checkpoint knew about samples that arrive again. */
  #known: StrategyRunCheckpoint["unlabelled"];
  #labelled: number;
  #hasBegun = false;
  /** Samples with labels that are not in the history yet. */
  #unstored: Sample[] = [];

  /**
   * @throws LearnOptionError for a number that is out of its range, or names that are not distinct
   * @throws ResumeMismatchError, SamplerCheckpointError, EvaluationCheckpointError for a checkpoint that
   *   does not fit
   */
  constructor(options: StrategyRunOptions) {
    checkOptions(options);
    const { history, evaluation, lagSamples = 0, checkpoint } = options;
    const preprocessor = preprocessorOf(options.preprocessing);
    this.#options = options;
    this.#lag = lagSamples;
    this.#base = checkpoint?.base ?? history.count();
    this.#labelled = checkpoint?.labelled ?? 0;
    this.#known = checkpoint?.unlabelled ?? [];
    this.#baselines = new ClassBaselines(evaluation.target.count, checkpoint?.baselines);
    this.#arrivals = new ArrivalQueue(this.#labelled);
    if (checkpoint !== undefined) this.#checkHistory();
    const shared = {
      options,
      arrivals: this.#arrivals,
      preprocessor,
      batches: changes(options.preprocessing)
        ? null
        : (options.batches ?? batchReader(history, preprocessor, options.features)),
      base: this.#base,
      store: () => this.#store(),
    };
    this.#lanes = options.strategies.map((own, i) => {
      const stored = checkpoint?.strategies[i];
      if (checkpoint !== undefined && stored?.name !== own.name) {
        throw new ResumeMismatchError("the name of a strategy", stored?.name ?? "absent", own.name);
      }
      return new StrategyLane(own, shared, stored);
    });
  }

  /** Samples that have arrived in this run. */
  get arrived(): number {
    return this.#arrivals.count;
  }

  /** Labels that have arrived, as many as there are samples in the history since the run began. */
  get labelled(): number {
    return this.#labelled;
  }

  /**
   * The next sample arrives; resolves when all strategies have done what follows from it. After a
   * checkpoint the samples that had no label then arrive again first.
   */
  async arrive(sample: Sample): Promise<void> {
    this.#options.signal?.throwIfAborted();
    await this.#begin();
    const [known, ...others] = this.#known;
    this.#known = others;
    this.#arrivals.push({ sample, ...(known ?? this.#baselines.predict()) });
    if (known !== undefined) return;
    for (const lane of this.#lanes) await lane.arrived();
    if (this.arrived - this.#labelled > this.#lag) await this.#label();
  }

  /** Tells strategies what only the caller knows: a detector's verdict, or how busy serving is. */
  async tell(event: Exclude<StrategyEvent, { kind: "arrived" | "ended" }>): Promise<void> {
    for (const lane of this.#lanes) await lane.tell(event);
  }

  /** The stream is over: the labels that are out arrive, and what waits is trained on. */
  async finish(): Promise<void> {
    await this.#begin();
    while (this.#labelled < this.arrived) await this.#label();
    for (const lane of this.#lanes) await lane.finish();
    await this.#store();
  }

  /** How the strategies stand; takes some milliseconds for each state. */
  standings(): readonly StrategyStanding[] {
    return this.#lanes.map((lane) => lane.standing());
  }

  /**
   * All that the run remembers, but for what the caller has: the history, up to the samples that have
   * labels, and the followers' states. A run that goes on from it reads its stream from sample number
   * {@link labelled} on.
   */
  async checkpoint(): Promise<StrategyRunCheckpoint> {
    await this.#store();
    const strategies = [];
    for (const lane of this.#lanes) strategies.push(await lane.checkpoint());
    return {
      base: this.#base,
      arrived: this.arrived,
      labelled: this.#labelled,
      baselines: this.#baselines.checkpoint(),
      unlabelled: this.#arrivals
        .range(this.#labelled, this.arrived)
        .map(({ noChange, majority }) => ({ noChange, majority })),
      strategies,
    };
  }

  /** Once, before anything else. */
  async #begin(): Promise<void> {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    for (const lane of this.#lanes) await lane.begin();
  }

  /** The label of the oldest sample without one arrives. */
  async #label(): Promise<void> {
    const [arrival] = this.#arrivals.range(this.#labelled, this.#labelled + 1);
    if (arrival === undefined) return;
    const { sample } = arrival;
    this.#labelled++;
    this.#baselines.learn(sample.label);
    this.#unstored.push(sample);
    for (const lane of this.#lanes) await lane.labelled(sample.eventTimeMs);
    this.#arrivals.dropBelow(Math.min(...this.#lanes.map(({ needs }) => needs)));
  }

  async #store(): Promise<void> {
    if (this.#unstored.length === 0) return;
    const samples = this.#unstored;
    this.#unstored = [];
    await this.#options.history.append(samples);
  }

  #checkHistory(): void {
    const [expected, actual] = [this.#base + this.#labelled, this.#options.history.count()];
    if (expected === actual) return;
    throw new ResumeMismatchError("the number of samples in the history", expected, actual);
  }
}

/** Whether what is made of a sample in training differs from strategy to strategy. */
function changes(preprocessing: StrategyRunOptions["preprocessing"]): boolean {
  return preprocessing.kind === "pipeline";
}

function checkOptions(options: StrategyRunOptions): void {
  const { strategies, lagSamples, testedEvery } = options;
  if (options.batches !== undefined && changes(options.preprocessing)) {
    throw new LearnOptionError("batches", "a reader", "left out where preprocessing is a pipeline");
  }
  const names = new Set(strategies.map(({ name }) => name));
  if (names.size < Math.max(1, strategies.length)) {
    const needed = "one or more, with a name of its own each";
    throw new LearnOptionError("strategies", [...names].join(", "), needed);
  }
  checkWhole("lagSamples", lagSamples, 0);
  checkWhole("testedEvery", testedEvery, 1);
}

function checkWhole(option: string, value: number | undefined, least: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= least)) return;
  throw new LearnOptionError(option, value, `a whole number of ${least} or more`);
}
