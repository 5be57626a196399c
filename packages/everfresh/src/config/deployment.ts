import type { GradientSpec } from "@everfresh/learn";
import { ratioOf, type SparseDeployment, withRatio } from "./sparse.ts";
import { type SparseGradientDeployment, sparseGradients } from "./sparse-gradients.ts";

/** How what is trained gets to replicas. */
export type Deployment = SparseDeployment | SparseGradientDeployment;

/** What is made sparse: the difference of weights, or gradients by an algorithm. */
export type DeploymentMode = "weights" | GradientSpec["kind"];

/** What is made sparse. A state directory keeps to it, because it is part of what training remembers. */
export function modeOf(deploy: Deployment): DeploymentMode {
  return deploy.kind === "sparse" ? "weights" : deploy.gradients.kind;
}

/** The most of all parameters that an update may change, as a share; see `ratioOf` of a sparsifier. */
export function shareOf(deploy: Deployment): number {
  return deploy.kind === "sparse" ? ratioOf(deploy.sparsifier) : deploy.gradients.ratio;
}

/**
 * The same deployment with another ratio.
 * @throws LearnOptionError when it does not go by one, or for a ratio out of its range
 */
export function withShare(deploy: Deployment, ratio: number | undefined): Deployment {
  if (ratio === undefined) return deploy;
  if (deploy.kind === "sparse") {
    return { ...deploy, sparsifier: withRatio(deploy.sparsifier, ratio) };
  }
  const { gradients } = sparseGradients({
    ...deploy.gradients,
    algorithm: deploy.gradients.kind,
    ratio,
  });
  return { ...deploy, gradients };
}
