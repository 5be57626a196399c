import { StorageType } from "@nats-io/jetstream";
import { type ObjectStore, Objm } from "@nats-io/obj";

import type { ModelStream } from "../../nats/model-stream.ts";

/** Writes the objects of one model: manifest, anchors, and updates too long for a message. */
export class ModelBucket {
  readonly #stream: ModelStream;
  #store: ObjectStore | null = null;

  constructor(stream: ModelStream) {
    this.#stream = stream;
  }

  /** Makes the bucket where it is not there; what is there is taken as it is. */
  async create(copies: number): Promise<void> {
    const { bucket } = this.#stream.names;
    const options = { storage: StorageType.File, replicas: copies };
    this.#store = await this.#stream.using((client) => new Objm(client).create(bucket, options));
  }

  /** Stores an object. */
  async put(name: string, bytes: Uint8Array): Promise<void> {
    await this.#using((store) => store.putBlob({ name }, bytes));
  }

  /** Removes all objects but those that `keeps` says. */
  async removeBut(keeps: (name: string) => boolean): Promise<void> {
    await this.#using(async (store) => {
      for (const { name } of await store.list()) if (!keeps(name)) await store.delete(name);
    });
  }

  async #using<T>(task: (store: ObjectStore) => Promise<T>): Promise<T> {
    const { bucket } = this.#stream.names;
    return this.#stream.using(async (client) => {
      this.#store ??= await new Objm(client).open(bucket);
      return task(this.#store);
    });
  }
}
