import type {
  DriftActionRecord,
  DriftPosition,
  DriftRecord,
  DriftVerdict,
  DriftVerdictReport,
} from "@everfresh/core";
import { ChangeLikelihood } from "./change-likelihood.ts";
import type { DriftVerdictsCheckpoint } from "../monitor/drift-monitor-checkpoint.ts";
import type { Progress } from "../monitor/drift-progress.ts";
import { DriftRecords, type SettledOutcome } from "./drift-records.ts";
import type { DriftSignals } from "../monitor/drift-signals.ts";
import type { CompleteDriftSpec } from "../monitor/drift-spec.ts";
import { explain } from "./explanation.ts";
import { ErrorMemory } from "./outcome-test.ts";
import type { StreamPlaces } from "../monitor/stream-places.ts";
import { type Strongest, strongestOf } from "./strongest.ts";
import { Vote } from "./vote.ts";

/** Samples that a drift lasts: by then a scan has the values that it needs of what is normal now. */
const DRIFT_SAMPLES = 300;

/** Samples by which an estimated place of a change is usually wrong at most. */
const PLACE_ERROR = 50;

/**
 * The verdict as it comes and goes:
 *
 *   stable ──► warning ──► drift ──── 300 samples ────► stable
 *      ▲──────────┘          │
 *                            └─ seen without labels: open ──► confirmed or withdrawn by labels,
 *                                                             or unsettled where these do not tell
 */
export class DriftVerdicts {
  readonly #signals: DriftSignals;
  readonly #places: StreamPlaces;
  readonly #errors = new ErrorMemory();
  readonly #likelihood: ChangeLikelihood;
  /** How signals become a verdict. */
  readonly vote: Vote;
  /** Warnings and drifts. */
  readonly records: DriftRecords;
  #verdict: DriftVerdict = "stable";
  #explanation = "";
  #since = -1;
  #seenAt = -1;
  /** Id of the record of the present warning; 0 without one. */
  #warning = 0;

  constructor(spec: CompleteDriftSpec, signals: DriftSignals, places: StreamPlaces) {
    this.#signals = signals;
    this.#places = places;
    this.#likelihood = new ChangeLikelihood(spec);
    this.vote = new Vote(spec);
    this.records = new DriftRecords(spec);
  }

  /** The verdict now, how likely a change makes it, since when, and why. */
  now(progress: Progress): Omit<DriftVerdictReport, "record"> {
    const strongest = this.#strongest();
    const { signals, evidence } = strongest;
    const verdict = this.#verdict;
    const since = this.#since < 0 ? null : this.#places.at(this.#since);
    const explanation =
      verdict === "stable" ? explain({ verdict, signals, evidence, since }) : this.#explanation;
    const likelihood = this.#likelihood.of(strongest, progress);
    return { verdict, likelihood, since, explanation };
  }

