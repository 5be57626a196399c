import type {
  FeatureStatus,
  LabelStatus,
  ModelScores,
  ModelStatus,
  ScoreValues,
} from "@everfresh/sync";
import type { LabelledValue, MetricSet } from "./metric-set.ts";

const MS_PER_SECOND = 1_000;

/** What a status says, as metrics: names in docs/guides/watch-for-drift.md. */
export function statusMetrics(metrics: MetricSet, status: ModelStatus): void {
  const { version, samples, steps, replicas, updateBytes, stepMs, updateToReplicaMs } = status;
  const { intake, costs, labels } = status.strategy;
  metrics.gauge("everfresh_version", "Version of the deployed state.", version);
  metrics.gauge("everfresh_training", "1 while it trains.", status.phase === "training" ? 1 : 0);
  metrics.counter("everfresh_steps_total", "Iterations of training.", steps);
  metrics.counter("everfresh_samples_total", "Samples learned from.", samples);
  metrics.counter("everfresh_samples_tested_total", "Samples tested.", intake.tested);
  metrics.gauge("everfresh_samples_waiting", "Samples not taken up yet.", intake.waiting);
  metrics.counter("everfresh_samples_skipped_total", "Samples sent to history.", intake.skipped);
  metrics.gauge(
    "everfresh_accuracy",
    "Prequential accuracy, 0 to 1.",
    status.scores === null ? [] : accuraciesOf(status.scores),
  );
  metrics.gauge("everfresh_held_out_accuracy", "On held-out samples.", status.heldOutAccuracy);
  metrics.counter("everfresh_update_bytes_total", "Bytes of all updates.", updateBytes.total);
  metrics.gauge("everfresh_update_bytes_mean", "Mean bytes of an update.", updateBytes.mean);
  metrics.gauge("everfresh_state_bytes", "Bytes of the whole state.", status.denseBytes);
  metrics.gauge("everfresh_step_seconds", "Duration of a step.", quantiles(stepMs));
  metrics.gauge(
    "everfresh_update_to_replica_seconds",
    "From a step to a replica's acknowledgement.",
    updateToReplicaMs === null ? [] : quantiles(updateToReplicaMs),
  );
  metrics.gauge("everfresh_replicas", "Connected replicas.", replicas.length);
  metrics.gauge(
    "everfresh_replica_lag_versions",
    "Versions that a replica is behind.",
    replicas.map(({ id, lagVersions }) => ({ labels: { replica: id }, value: lagVersions })),
  );
  metrics.counter(
    "everfresh_work_seconds_total",
    "Seconds of work.",
    Object.entries(costs).map(([name, value]) => ({
      labels: { work: name.replace("Seconds", "") },
      value,
    })),
  );
  if (labels !== null) labelMetrics(metrics, labels);
  if (status.features !== null) featureMetrics(metrics, status.features);
}

function featureMetrics(metrics: MetricSet, features: FeatureStatus): void {
  const { cached, absent, stale, utilisation, capacity } = features;
  metrics.counter(
    "everfresh_features_total",
    "Features of past samples that steps asked for.",
    Object.entries({ cached, absent, stale }).map(([found, value]) => ({
      labels: { found },
      value,
    })),
  );
  metrics.gauge("everfresh_feature_utilisation", "Share that was cached, 0 to 1.", utilisation);
  metrics.gauge("everfresh_feature_capacity", "Samples whose features have room.", capacity);
}

function labelMetrics(metrics: MetricSet, labels: LabelStatus): void {
  metrics.gauge("everfresh_labels_pending", "Predictions without a label.", labels.pending);
  metrics.counter("everfresh_labels_joined_total", "Labels that came.", labels.joined);
  metrics.counter("everfresh_labels_expired_total", "Predictions given up.", labels.expired);
  metrics.counter("everfresh_labels_late_total", "Labels that came after that.", labels.tooLate);
  metrics.gauge("everfresh_labels_early", "Labels without a sample.", labels.early);
  metrics.counter("everfresh_labels_unused_total", "Labels that were of no use.", [
    { labels: { why: "early" }, value: labels.earlyExpired },
    { labels: { why: "duplicate" }, value: labels.duplicates },
    { labels: { why: "conflict" }, value: labels.conflicts },
  ]);
  const { p50, p99 } = labels.lagSamples;
  metrics.gauge("everfresh_label_lag_samples", "Samples from a prediction to its label.", [
    { labels: { quantile: "0.5" }, value: p50 },
    { labels: { quantile: "0.99" }, value: p99 },
  ]);
  const { lagMs } = labels;
  metrics.gauge("everfresh_label_lag_seconds", "Time from then to then.", quantiles(lagMs));
}

function quantiles(ms: { readonly p50: number; readonly p99: number }): readonly LabelledValue[] {
  return [
    { labels: { quantile: "0.5" }, value: ms.p50 / MS_PER_SECOND },
    { labels: { quantile: "0.99" }, value: ms.p99 / MS_PER_SECOND },
  ];
}

function accuraciesOf(scores: ModelScores): readonly LabelledValue[] {
  return Object.entries(scores).flatMap(([state, score]: [string, ModelScores["frozen"]]) => {
    if (score === null) return [];
    const over = (window: string, { accuracy }: ScoreValues): LabelledValue => ({
      labels: { state, window },
      value: accuracy,
    });
    return [over("newest", score.window), over("all", score.cumulative)];
  });
}
