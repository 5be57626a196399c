/**
 * What every detector can say in one unit: its evidence, the mean number of values between two chances
 * on a stable stream to look as much like a change as it does now. A scan for changes and two samples
 * are calibrated by themselves; of any other detector its false alarms on resamples of the stream's own
 * past are counted.
 */
import { BootstrappedDetector } from "../detectors/bootstrapped-detector.ts";
import { detectorOf } from "../detectors/detector-of.ts";
import type { ChangeScanSpec, DetectorSpec } from "../detectors/detector-spec.ts";
import { isRowsSpec, type RowsSpec } from "./drift-spec.ts";
import type { EvidenceSource } from "../detectors/evidence-source.ts";
import { silentTwoSampleSignal } from "../two-sample/two-sample.ts";

/** More than this is no number of values that means anything; it is finite when multiplied. */
const EVIDENCE_MAX = 1e300;

/**
 * The detector that a specification describes, as a source of evidence.
 * @param features numbers in a row
 * @throws LearnOptionError for a number that is out of its range
 */
export function evidenceOf(
  spec: DetectorSpec | RowsSpec,
  { features, seed }: { readonly features: number; readonly seed: number },
): EvidenceSource {
  if (isRowsSpec(spec)) return ofRows(spec, features, seed);
  return spec.kind === "changeScan" ? ofScan(spec) : new BootstrappedDetector(spec, seed);
}

function ofScan(spec: ChangeScanSpec): EvidenceSource {
  // It never alarms by itself.
  const falseAlarmEvery = Number.MAX_VALUE;
  const scan = detectorOf({ ...spec, falseAlarmEvery, falseWarningEvery: falseAlarmEvery });
  return {
    update: (row) => {
      scan.update(row[0] ?? NaN);
    },
    evidence: () => {
      const value = scan.value();
      return value === null ? null : Math.min(EVIDENCE_MAX, 10 ** value);
    },
    valueAt: (evidence) => Math.log10(evidence),
    changeAgo: () => scan.reading().changeAgo,
    parts: () => [],
    reading: () => scan.reading(),
    reset: () => scan.reset(),
    checkpoint: () => scan.checkpoint(),
    restore: (checkpoint) => scan.restore(checkpoint),
  };
}

function ofRows(spec: RowsSpec, features: number, seed: number): EvidenceSource {
  const signal = silentTwoSampleSignal({ seed, ...spec, features });
  return {
    update: (row) => {
      signal.update(row);
    },
    evidence: () => {
      const evidence = signal.evidence();
      return evidence === null ? null : Math.min(EVIDENCE_MAX, Math.max(1, evidence));
    },
    valueAt: (evidence) => {
      const value = signal.valueAt(evidence);
      return value === null || !Number.isFinite(value) ? null : value;
    },
    changeAgo: () => signal.changeAgo() ?? (signal.parts().length > 0 ? recentOf(spec) : null),
    parts: () => signal.parts(),
    reading: () => signal.reading(),
    mistaken: () => signal.mistaken(),
    reset: () => signal.reset(),
    checkpoint: () => signal.checkpoint(),
    restore: (checkpoint) => signal.restore(checkpoint),
  };
}

/** Where a statistic does not tell, all recent rows may be from after the change. */
function recentOf({ recentSamples = 200 }: RowsSpec): number {
  return recentSamples;
}
