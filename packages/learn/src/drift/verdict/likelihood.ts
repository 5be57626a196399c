/**
 * The likelihood that the stream has changed within the last W samples, by evidence of N samples for a
 * change some `age` ago, where true changes come once in c samples:
 *
 *   prior odds   e^(W / c) − 1
 *   p(N)         s / (s + N)              part of the time that a stable stream shows as much: it does
 *                                         so once in N samples, for about s
 *   B(N)         κ p^(κ − 1)              Bayes factor: p is uniform on a stable stream, Beta(κ, 1) after
 *                                         a change that was not seen yet
 *   odds         prior odds · B(N · l),   l = 1 / (1 + (age / W)⁴)
 *
 * l is how likely a change that is estimated to be of that age is of the last W samples. At an alarm the
 * evidence reaches N, which a stable stream does once in N samples and changes do once in c / π:
 *
 *   odds at an alarm = π N / c
 *
 * and for as long as that change is of the last W samples, the likelihood is that either it, or one
 * since, is true. s, κ and π were fitted on generated streams; on others that had no part in it the
 * likelihood was compared with the truth: docs/decisions/0022-one-calibrated-verdict-from-many-signals.md.
 */

/** s: samples that evidence stays as large by chance. */
const CHANCE_LASTS = 1_000;
/** κ: 1 would be no Bayes factor at all. */
const KAPPA = 0.23;
/** π: the part of all changes that come to an alarm. */
const SEEN_PART = 0.6;
/** Labels that confirm make a change so many times likelier: that is what they are asked for. */
const CONFIRMED_FACTOR = 20;

/** What the likelihood goes by. */
export interface LikelihoodOptions {
  /** W. */
  readonly withinSamples: number;
  /** c, the mean number of samples between two true changes. */
  readonly changeEvery: number;
}

/** Evidence for a change, both in samples; 0 without any. */
export interface AgedEvidence {
  readonly evidence: number;
  /** Samples since the change, as estimated; 0 or more. */
  readonly age: number;
}

/** How likely evidence makes a change within the last samples; larger evidence makes it likelier. */
export function likelihoodOf({ evidence, age }: AgedEvidence, options: LikelihoodOptions): number {
  const { withinSamples, changeEvery } = options;
  const p = CHANCE_LASTS / (CHANCE_LASTS + evidence * recency(age, withinSamples));
  const odds = Math.expm1(withinSamples / changeEvery) * KAPPA * p ** (KAPPA - 1);
  return chance(odds);
}

/** How likely it is that an alarm by so much evidence is true. */
export function alarmLikelihood(evidence: number, { changeEvery }: LikelihoodOptions): number {
  return chance((SEEN_PART * evidence) / changeEvery);
}

/** The same once labels have confirmed it. */
export function confirmedLikelihood(likelihood: number): number {
  return likelihood === 1 ? 1 : chance((CONFIRMED_FACTOR * likelihood) / (1 - likelihood));
}

/** How likely a change of that estimated age is one of the last samples: l. */
export function recency(age: number, withinSamples: number): number {
  return 1 / (1 + (age / withinSamples) ** 4);
}

/** That either is true. */
export function eitherOf(one: number, other: number): number {
  return 1 - (1 - one) * (1 - other);
}

/** Odds as a probability; they may be infinite. */
function chance(odds: number): number {
  return odds === Infinity ? 1 : odds / (1 + odds);
}
