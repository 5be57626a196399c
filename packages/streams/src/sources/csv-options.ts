import type { Clock } from "@everfresh/core";
import type { Quarantine } from "../quarantine/quarantine.ts";
import type { InferOptions } from "../tables/infer-schema.ts";
import type { TableSchema } from "../tables/table-schema.ts";

/** A column: its name in the header, or its place from 0. */
export type CsvColumn = string | number;

/** Options of {@link csv}. */
export type CsvOptions = CsvFileOptions & (CsvNumbersOptions | CsvSchemaOptions);

/** Options of every table as text. */
export interface CsvFileOptions {
  /** Path of the file, gzip or not. */
  readonly file: string;
  /** Whether the first row has names; or the names, where no row has them. @default true */
  readonly header?: boolean | readonly string[];
  /** What stands between two values of a row. @default "," */
  readonly delimiter?: string;
  /** Texts that say that a value is missing, beside none at all. @default none */
  readonly missing?: readonly string[];
  /** Takes rows that cannot be samples; without it the first one is an error. */
  readonly quarantine?: Quarantine | undefined;
  /** Says what is in the future. @default no event time is */
  readonly clock?: Pick<Clock, "nowMs">;
  /** @default the file name without its endings */
  readonly name?: string;
}

/** A table whose features are numbers. */
export interface CsvNumbersOptions {
  /** The column with the class. */
  readonly label: CsvColumn;
  /** The columns with numbers, in the order that the model takes them. @default all the others */
  readonly features?: readonly CsvColumn[];
  /**
   * The classes as the file writes them; a label is the place of its class in this list.
   * @default those in the file, sorted: as numbers where all are, else by their letters
   */
  readonly classes?: readonly string[];
}

/** A table of typed columns. */
export interface CsvSchemaOptions {
  /** What the columns are; or what the first 1,000 rows cannot tell of them. */
  readonly schema: TableSchema | InferOptions;
}
