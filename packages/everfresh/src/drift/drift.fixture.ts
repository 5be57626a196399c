import type { DriftRecord, DriftStatus, DriftView } from "@everfresh/sync";

/** A record for tests, with what a test cares about put in. */
export function exampleRecord(parts: Partial<DriftRecord> = {}): DriftRecord {
  return {
    id: 1,
    at: { sequence: 4_032, eventTimeMs: 1_700_000_000_000 },
    version: 479,
    verdict: "drift",
    likelihood: 0.93,
    since: { sequence: 4_004, eventTimeMs: null },
    signals: ["margin", "errors"],
    moved: [{ signal: "margin", parts: [{ name: "class 6", value: 0.22 }] }],
    explanation: "Drift: margin went from 0.077 to 0.14, since about sample 4004.",
    outcome: "open",
    outcomeAt: null,
    action: null,
    ...parts,
  };
}

/** A status for tests. */
export function exampleDriftStatus(parts: Partial<DriftStatus> = {}): DriftStatus {
  const signal = {
    ...{ warningAt: 3.3, driftAt: 4.3, pValue: 0.01, evidence: 180, changeAgo: 20 },
    ...{ taken: 900, ignored: 2, alarms: 1, share: 1 / 16 },
    moved: [{ name: "class 6", value: 0.22 }],
  };
  return {
    verdict: "warning",
    likelihood: 0.25,
    withinSamples: 1_000,
    since: null,
    samples: 5_000,
    labelled: 4_500,
    explanation: "Warning: margin went from 0.077 to 0.14.",
    ...{ evidence: 2_300, vote: "calibrated" },
    falseAlarmEvery: 20_000,
    falseWarningEvery: 2_000,
    families: [
      { family: "uncertainty", verdict: "warning", pValue: 0.01, hasData: true },
      { family: "error", verdict: "stable", pValue: null, hasData: false },
    ],
    signals: [
      { ...signal, name: "margin", family: "uncertainty", verdict: "warning", value: 3.9 },
      { ...signal, name: "errors", family: "error", verdict: "stable", value: null, pValue: null },
    ],
    counts: {
      ...{ ignored: 2, unknownIds: 0, duplicateLabels: 1, expired: 3, tooLate: 0, reordered: 0 },
      ...{ passedOver: 0, clockBackwards: 0, outOfSequence: 0, unseenClasses: 0 },
      missingFeatures: 4,
    },
    records: 2,
    ...parts,
  };
}

/** What the live page shows, for tests. */
export function exampleDriftView(parts: Partial<DriftView> = {}): DriftView {
  return {
    status: exampleDriftStatus(),
    records: [exampleRecord()],
    series: [
      {
        samples: 100,
        version: 10,
        verdict: "stable",
        likelihood: 0,
        together: 1,
        evidence: [1, null],
      },
      {
        ...{ samples: 200, version: 20, verdict: "warning", likelihood: 0.3, together: 2_300 },
        evidence: [2_100, 5e9],
      },
    ],
    ...parts,
  };
}
