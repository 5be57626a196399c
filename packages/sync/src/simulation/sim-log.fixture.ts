import { EverfreshError } from "@everfresh/core";

import { ByteWriter } from "../codec/byte-writer.ts";
import { readUpdateHeader, type UpdateHeader } from "../codec/update-header.ts";
import type { UpdateHistory } from "../feed/catch-up.ts";
import type { StoreFiles } from "../replica/store-files.ts";

const FILE = "log";

/** An update in the log. */
interface LogRecord {
  readonly header: UpdateHeader;
  readonly bytes: Uint8Array;
}

/** An append-only log on a simulated disk: each update after its length; a torn end is cut off. */
export class SimLog implements UpdateHistory {
  readonly #disk: StoreFiles;
  readonly #isEager: boolean;
  readonly #records: LogRecord[];

  private constructor(disk: StoreFiles, isEager: boolean, records: LogRecord[]) {
    this.#disk = disk;
    this.#isEager = isEager;
    this.#records = records;
  }

  /** @param isEager a mutation: a version is acknowledged before it is durable */
  static async open(disk: StoreFiles, isEager: boolean): Promise<SimLog> {
    const bytes = (await disk.read(FILE)) ?? new Uint8Array(0);
    const { records, end } = recordsOf(bytes);
    if (end < bytes.length) await disk.replace(FILE, bytes.subarray(0, end));
    return new SimLog(disk, isEager, records);
  }

  /** Every update, in order. */
  get records(): readonly LogRecord[] {
    return this.#records;
  }

  /** Durable when it resolves. */
  async append(bytes: Uint8Array): Promise<void> {
    const writer = new ByteWriter(bytes.length + 4);
    writer.u32(bytes.length);
    writer.raw(bytes);
    const written = this.#disk.append(FILE, writer.bytes());
    if (!this.#isEager) await written;
    this.#records.push({ header: readUpdateHeader(bytes), bytes });
  }

  async *range(from: number, to: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (const { header, bytes } of this.#records) {
      if (header.toVersion < from || header.toVersion > to) continue;
      await Promise.resolve();
      yield bytes;
    }
  }
}

function recordsOf(file: Uint8Array): { readonly records: LogRecord[]; readonly end: number } {
  const records: LogRecord[] = [];
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  let at = 0;
  while (at + 4 <= file.length) {
    const end = at + 4 + view.getUint32(at, true);
    if (end > file.length) break;
    const bytes = file.slice(at + 4, end);
    try {
      records.push({ header: readUpdateHeader(bytes), bytes });
    } catch (error) {
      if (error instanceof EverfreshError) break;
      throw error;
    }
    at = end;
  }
  return { records, end: at };
}
