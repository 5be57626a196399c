import { formatCount, formatMilliseconds, formatQuantity } from "../format.ts";
import type { IntakeStatus, LabelStatus } from "../status.ts";

/** A figure with its name, and what it means where that is not plain. */
export interface ArrivalFact {
  readonly label: string;
  readonly value: string;
  readonly detail: string;
}

/** What happens to samples between their arrival and training. */
export function intakeFacts(intake: IntakeStatus): readonly ArrivalFact[] {
  const { tested, waiting, lagMs, lagMsMax, skipped, grownSteps, blockedTimes, blockedMs } = intake;
  return [
    { label: "Waiting", value: formatCount(waiting), detail: `of ${formatCount(tested)} tested` },
    {
      label: "Arrival to deployed",
      value: formatMilliseconds(lagMs),
      detail: lagMsMax === null ? "no step yet" : `longest ${formatMilliseconds(lagMsMax)}`,
    },
    { label: "Grown", value: formatQuantity(grownSteps, "step"), detail: "with more new samples" },
    { label: "Skipped", value: formatQuantity(skipped, "sample"), detail: "straight to history" },
    {
      label: "Blocked",
      value: formatQuantity(blockedTimes, "time"),
      detail:
        blockedTimes === 0 ? "the source never waited" : `${formatMilliseconds(blockedMs)} in all`,
    },
  ];
}

/** What happens to labels that come later than their samples. */
export function labelFacts(labels: LabelStatus): readonly ArrivalFact[] {
  const { pending, joined, expired, tooLate, lagSamples, lagMs } = labels;
  const { early, earlyExpired, duplicates, conflicts } = labels;
  const samples = ({ p50, p99 }: LabelStatus["lagSamples"]): ArrivalFact => ({
    label: "Lag in samples",
    value: formatCount(p50),
    detail: `median; p99 ${formatCount(p99)}`,
  });
  const time = ({ p50, p99 }: LabelStatus["lagMs"]): ArrivalFact => ({
    label: "Lag in time",
    value: formatMilliseconds(p50),
    detail: `median; p99 ${formatMilliseconds(p99)}`,
  });
  const none: ArrivalFact = { label: "Lag", value: "–", detail: "no label has come yet" };
  return [
    { label: "Pending", value: formatCount(pending), detail: "predictions without a label" },
    ...(joined === 0 ? [none] : [samples(lagSamples), time(lagMs)]),
    { label: "Joined", value: formatCount(joined), detail: "predictions with their label" },
    { label: "Expired", value: formatCount(expired), detail: "given up without one" },
    { label: "Too late", value: formatCount(tooLate), detail: "labels after that" },
    {
      label: "Early",
      value: formatCount(early),
      detail: `labels without a sample; ${formatCount(earlyExpired)} given up`,
    },
    {
      label: "Again",
      value: formatCount(duplicates),
      detail: `labels that were there; ${formatCount(conflicts)} that contradict`,
    },
  ];
}
