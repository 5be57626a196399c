import type { DetectorSpec } from "@everfresh/learn";

/** Detectors by the names of their policies, each with its usual settings. */
export const DETECTORS: Readonly<Record<string, DetectorSpec>> = {
  "change-scan": { kind: "changeScan" },
  "page-hinkley": { kind: "pageHinkley", direction: "up" },
  cusum: { kind: "cusum" },
  adwin: { kind: "adwin" },
  ddm: { kind: "ddm" },
  eddm: { kind: "eddm" },
  "hddm-a": { kind: "hddmA" },
  "hddm-w": { kind: "hddmW" },
  ecdd: { kind: "ecdd" },
  kswin: { kind: "kswin" },
};
