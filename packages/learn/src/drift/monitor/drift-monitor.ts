/**
 * One verdict from many signals, some of which need labels that come late:
 *
 *   sample ──► predicted ──► signals without labels ─────────────┐
 *   label  ──► labelled ──► order of prediction ──► errors … ────┼──► vote ──► verdict ──► record
 *   step   ──► stepped ──► gradient ─────────────────────────────┘               ▲            │
 *                                      labels of that time confirm or withdraw ──┴────────────┘
 *
 * Signals without labels act at once. What they have seen is open until labels of the samples since the
 * change are there.
 */
import type {
  DriftActionRecord,
  DriftRecord,
  DriftStatus,
  DriftVerdictReport,
} from "@everfresh/core";
import { DriftCheckpointError } from "../../errors.ts";
import type { DriftMonitorCheckpoint } from "./drift-monitor-checkpoint.ts";
import type { DriftMonitorOptions } from "./drift-monitor-options.ts";
import { DriftSignals } from "./drift-signals.ts";
import { type CompleteDriftSpec, completeDriftSpec, type SignalInput } from "./drift-spec.ts";
import { driftStatusOf } from "./drift-status-of.ts";
import type { Progress } from "./drift-progress.ts";
import { DriftVerdicts } from "../verdict/drift-verdicts.ts";
import { LabelOrder } from "./label-order.ts";
import { isClass, labelValues, numbersOf, valuesOf } from "./label-values.ts";
import type { LabelledObservation, PredictedObservation } from "./observations.ts";
import { missingIn, OddCounts } from "./odd-counts.ts";
import { StreamPlaces } from "./stream-places.ts";

export type { DriftMonitorOptions };

/** One calibrated verdict from many signals of drift. */
export class DriftMonitor {
  readonly #spec: CompleteDriftSpec;
  readonly #classes: number;
  readonly #made: string;
  readonly #signals: DriftSignals;
  readonly #verdicts: DriftVerdicts;
  readonly #labels: LabelOrder;
  readonly #places = new StreamPlaces();
  readonly #odd = new OddCounts();
  #progress: Progress = { newest: -1, newestLabel: -1, version: 0 };
  #samples = 0;
  #labelled = 0;
  /** The newest sample when the model was pinned. */
  #pinnedAt = -1;

  /**
   * @throws LearnOptionError for a number of the specification that is out of its range
   * @throws DriftCheckpointError for a checkpoint that is damaged, or of another specification
   */
  constructor(options: DriftMonitorOptions) {
    const { features, embedding = 0, classes, seed, checkpoint } = options;
    const { inputMicros = {}, pinnedEvery = 1 } = options;
    this.#spec = completeDriftSpec(options.spec);
    this.#classes = classes;
    const numbers = [features, embedding, classes, seed, pinnedEvery];
    this.#made = JSON.stringify([this.#spec, numbers, inputMicros]);
    this.#signals = new DriftSignals(this.#spec, options);
    this.#verdicts = new DriftVerdicts(this.#spec, this.#signals, this.#places);
    this.#labels = new LabelOrder(this.#spec.heldLabels);
    if (checkpoint !== undefined) this.#restore(checkpoint);
  }

  /**
   * Whether a signal would look at this input of this sample: what is costly need not be known of others.
   */
  isTurn(input: SignalInput, sequence: number): boolean {
    return this.#signals.isTurn(input, sequence);
  }

  /** Takes a sample in as it arrives; a report when the verdict has changed by it. */
  predicted(observation: PredictedObservation): DriftVerdictReport | null {
    const { sequence, eventTimeMs, version, features, missing } = observation;
    if (!Number.isSafeInteger(sequence) || sequence <= this.#progress.newest) {
      this.#odd.add("outOfSequence");
      return null;
    }
    this.#samples++;
    this.#progress = { ...this.#progress, newest: sequence, version };
    this.#places.add(sequence, eventTimeMs);
    this.#odd.missing(missing ?? missingIn(features));
    this.#labels.predicted(sequence);
    this.#signals.predicted(observation);
    return this.#verdicts.judge(this.#progress);
  }

