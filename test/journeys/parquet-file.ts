/**
 * The plainest Parquet file that there is: one row group, one page per column, no compression, nothing
 * missing. https://parquet.apache.org/docs/file-format, in Thrift's compact protocol.
 */

/** Values of a column: numbers, or texts. */
export type ParquetColumn = readonly number[] | readonly string[];

const MAGIC = "PAR1";
const DOUBLE = 5;
const BYTE_ARRAY = 6;
const UTF8 = 0;

/** A Parquet file of columns of one length. */
export function parquetFile(columns: Readonly<Record<string, ParquetColumn>>): Uint8Array {
  const entries = Object.entries(columns);
  const rows = entries[0]?.[1].length ?? 0;
  const parts: Buffer[] = [Buffer.from(MAGIC)];
  let at = MAGIC.length;
  const chunks = entries.map(([name, values]) => {
    const data = plain(values);
    const page = new Thrift()
      .i32(1, 0)
      .i32(2, data.length)
      .i32(3, data.length)
      .struct(5, new Thrift().i32(1, rows).i32(2, 0).i32(3, 3).i32(4, 3))
      .end();
    const bytes = page.length + data.length;
    const meta = new Thrift()
      .i32(1, typeOf(values))
      .list(2, 5, [zigzag(0)])
      .list(3, 8, [text(name)])
      .i32(4, 0)
      .i64(5, rows)
      .i64(6, bytes)
      .i64(7, bytes)
      .i64(9, at);
    const chunk = new Thrift().i64(2, at).struct(3, meta).end();
    parts.push(page, data);
    at += bytes;
    return chunk;
  });
  const leaf = ([name, values]: [string, ParquetColumn]): Buffer => {
    const element = new Thrift().i32(1, typeOf(values)).i32(3, 0).binary(4, name);
    return (typeOf(values) === BYTE_ARRAY ? element.i32(6, UTF8) : element).end();
  };
  const root = new Thrift().binary(4, "schema").i32(5, entries.length).end();
  const group = new Thrift()
    .list(1, 12, chunks)
    .i64(2, at - MAGIC.length)
    .i64(3, rows)
    .end();
  const footer = new Thrift()
    .i32(1, 1)
    .list(2, 12, [root, ...entries.map(leaf)])
    .i64(3, rows)
    .list(4, 12, [group])
    .end();
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  return Buffer.concat([...parts, footer, length, Buffer.from(MAGIC)]);
}

function typeOf(values: ParquetColumn): number {
  return typeof values[0] === "string" ? BYTE_ARRAY : DOUBLE;
}

/** The PLAIN encoding. */
function plain(values: ParquetColumn): Buffer {
  return Buffer.concat(
    values.map((value) => {
      if (typeof value === "string") {
        const bytes = Buffer.from(value);
        const length = Buffer.alloc(4);
        length.writeUInt32LE(bytes.length);
        return Buffer.concat([length, bytes]);
      }
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleLE(value);
      return bytes;
    }),
  );
}

/** Fields of a struct, in ascending order of their ids. */
class Thrift {
  readonly #parts: Buffer[] = [];
  #last = 0;

  i32(id: number, value: number): this {
    return this.#field(id, 5, zigzag(value));
  }

  i64(id: number, value: number): this {
    return this.#field(id, 6, zigzag(value));
  }

  binary(id: number, value: string): this {
    return this.#field(id, 8, text(value));
  }

  struct(id: number, value: Thrift): this {
    return this.#field(id, 12, value.end());
  }

  list(id: number, type: number, items: readonly Buffer[]): this {
    const head =
      items.length < 15
        ? Buffer.of((items.length << 4) | type)
        : Buffer.concat([Buffer.of(0xf0 | type), varint(items.length)]);
    return this.#field(id, 9, Buffer.concat([head, ...items]));
  }

  end(): Buffer {
    return Buffer.concat([...this.#parts, Buffer.of(0)]);
  }

  #field(id: number, type: number, value: Buffer): this {
    this.#parts.push(Buffer.of(((id - this.#last) << 4) | type), value);
    this.#last = id;
    return this;
  }
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(bytes.length), bytes]);
}

function zigzag(value: number): Buffer {
  return varint(2 * value);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.of(...bytes, rest);
}
