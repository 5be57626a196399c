/** That training is slow, why if that was not asked for, and the way out. */
export function slowRuntime(fallbackReason: string | undefined): string {
  const why = fallbackReason === undefined ? "" : `, which does not load (${fallbackReason})`;
  return (
    `Training runs on WebAssembly, which is slower than the native ONNX Runtime${why}; where ` +
    "that is not installed: npm install onnxruntime-node --onnxruntime-node-install=skip"
  );
}

/** That polling replicas start anew after a restart, and why. */
export function notKept(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return `Segments for polling replicas are not kept over a restart: ${reason}`;
}

/** What is said where a step that is performed again comes to another update. */
export function replayDiffered(step: number, version: number): string {
  return `Replaying step ${step} gave another update than the log has at version ${version}; the log stands (another CPU, runtime or ratio, or an erased sample does that)`;
}
