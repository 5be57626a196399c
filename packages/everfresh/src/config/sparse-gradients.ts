import type { OptimizerSpec, SgdSpec } from "@everfresh/engine";
import {
  checkGradientSpec,
  type GradientSelection,
  type GradientSpec,
  LearnOptionError,
  WARM_UP_RATIOS,
} from "@everfresh/learn";
import {
  checkBuffersEvery,
  defaultBuffersEvery,
  type DeploymentOptions,
} from "./deployment-options.ts";

/** Deployment of what few entries of the gradient move: trained parameters change nowhere else. */
export interface SparseGradientDeployment extends DeploymentOptions {
  readonly kind: "sparseGradients";
  readonly gradients: GradientDeploymentSpec;
}

/** Which entries a step takes; how far it moves them is the matter of the optimizer. */
export type GradientDeploymentSpec =
  | (GradientSelection & { readonly kind: "sparseSgd" })
  | (GradientSelection & {
      readonly kind: "deepGradientCompression";
      readonly warmUp: WarmUp;
    });

/** Ratios before the one that stays, each for so many steps. */
export interface WarmUp {
  readonly ratios: readonly number[];
  readonly stepsPerRatio: number;
}

/** Options of {@link sparseGradients}. */
export interface SparseGradientOptions extends Partial<DeploymentOptions> {
  /**
   * "sparseSgd" is Algorithm 1 of Prapas et al. (2021): SGD by the largest entries of gradient and
   * memory. "deepGradientCompression" (Lin et al., 2018) corrects for momentum and takes tensors of
   * fewer than two dimensions whole.
   * @default "sparseSgd"
   */
  readonly algorithm?: GradientDeploymentSpec["kind"];
  /** Share of the entries that a step takes. @default 0.01 */
  readonly ratio?: number;
  /** Over all tensors, the same share of each, or as many of each at random. @default "perTensor" */
  readonly choose?: GradientSelection["choose"];
  /** Of deep gradient compression. @default 0.25, 0.063, 0.015 and 0.004 for 100 steps each */
  readonly warmUp?: WarmUp;
}

const RATIO_DEFAULT = 0.01;
const WARM_UP_STEPS = 100; // the paper has an epoch, which a stream has not

/**
 * Training by sparse gradients, with `optimizer: sgd(...)`: momentum and a largest norm are for deep
 * gradient compression.
 * @throws LearnOptionError for a number that is out of its range, or an option of another algorithm
 */
export function sparseGradients(options: SparseGradientOptions = {}): SparseGradientDeployment {
  const { algorithm: kind = "sparseSgd", ratio = RATIO_DEFAULT, choose = "perTensor" } = options;
  const { warmUp, buffersEvery = defaultBuffersEvery(ratio), signingKey } = options;
  if (kind === "sparseSgd" && warmUp !== undefined) {
    throw new LearnOptionError("warmUp", JSON.stringify(warmUp), `left out with ${kind}`);
  }
  const selection = { choose, ratio };
  const gradients: GradientDeploymentSpec =
    kind === "sparseSgd"
      ? { kind, ...selection }
      : { kind, ...selection, warmUp: warmUp ?? defaultWarmUp(ratio) };
  checkGradientSpec(withStep(gradients, { kind: "sgd", learningRate: 1 }));
  checkBuffersEvery(buffersEvery);
  const signing = signingKey === undefined ? {} : { signingKey };
  return { kind: "sparseGradients", gradients, buffersEvery, ...signing };
}

/**
 * How to train by sparse gradients with an optimizer.
 * @throws LearnOptionError for an optimizer that is not SGD, or a setting that the algorithm has not
 */
export function gradientSpecOf(
  gradients: GradientDeploymentSpec,
  optimizer: OptimizerSpec,
): GradientSpec {
  const { kind } = gradients;
  if (optimizer.kind !== "sgd") {
    throw new LearnOptionError("optimizer", `${optimizer.kind}()`, `sgd() with ${kind}`);
  }
  const { momentum = 0, nesterov = false, weightDecay = 0, clipNorm } = optimizer;
  const isPlain = kind === "sparseSgd";
  const unknown = {
    weightDecay: weightDecay === 0 ? undefined : weightDecay,
    nesterov: nesterov ? true : undefined,
    momentum: isPlain && momentum !== 0 ? momentum : undefined,
    clipNorm: isPlain ? clipNorm : undefined,
  };
  for (const [setting, value] of Object.entries(unknown)) {
    if (value === undefined) continue;
    throw new LearnOptionError(`${setting} of sgd()`, value, `left out with ${kind}`);
  }
  const spec = withStep(gradients, optimizer);
  checkGradientSpec(spec);
  return spec;
}

function withStep(gradients: GradientDeploymentSpec, optimizer: SgdSpec): GradientSpec {
  const { learningRate, momentum = 0, clipNorm = null } = optimizer;
  return gradients.kind === "sparseSgd"
    ? { ...gradients, learningRate }
    : { ...gradients, learningRate, momentum, clipNorm };
}

/** The paper's, as far as it comes down to `ratio`. */
function defaultWarmUp(ratio: number): WarmUp {
  return { ratios: WARM_UP_RATIOS.filter((each) => each > ratio), stepsPerRatio: WARM_UP_STEPS };
}
