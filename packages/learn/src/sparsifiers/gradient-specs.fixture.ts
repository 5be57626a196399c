import {
  type DeepGradientCompressionSpec,
  type SparseSgdSpec,
  WARM_UP_RATIOS,
} from "./gradient-spec.ts";

/** Algorithm 1 for a small model. */
export const ALGORITHM_1: SparseSgdSpec = {
  kind: "sparseSgd",
  choose: "perTensor",
  ratio: 0.1,
  learningRate: 0.2,
};
/** Deep gradient compression for a small model, with a short warm-up. */
export const COMPRESSION: DeepGradientCompressionSpec = {
  kind: "deepGradientCompression",
  choose: "perTensor",
  ratio: 0.1,
  learningRate: 0.05,
  momentum: 0.9,
  clipNorm: 0.5,
  warmUp: { ratios: WARM_UP_RATIOS, stepsPerRatio: 3 },
};