  /** A value has been looked at; a report when the verdict has changed by it. */
  judge(progress: Progress): DriftVerdictReport | null {
    if (this.#verdict === "stable" && this.vote.isQuiet(this.#signals.all)) return null;
    const { newest } = progress;
    const verdict = this.vote.judge(this.#signals.all, this.#verdict, newest).verdict;
    if (this.#verdict === "drift") {
      const isAgreed = verdict === "drift" && this.#agreeing(this.#strongest(), progress) !== null;
      if (isAgreed) return this.#see(progress);
      return newest - this.#seenAt < DRIFT_SAMPLES ? null : this.#calm(progress);
    }
    if (verdict === this.#verdict) return null;
    if (verdict === "stable") return this.#calm(progress);
    return verdict === "drift" ? this.#see(progress) : this.#warn(progress);
  }

  /** An error of the pinned model, in the order of prediction; a report when it settles a record. */
  erred(error: number, progress: Progress): DriftVerdictReport | null {
    const { newestLabel } = progress;
    this.#errors.add(newestLabel, error);
    const settled = this.records.outcome(this.#errors, newestLabel);
    return settled === null ? null : this.#settle(settled.id, settled.outcome, progress);
  }

  /** Errors from now on are another model's: what labels were awaited for is settled by those of now. */
  pin(progress: Progress): readonly DriftVerdictReport[] {
    const settled = this.records
      .lastOutcomes(this.#errors)
      .map(({ id, outcome }) => this.#settle(id, outcome, progress));
    this.#errors.reset();
    return settled;
  }

  /** What was done goes into the newest record. */
  acted(action: DriftActionRecord): void {
    this.records.acted(action);
  }

  /** All that it remembers. */
  checkpoint(): DriftVerdictsCheckpoint {
    return {
      verdict: this.#verdict,
      explanation: this.#explanation,
      numbers: [this.#since, this.#seenAt, this.#warning],
      likelihood: this.#likelihood.numbers(),
      vote: this.vote.numbers(),
      errors: this.#errors.numbers(),
      records: this.records.all,
      awaited: this.records.numbers(),
    };
  }

  /** Remembers what {@link checkpoint} gave. */
  restore({ verdict, explanation, ...rest }: DriftVerdictsCheckpoint): void {
    const [since = -1, seenAt = -1, warning = 0] = rest.numbers;
    this.#verdict = verdict;
    this.#explanation = explanation;
    [this.#since, this.#seenAt, this.#warning] = [since, seenAt, warning];
    this.#likelihood.remember(rest.likelihood);
    this.vote.remember(rest.vote);
    this.#errors.remember(rest.errors);
    this.records.remember(rest.records, rest.awaited);
  }

  /** The change is over, or the warning was about nothing. */
  #calm(progress: Progress): DriftVerdictReport {
    this.#verdict = "stable";
    this.#since = -1;
    this.#explanation = "";
    const at = this.#at(progress);
    const record = this.#warning === 0 ? null : this.records.settle(this.#warning, "withdrawn", at);
    this.#warning = 0;
    return { ...this.now(progress), record };
  }

  #warn(progress: Progress): DriftVerdictReport | null {
    const strongest = this.#strongest();
    // Labels on their way to confirm what is known are no news.
    if (this.#agreeing(strongest, progress) !== null) return null;
    this.#verdict = "warning";
    const likelihood = this.#likelihood.of(strongest, progress);
    const record = this.#record(strongest, progress, { likelihood, outcome: "open" });
    this.#warning = record.id;
    return { ...this.now(progress), record };
  }

  #see(progress: Progress): DriftVerdictReport {
    const strongest = this.#strongest();
    for (const signal of strongest.signals) signal.alarmed();
    const agreed = this.#agreeing(strongest, progress);
    if (agreed !== null) return this.#settle(agreed, "confirmed", progress);
    if (this.#warning !== 0) {
      this.records.settle(this.#warning, "confirmed", this.#at(progress));
    }
    this.#warning = 0;
    this.#verdict = "drift";
    this.#seenAt = progress.newest;
    this.#likelihood.alarmed(strongest, progress);
    const record = this.#record(strongest, progress, {
      likelihood: this.#likelihood.of(strongest, progress),
      outcome: strongest.isLabelled ? "confirmed" : "open",
    });
    this.#signals.resetLabelFree();
    this.vote.reset();
    if (strongest.isLabelled) this.#forgetLabels();
    return { ...this.now(progress), record };
  }

  /** Labels have confirmed or withdrawn what was seen without them, or never will. */
  #settle(id: number, outcome: SettledOutcome, progress: Progress): DriftVerdictReport {
    const isNewest = this.records.awaited.at(-1)?.id === id;
    if (isNewest && outcome !== "unsettled") this.#likelihood.settled(outcome);
    const record = this.records.settle(id, outcome, this.#at(progress));
    if (outcome === "confirmed") this.#forgetLabels();
    if (outcome === "withdrawn" && record !== null) this.#signals.mistaken(record.signals);
    return { ...this.now(progress), record };
  }

  #forgetLabels(): void {
    this.#signals.resetLabelled();
    this.#errors.reset();
  }

  /** The drift that labels agree with: seen without them, of a change that they put before that. */
  #agreeing({ isLabelled, since: estimated }: Strongest, { newestLabel }: Progress): number | null {
    if (!isLabelled) return null;
    const known = this.records.awaited.filter(
      ({ since, at }) => since <= newestLabel && (estimated ?? since) <= at + PLACE_ERROR,
    );
    return known.at(-1)?.id ?? null;
  }

  #record(
    { signals, evidence, since: estimated }: Strongest,
    progress: Progress,
    given: Pick<DriftRecord, "likelihood" | "outcome">,
  ): DriftRecord {
    const verdict = this.#verdict === "drift" ? "drift" : "warning";
    this.#since = estimated ?? progress.newest;
    const since = this.#places.at(this.#since);
    const explanation = explain({ verdict, signals, evidence, since });
    this.#explanation = explanation;
    const names = signals.map(({ name }) => name);
    const moved = signals.map((signal) => ({ signal: signal.name, parts: signal.moved() }));
    const [at, { version }] = [this.#at(progress), progress];
    const made = {
      at,
      version,
      verdict,
      since,
      signals: names,
      moved,
      explanation,
      ...given,
    } as const;
    return this.records.add(made, this.#since);
  }

  #strongest(): Strongest {
    return strongestOf(this.#signals.all, this.vote.weights(this.#signals.all));
  }

  #at({ newest }: Progress): DriftPosition {
    return this.#places.at(Math.max(0, newest));
  }
}
