import type { DriftVerdict } from "../../triggers/trigger.ts";
import { DriftCheckpointError, ResumeMismatchError } from "../../errors.ts";
import { adwin } from "./adwin.ts";
import { changeScan } from "./change-scan.ts";
import { cusum } from "./cusum.ts";
import { ddm } from "./ddm.ts";
import type { DetectorRule } from "./detector-rule.ts";
import { checkDetectorSpec, type DetectorSpec } from "./detector-spec.ts";
import { ecdd } from "./ecdd.ts";
import { eddm } from "./eddm.ts";
import { hddmA } from "./hddm-a.ts";
import { hddmW } from "./hddm-w.ts";
import { kswin } from "./kswin.ts";
import { pageHinkley } from "./page-hinkley.ts";
import type { Detector, SignalCheckpoint, SignalReading } from "../signal.ts";

const RULES: {
  readonly [K in DetectorSpec["kind"]]: (spec: Extract<DetectorSpec, { kind: K }>) => DetectorRule;
} = { ecdd, pageHinkley, cusum, adwin, ddm, eddm, hddmA, hddmW, kswin, changeScan };

const VERDICTS: readonly DriftVerdict[] = ["stable", "warning", "drift"];

/**
 * The detector that a specification describes.
 * @throws LearnOptionError for a number that is out of its range
 */
export function detectorOf(spec: DetectorSpec): Detector {
  checkDetectorSpec(spec);
  const make = RULES[spec.kind] as (spec: DetectorSpec) => DetectorRule;
  return new RuleDetector(spec.kind, make(spec));
}

/** A rule that counts, and starts anew after a drift. */
class RuleDetector implements Detector {
  readonly #kind: string;
  readonly #rule: DetectorRule;
  readonly #least: number;
  readonly #most: number;
  #verdict: DriftVerdict = "stable";
  #taken = 0;
  #ignored = 0;
  #alarms = 0;

  constructor(kind: string, rule: DetectorRule) {
    this.#kind = kind;
    this.#rule = rule;
    this.#least = rule.takes === "unit" ? 0 : -Number.MAX_VALUE;
    this.#most = rule.takes === "unit" ? 1 : Number.MAX_VALUE;
  }

  update(value: number): DriftVerdict {
    if (this.#verdict === "drift") this.reset();
    // Written so that NaN is ignored, too.
    if (!(value >= this.#least && value <= this.#most)) {
      this.#ignored++;
      return this.#verdict;
    }
    this.#taken++;
    this.#verdict = this.#rule.update(value);
    if (this.#verdict === "drift") this.#alarms++;
    return this.#verdict;
  }

  reading(): SignalReading {
    return {
      verdict: this.#verdict,
      ...this.#rule.reading(),
      taken: this.#taken,
      ignored: this.#ignored,
      alarms: this.#alarms,
    };
  }

  value(): number | null {
    return this.#rule.value === undefined ? this.#rule.reading().value : this.#rule.value();
  }

  reset(): void {
    this.#rule.reset();
    this.#verdict = "stable";
    this.#taken = 0;
  }

  checkpoint(): SignalCheckpoint {
    const own = [VERDICTS.indexOf(this.#verdict), this.#taken, this.#ignored, this.#alarms];
    // JSON has no −0.
    return { kind: this.#kind, numbers: [...own, ...this.#rule.numbers()].map((n) => n + 0) };
  }

  restore({ kind, numbers }: SignalCheckpoint): void {
    if (kind !== this.#kind) {
      throw new ResumeMismatchError("the kind of detector", kind, this.#kind);
    }
    const [verdict = -1, taken = 0, ignored = 0, alarms = 0, ...rest] = numbers;
    const known = VERDICTS[verdict];
    if (known === undefined || !numbers.every(Number.isFinite)) {
      throw new DriftCheckpointError(kind, "its numbers are damaged");
    }
    this.#rule.remember(rest);
    const now = this.#rule.numbers();
    if (now.length !== rest.length || now.some((number, i) => number !== rest[i])) {
      this.reset();
      throw new DriftCheckpointError(kind, `${rest.length} numbers do not fit its options`);
    }
    this.#verdict = known;
    this.#taken = taken;
    this.#ignored = ignored;
    this.#alarms = alarms;
  }
}