  /**
   * Takes a label in, whenever it comes: labels are looked at in the order of their samples. A report
   * when the verdict has changed by it, or a record was confirmed or withdrawn; of several, which labels
   * that waited may bring about together, that of the newest record.
   */
  labelled(observation: LabelledObservation): DriftVerdictReport | null {
    const { sequence, label } = observation;
    const isPinned = sequence > this.#pinnedAt;
    const values = labelValues(observation, { classes: this.#classes, isPinned });
    const fate = this.#labels.labelled({ sequence, values: numbersOf(values) });
    this.#odd.label(fate);
    const isNew = fate === "taken" || fate === "waits";
    if (isNew && !isClass(label, this.#classes)) this.#odd.add("unseenClasses");
    return this.#lookAtLabels();
  }

  /** The label of this sample will not come any more: those that waited for it go on. */
  expired(sequence: number): DriftVerdictReport | null {
    const fate = this.#labels.expired(sequence);
    if (fate === "taken") this.#odd.add("expired");
    if (fate === "unknown") this.#odd.add("unknownIds");
    return this.#lookAtLabels();
  }

  /** Takes the gradient statistic of a training step in. */
  stepped(gradient: number): DriftVerdictReport | null {
    this.#signals.stepped(gradient, Math.max(0, this.#progress.newest));
    return this.#verdicts.judge(this.#progress);
  }

  /** What was done about the newest record; does nothing where there is none. */
  acted(action: DriftActionRecord): void {
    this.#verdicts.acted(action);
  }

  /**
   * The pinned model is another one from now on: all that goes by it starts anew, and labels of samples
   * that it did not predict say nothing about it. Drifts whose labels were awaited are settled by those
   * that are there: a report for each.
   */
  pin(): readonly DriftVerdictReport[] {
    this.#signals.pin();
    const settled = this.#verdicts.pin(this.#progress);
    this.#pinnedAt = this.#progress.newest;
    return settled;
  }

  /** What signals of this input look at is another thing from now on: they start anew. */
  restart(input: SignalInput): void {
    this.#signals.restart(input);
  }

  /** How things are now. */
  status(): DriftStatus {
    return driftStatusOf({
      ...{ spec: this.#spec, signals: this.#signals.all, vote: this.#verdicts.vote },
      ...this.#verdicts.now(this.#progress),
      ...{ samples: this.#samples, labelled: this.#labelled },
      counts: this.#odd.counts(this.#signals.all, this.#labels, this.#places),
      records: this.#verdicts.records.made,
    });
  }

  /** The newest records, oldest first. */
  history(): readonly DriftRecord[] {
    return this.#verdicts.records.all;
  }

  /** All that it remembers. */
  checkpoint(): DriftMonitorCheckpoint {
    const { newest, newestLabel, version } = this.#progress;
    const own = [newest, newestLabel, version, this.#samples, this.#labelled, this.#pinnedAt];
    return {
      made: this.#made,
      numbers: [own, this.#odd.numbers(), this.#places.numbers()].flat(),
      signals: this.#signals.checkpoint(),
      verdicts: this.#verdicts.checkpoint(),
      labels: this.#labels.numbers(),
    };
  }

  #restore({ made, numbers, signals, verdicts, labels }: DriftMonitorCheckpoint): void {
    if (made !== this.#made) {
      throw new DriftCheckpointError("ensemble", "it is of another specification");
    }
    const [newest = -1, newestLabel = -1, version = 0] = numbers;
    const [samples = 0, labelled = 0, pinnedAt = -1] = numbers.slice(3);
    this.#progress = { newest, newestLabel, version };
    [this.#samples, this.#labelled, this.#pinnedAt] = [samples, labelled, pinnedAt];
    this.#places.remember(this.#odd.remember(numbers.slice(6)));
    this.#signals.restore(signals);
    this.#verdicts.restore(verdicts);
    this.#labels.remember(labels);
  }

  /** Looks at all labels whose turn it is. */
  #lookAtLabels(): DriftVerdictReport | null {
    let report: DriftVerdictReport | null = null;
    for (let next = this.#labels.next(); next !== null; next = this.#labels.next()) {
      const { sequence } = next;
      const values = valuesOf(next.values);
      this.#labelled++;
      this.#progress = { ...this.#progress, newestLabel: sequence };
      this.#signals.labelled(sequence, values);
      if (values.error >= 0) {
        report = newerOf(report, this.#verdicts.erred(values.error, this.#progress));
      }
      report = newerOf(report, this.#verdicts.judge(this.#progress));
    }
    return report;
  }
}

/** The report of the newer record; the second one where they are of the same, or of none. */
function newerOf(
  first: DriftVerdictReport | null,
  second: DriftVerdictReport | null,
): DriftVerdictReport | null {
  if (second === null) return first;
  return (first?.record?.id ?? 0) > (second.record?.id ?? Infinity) ? first : second;
}
