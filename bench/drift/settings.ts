import { parseArgs } from "node:util";
import type { DetectorSpec, DriftVote } from "@everfresh/learn";
import { choiceOption, positiveOption, wholeOption } from "../option-values.ts";
import { STREAM_CASES } from "./cases.ts";
import { DETECTORS } from "./detectors.ts";
import { POLICY_NAMES, policyOf } from "./policies.ts";

const DATA = process.env["EVERFRESH_DATA"] ?? "../shared/data";
const OUT = ".everfresh/bench-drift";

/** Cases that are errors without a model that makes them: their autocorrelation, and by how much a feature moves with them. */
export const ERROR_CASES: Readonly<Record<string, { correlation: number; shift: number }>> = {
  "bernoulli-iid": { correlation: 0, shift: 0 },
  "bernoulli-correlated": { correlation: 0.5, shift: 0 },
  "errors-and-features": { correlation: 0, shift: 1 },
};

/** Policies of all signals together, among detectors of errors, by how signals vote. */
export const ENSEMBLES: Readonly<Record<string, DriftVote>> = {
  ensemble: "calibrated",
  "ensemble-majority": "majority",
  "ensemble-weighted": "weighted",
};

/** The case of digits that change, with late labels, watched with and without signals that need none. */
export const MNIST_CHANGES = "mnist-changes";
export const CHANGES_SEEDS = 20;

/** The case of streams with changes at random: whether the likelihood and warnings can be trusted. */
export const WARNINGS = "warnings";

/** The case of streams that never change, but whose rows stay alike for long. */
export const LONG_MEMORY = "long-memory";

/** The case on which nothing but the model changes. */
export const STATIONARY = "mnist-stationary";

/** For people. */
export const USAGE = `Usage: npm run bench -- drift [options]

Runs detectors over errors whose change is known, and policies over streams: each sample is predicted
first, its label comes later, and policies learn from it and act on what they see. All policies of a
case share one network, optimizer, budget of steps and lag, and have the same settings in all cases.
Runs that --out has already are not measured again.

  --case NAME       errors: ${Object.keys(ERROR_CASES).join(", ")}
                    (default bernoulli-iid): at a rate of 0.2 for 5,000 samples, then at 0.4
                    (medianDelay) or 0.25 (detectedShare) for 5,000; correlated ones are with
                    probability 0.5 what the one before was; with features, one moves, too;
                    streams: ${Object.keys(STREAM_CASES).slice(0, 6).join(", ")},
                    ${Object.keys(STREAM_CASES).slice(6).join(", ")};
                    ${STATIONARY}: LeNet-5 learns MNIST for 5,000 updates, and signals look at it or
                    at its state before them, pinned: every alarm is false;
                    ${MNIST_CHANGES}: LeNet-5 learns MNIST, which changes at a random sample: delays with
                    and without label-free signals at equal false alarms (give --lag 500);
                    ${LONG_MEMORY}: false alarms of a distance of features where rows stay alike for
                    long, told of its mistakes and not, and delays for a change of one of them;
                    ${WARNINGS}: generated streams that change at random: the likelihood against
                    the truth, warnings and their lead
  --lag N           samples after which a label arrives (default 0)
  --seeds N         how many: of errors (default 200), of streams (default 5, of MNIST 3,
                    of ${MNIST_CHANGES} ${CHANGES_SEEDS})
  --policies A,B    which; of errors: ${Object.keys(ENSEMBLES).join(", ")},
                    ${Object.keys(DETECTORS).slice(0, 5).join(", ")},
                    ${Object.keys(DETECTORS).slice(5).join(", ")} (default all);
                    of streams: ${POLICY_NAMES.slice(0, 8).join(", ")},
                    ${POLICY_NAMES.slice(8, 11).join(", ")}, a detector (new weights at its alarms),
                    DETECTOR-window (our response to its alarms)
  --false-alarm-every N  errors: budget in samples between false alarms, of change-scan (40,000)
                    and of the ensemble (25,000); of ${LONG_MEMORY} (25,000)
  --scale F         streams: multiplies all numbers of samples (default 1)
  --figures FOLDER  ${WARNINGS}: also writes the reliability of the likelihood as SVG
  --out FOLDER      streams: where runs are kept (default ${OUT})
  --data FOLDER     where mnist and drift-streams are (default ${DATA})
  --cost            instead: microseconds of each detector per update, of each signal and of all
                    together per sample, and what watching takes of a training step of LeNet-5
  --retraining N    instead, of a stream: what N steps on different choices of samples come to after a
                    drift that the first of --policies sees (ensemble)
  --json            one JSON document
  --help            this text`;

const OPTIONS = {
  case: { type: "string", default: "bernoulli-iid" },
  lag: { type: "string", default: "0" },
  seeds: { type: "string" },
  policies: { type: "string" },
  "false-alarm-every": { type: "string" },
  scale: { type: "string", default: "1" },
  out: { type: "string", default: OUT },
  data: { type: "string", default: DATA },
  figures: { type: "string" },
  cost: { type: "boolean", default: false },
  retraining: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

/** What is asked for. */
export interface Settings {
  readonly case: string;
  readonly lag: number;
  readonly seeds: number | undefined;
  readonly policies: readonly string[] | undefined;
  readonly falseAlarmEvery: number | undefined;
  readonly scale: number;
  readonly out: string;
  readonly data: string;
  readonly figures: string | undefined;
  readonly cost: boolean;
  readonly retraining: number | undefined;
  readonly json: boolean;
}

/**
 * Reads the arguments of the command.
 * @throws Error for a name or a number that is none
 */
export function parse(args: readonly string[]): Settings | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false });
  if (values.help) return "help";
  const { retraining, "false-alarm-every": every } = values;
  const cases = [
    ...[...Object.keys(ERROR_CASES), ...Object.keys(STREAM_CASES)],
    ...[STATIONARY, MNIST_CHANGES, LONG_MEMORY, WARNINGS],
  ];
  const settings: Settings = {
    case: choiceOption("case", values.case, cases),
    lag: values.lag === "0" ? 0 : wholeOption("lag", values.lag),
    seeds: values.seeds === undefined ? undefined : wholeOption("seeds", values.seeds),
    policies: values.policies?.split(",").map((name) => name.trim()),
    falseAlarmEvery: every === undefined ? undefined : wholeOption("false-alarm-every", every),
    scale: positiveOption("scale", values.scale),
    out: values.out,
    data: values.data,
    figures: values.figures,
    cost: values.cost,
    retraining: retraining === undefined ? undefined : wholeOption("retraining", retraining),
    json: values.json,
  };
  // Wrong names are refused before anything is measured.
  if (Object.hasOwn(ERROR_CASES, settings.case) || settings.cost) detectorsOf(settings);
  else (settings.policies ?? []).forEach(policyOf);
  return settings;
}

/** The detectors of errors that are asked for. */
export function detectorsOf(settings: Settings): Readonly<Record<string, DetectorSpec>> {
  const { policies = Object.keys(DETECTORS), falseAlarmEvery } = settings;
  const detectors = policies
    .filter((name) => !Object.hasOwn(ENSEMBLES, name))
    .map((name) => {
      const chosen = choiceOption("policies", name, Object.keys(DETECTORS));
      const spec = DETECTORS[chosen] ?? { kind: "changeScan" };
      if (spec.kind !== "changeScan" || falseAlarmEvery === undefined)
        return [chosen, spec] as const;
      return [chosen, { ...spec, falseAlarmEvery }] as const;
    });
  return Object.fromEntries(detectors);
}
