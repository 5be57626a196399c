/** Arithmetic and functions of single elements. */
export type ArithmeticKind =
  | "Abs"
  | "Add"
  | "Ceil"
  | "Cos"
  | "Div"
  | "Erf"
  | "Exp"
  | "Floor"
  | "Log"
  | "Mod"
  | "Mul"
  | "Neg"
  | "Pow"
  | "Reciprocal"
  | "Round"
  | "Sign"
  | "Sin"
  | "Sqrt"
  | "Sub";

/** What stands between the layers of a network. */
export type ActivationKind =
  | "Elu"
  | "Gelu"
  | "HardSigmoid"
  | "HardSwish"
  | "LeakyRelu"
  | "Mish"
  | "PRelu"
  | "Relu"
  | "Selu"
  | "Sigmoid"
  | "Softplus"
  | "Softsign"
  | "Tanh";

/** Operators that choose between elements. */
export type SelectionKind = "Clip" | "Max" | "Min" | "Where";

/** Comparisons and logic: their results are bool. */
export type ComparisonKind =
  "And" | "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "Not" | "Or";

/** Operators that make one number of many. */
export type ReductionKind =
  | "ReduceL1"
  | "ReduceL2"
  | "ReduceLogSumExp"
  | "ReduceMax"
  | "ReduceMean"
  | "ReduceMin"
  | "ReduceProd"
  | "ReduceSum"
  | "ReduceSumSquare";

/** Operators that arrange elements without computing. */
export type MovementKind =
  | "Dropout"
  | "Expand"
  | "Flatten"
  | "Identity"
  | "Reshape"
  | "Squeeze"
  | "Tile"
  | "Transpose"
  | "Trilu"
  | "Unsqueeze";

/** Operators that join values, and that take parts of them. */
export type PartitionKind = "Concat" | "Pad" | "Slice" | "Split";

/** Operators that read and write elements by their positions. */
export type IndexingKind =
  "Gather" | "GatherElements" | "GatherND" | "ScatterElements" | "ScatterND";

/** Operators that change the resolution of images. */
export type ResamplingKind = "DepthToSpace" | "Resize" | "SpaceToDepth";

/** Normalisation by statistics of the sample itself. */
export type NormalisationKind =
  "GroupNormalization" | "InstanceNormalization" | "LayerNormalization" | "LpNormalization";

/** Operators about a value as a whole: its sizes and its element type. */
export type ShapeKind = "Cast" | "CastLike" | "ConstantOfShape" | "Range" | "Shape";

/** Layers that read a sequence step by step. */
export type RecurrentKind = "GRU" | "LSTM" | "RNN";

/** The operators that a model may use; `ops/operators.ts` has a rule for each. */
export type OperatorKind =
  | ActivationKind
  | ArithmeticKind
  | ComparisonKind
  | IndexingKind
  | MovementKind
  | NormalisationKind
  | PartitionKind
  | RecurrentKind
  | ReductionKind
  | ResamplingKind
  | SelectionKind
  | ShapeKind
  | "AveragePool"
  | "BatchNormalization"
  | "Conv"
  | "ConvTranspose"
  | "CumSum"
  | "Einsum"
  | "Gemm"
  | "GlobalAveragePool"
  | "GlobalMaxPool"
  | "LogSoftmax"
  | "MatMul"
  | "MaxPool"
  | "Softmax";

/** Operators that only gradients use; what emits them knows their output types. */
export type GradientOperatorKind = "OneHot";

/** Operators of ONNX Runtime's own between its blocked layout and the standard one. */
export type BlockedOperatorKind = "ReorderInput" | "ReorderOutput";

/**
 * What only the construction of a training step knows, no file: several operators that are computed
 * as one, and normalisation by the statistics of the batch.
 */
export type FusedOperatorKind = "ConvMaxPool" | "TrainingBatchNormalization";
