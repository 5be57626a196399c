import { checkSchedule, type Schedule } from "@everfresh/engine";
import { LearnOptionError } from "../errors.ts";

/** Training in which every step moves few parameters, so that what moved can be sent as it is. */
export type GradientSpec = SparseSgdSpec | DeepGradientCompressionSpec;

/** Which entries of a vector a step takes. */
export interface GradientSelection {
  /** The largest ones of all or of each tensor, or as many of each tensor at random. */
  readonly choose: "global" | "perTensor" | "randomPerTensor";
  /** Share of all entries, above 0, at most 1; per tensor at least one. */
  readonly ratio: number;
}

/**
 * Algorithm 1 of Prapas, Derakhshan, Mahdiraji and Markl, "Continuous training and deployment of
 * deep learning models" (2021): SGD by the sparse part of gradient and memory, the rest is the next
 * memory.
 */
export interface SparseSgdSpec extends GradientSelection {
  readonly kind: "sparseSgd";
  /** Finite, above 0; or how it follows from the number of steps taken. */
  readonly learningRate: number | Schedule;
}

/**
 * Lin, Han, Mao, Wang, Dally, "Deep Gradient Compression" (2018): momentum correction, momentum
 * factor masking, clipping of the gradient before it is remembered, and a ratio that comes down in
 * stages. Tensors of fewer than two dimensions are taken whole, with plain momentum.
 */
export interface DeepGradientCompressionSpec extends GradientSelection {
  readonly kind: "deepGradientCompression";
  /** Finite, above 0; or how it follows from the number of steps taken. */
  readonly learningRate: number | Schedule;
  /** From 0 to below 1. */
  readonly momentum: number;
  /** Norm of a gradient over all parameters beyond which it is scaled down; null for none. */
  readonly clipNorm: number | null;
  /** Ratios before `ratio`, each for so many steps. */
  readonly warmUp: { readonly ratios: readonly number[]; readonly stepsPerRatio: number };
}

/** The ratios of the paper's warm-up, but for the last one, 0.001, which is where it ends. */
export const WARM_UP_RATIOS: readonly number[] = [0.25, 0.063, 0.015, 0.004];

/**
 * Checks the numbers of a specification.
 * @throws LearnOptionError for one that is out of its range
 * @throws RangeError for one of a schedule
 */
export function checkGradientSpec(spec: GradientSpec): void {
  const { learningRate } = spec;
  if (typeof learningRate !== "number") {
    checkSchedule(learningRate);
  } else if (!(learningRate > 0 && Number.isFinite(learningRate))) {
    throw new LearnOptionError("learningRate", learningRate, "a finite number above 0");
  }
  checkRatio("ratio", spec.ratio);
  if (spec.kind === "sparseSgd") return;
  const { momentum, clipNorm, warmUp } = spec;
  if (!(momentum >= 0 && momentum < 1)) {
    throw new LearnOptionError("momentum", momentum, "from 0 to below 1");
  }
  if (clipNorm !== null && !(clipNorm > 0 && Number.isFinite(clipNorm))) {
    throw new LearnOptionError("clipNorm", clipNorm, "a finite number above 0");
  }
  for (const ratio of warmUp.ratios) checkRatio("warmUp.ratios", ratio);
  if (!Number.isSafeInteger(warmUp.stepsPerRatio) || warmUp.stepsPerRatio < 1) {
    const needed = "a whole number of 1 or more";
    throw new LearnOptionError("warmUp.stepsPerRatio", warmUp.stepsPerRatio, needed);
  }
}

function checkRatio(option: string, ratio: number): void {
  if (!(ratio > 0 && ratio <= 1)) {
    throw new LearnOptionError(option, ratio, "above 0 and at most 1");
  }
}
