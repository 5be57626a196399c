import type { InferenceMode } from "@everfresh/engine";
import type { WasmPaths } from "@everfresh/engine/in-thread";
import type { ReplicaStore, Runtime, SignaturePolicy, Transport } from "@everfresh/sync";

/** Options of `connect`. */
export interface ConnectOptions {
  /** Disposes the client when aborted, at any time. */
  readonly signal?: AbortSignal;
  /** How long the first version may take to arrive, in milliseconds. @default 15,000 */
  readonly connectTimeoutMs?: number;
  /** Threads of one prediction. @default 1 */
  readonly threads?: number;
  /**
   * How updates reach predictions: "patch" at the next one, "bake" up to a second later but with the
   * speed of a model that never changes. Each prediction says which version it comes from.
   * @default "auto": what a short measurement of the model finds faster; "patch" in a browser
   */
  readonly mode?: InferenceMode | "auto";
  /**
   * Keeps the model from one life of this process to the next: it answers at once then, offline too.
   * `fileReplicaStore` of @everfresh/sync/node keeps it in files, `indexedDbReplicaStore` in a
   * browser. @default nothing is kept
   */
  readonly store?: ReplicaStore;
  /** Hears why the store could not be read or written; the model serves on without it. */
  readonly onStoreError?: (error: unknown) => void;
  /** Whose models and updates are taken. @default anybody's, signed or not */
  readonly signatures?: SignaturePolicy;
  /** Another way to the server, such as `httpTransport(url)`. @default WebSocket to `url` */
  readonly transport?: Transport;
  /**
   * Another engine; it runs where `connect` is called.
   * @default ONNX Runtime in a worker thread, in a browser in a Web Worker; none at edges
   */
  readonly runtime?: Runtime;
  /**
   * Browsers only: where the WebAssembly of ONNX Runtime lies. An address that ends in "/" and has its
   * files below it, or the addresses of the files; relative to the page.
   * @default where the bundler has put it
   */
  readonly wasmPaths?: WasmPaths;
  /**
   * Browsers only: starts the Web Worker of `@everfresh/client/worker`, for bundlers that do not find
   * it by themselves; that of `@everfresh/client/full-worker` for other modes than "patch",
   * plain HTTP, and transports and stores that are not from this package.
   * @default `new Worker` with the file that the bundler has made
   */
  readonly worker?: () => Worker;
}
