import type { DriftRecord, DriftSignalStatus, DriftView } from "../status.ts";

/** A record for tests, with what a test cares about put in. */
export function exampleRecord(parts: Partial<DriftRecord> = {}): DriftRecord {
  return {
    ...{ id: 2, version: 479, likelihood: 0.93 },
    verdict: "drift",
    at: { sequence: 4_032, eventTimeMs: null },
    since: { sequence: 4_004, eventTimeMs: null },
    signals: ["margin"],
    moved: [{ signal: "margin", parts: [{ name: "class 6", value: 0.22 }] }],
    explanation: "Drift: margin went from 0.077 to 0.14.",
    outcome: "confirmed",
    outcomeAt: null,
    action: {
      kind: "window",
      ...{ range: { from: 4_004, to: 4_008 }, filter: null, why: "a drift" },
      versions: { from: 501, to: 502 },
    },
    ...parts,
  };
}

const NO_DATA = { value: null, evidence: null, moved: [] };

/** What is seen of drift, for tests. */
export function exampleDrift(parts: Partial<DriftView> = {}): DriftView {
  const signal: DriftSignalStatus = {
    ...{ name: "margin", value: 3.9, warningAt: 3.3, driftAt: 4.3 },
    family: "uncertainty",
    verdict: "warning",
    ...{ pValue: 0.01, evidence: 2_100, changeAgo: 20, taken: 900, ignored: 0, alarms: 1 },
    ...{ share: 0.5, moved: [{ name: "class 6", value: 0.22 }] },
  };
  return {
    status: {
      verdict: "warning",
      ...{ likelihood: 0.25, withinSamples: 1_000, since: null },
      ...{ samples: 5_000, labelled: 4_500, evidence: 2_300, vote: "calibrated" },
      explanation: "Warning: margin went from 0.077 to 0.14.",
      ...{ falseAlarmEvery: 20_000, falseWarningEvery: 2_000, families: [], records: 2 },
      signals: [signal, { ...signal, name: "errors", family: "error", ...NO_DATA }],
      counts: {
        ...{ ignored: 0, unknownIds: 0, duplicateLabels: 0, expired: 0, tooLate: 0 },
        ...{ reordered: 0, passedOver: 0, clockBackwards: 0, outOfSequence: 0 },
        ...{ unseenClasses: 0, missingFeatures: 0 },
      },
    },
    records: [exampleRecord(), exampleRecord({ id: 1, verdict: "warning", outcome: "withdrawn" })],
    series: [
      {
        samples: 100,
        version: 10,
        verdict: "stable",
        likelihood: 0,
        together: 0.5,
        evidence: [0.5, null],
      },
      {
        samples: 200,
        version: 20,
        verdict: "warning",
        likelihood: 0.3,
        together: 2_300,
        evidence: [2_100, 5e9],
      },
      {
        samples: 200,
        version: 21,
        verdict: "warning",
        likelihood: 0.3,
        together: 2_300,
        evidence: [2_100, 5e9],
      },
    ],
    ...parts,
  };
}
