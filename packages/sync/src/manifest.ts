import {
  type ClassTarget,
  type Fingerprint,
  type ModelState,
  type Preprocessing,
  type Shape,
  type StateLayout,
  stateOn,
} from "@everfresh/core";

/**
 * Everything about a deployed model but its values: enough to serve it, knowing only an address.
 */
export interface Manifest {
  /** The model's name. */
  readonly name: string;
  /** Identity of the update log; another one means another history, and a fresh start. */
  readonly logId: string;
  /** ONNX bytes of the inference graph, whose state tensors are inputs under their names. */
  readonly graph: Uint8Array;
  /** Tensors of the state, in canonical order. */
  readonly layout: StateLayout;
  /** The graph's input; shape of one sample. */
  readonly input: NamedShape;
  /** The graph's output: logits; shape of one sample. */
  readonly output: NamedShape;
  /** From raw features to the graph's input. */
  readonly preprocessing: Preprocessing;
  /** What the outputs stand for. */
  readonly target: ClassTarget;
}

/** A graph input or output without its batch dimension. */
export interface NamedShape {
  readonly name: string;
  readonly shape: Shape;
}

/** A whole state at a version. */
export interface Snapshot {
  readonly version: number;
  readonly fingerprint: Fingerprint;
  /**
   * Event time of the newest sample that the state has learned from, in whole milliseconds since the
   * Unix epoch; absent when that is unknown.
   */
  readonly eventTimeMs?: number;
  /** The state's memory, as its layout says. */
  readonly bytes: Uint8Array;
}

/**
 * A state of its own with a snapshot's values; its fingerprint is not checked here.
 * @throws ShapeError when the snapshot has another size than the layout needs
 */
export function stateOfSnapshot(layout: StateLayout, snapshot: Snapshot): ModelState {
  return stateOn(layout, new Uint8Array(snapshot.bytes).buffer);
}
