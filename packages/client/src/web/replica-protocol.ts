/**
 * What a page and the Web Worker that holds its replica say to each other:
 *
 *   page                                  worker
 *   open(setup)               ─────────►  starts ONNX Runtime, joins the feed, keeps the state
 *                             ◄─────────  done, after a note with status and manifest
 *   predict(features, size)   ─────────►
 *                             ◄─────────  outputs and the version that gave them
 *                             ◄─────────  note: status, manifest, store errors, as they change
 *   close()                   ─────────►  writes what the store lacks, leaves the feed
 *
 * Only features, outputs and statuses cross: the state, snapshots and updates never do.
 */
import type { Features } from "@everfresh/core";
import type { TransferredError, WasmPaths } from "@everfresh/engine/in-thread";
import type { Manifest, ReplicaStatus } from "@everfresh/sync";

import type { ConnectOptions } from "../connect-options.ts";

/** Where the worker opens its connections. */
export type TransportPlace =
  | { readonly kind: "webSocket"; readonly url: string }
  | {
      readonly kind: "http";
      readonly url: string;
      readonly pollMs?: number;
      readonly pollMsMax?: number;
    }
  /** In the page, whose frames come through `port`. */
  | { readonly kind: "page"; readonly address: string; readonly port: MessagePort };

/** Where the worker keeps the state. */
export type StorePlace =
  | { readonly kind: "indexedDb"; readonly name: string }
  /** In the page, which is asked through `port`. */
  | { readonly kind: "page"; readonly port: MessagePort };

/** A `SignaturePolicy` that can be sent: the worker makes keys of these bytes. */
export interface SentPolicy {
  readonly required: boolean;
  readonly keys: readonly Uint8Array[];
}

/** What a worker is started with. */
export interface ReplicaSetup {
  readonly transport: TransportPlace;
  readonly store: StorePlace | null;
  readonly signatures: SentPolicy | null;
  readonly connectTimeoutMs: number | null;
  readonly threads: number;
  readonly mode: NonNullable<ConnectOptions["mode"]>;
  /** As absolute addresses; null for where the bundler has put the files. */
  readonly wasmPaths: WasmPaths | null;
}

/** What a worker says by itself. */
export type ReplicaNote =
  | {
      readonly kind: "view";
      readonly status: ReplicaStatus;
      /** Null when it is the one that was sent last. */
      readonly manifest: Manifest | null;
    }
  | { readonly kind: "storeError"; readonly error: TransferredError };

/** A prediction that the page asks for. */
export interface PredictRequest {
  /** Raw, samples one after another. */
  readonly features: Features;
  readonly size: number;
}
