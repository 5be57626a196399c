import type { StoreFiles } from "./store-files.ts";

/** Files in memory, which can fail. */
export class MemoryFiles implements StoreFiles {
  readonly where: string = "memory:files";
  readonly files: Map<string, Uint8Array> = new Map<string, Uint8Array>();
  /** Thrown by the next write, once. */
  failNext: Error | null = null;
  writes = 0;

  async read(name: string): Promise<Uint8Array | null> {
    await Promise.resolve();
    return this.files.get(name)?.slice() ?? null;
  }

  async replace(name: string, bytes: Uint8Array): Promise<void> {
    await this.#maybeFail();
    this.files.set(name, bytes.slice());
  }

  async append(name: string, bytes: Uint8Array): Promise<void> {
    await this.#maybeFail();
    const old = this.files.get(name) ?? new Uint8Array(0);
    const grown = new Uint8Array(old.length + bytes.length);
    grown.set(old);
    grown.set(bytes, old.length);
    this.files.set(name, grown);
  }

  async #maybeFail(): Promise<void> {
    await Promise.resolve();
    this.writes++;
    const error = this.failNext;
    this.failNext = null;
    if (error !== null) throw error;
  }
}
