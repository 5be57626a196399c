/** What the server says about a model; the only file of this package that names where from. */
export type {
  DriftPoint,
  DriftRecord,
  DriftSignalStatus,
  DriftStatus,
  DriftVerdict,
  DriftView,
  IntakeStatus,
  LabelStatus,
  ModelScores,
  ModelStatus,
  ReplicaInfo,
  ScoreValues,
  StateScores,
  StatusPoint,
  StrategyStatus,
} from "@everfresh/sync";
