/** Tables as text, with a pipeline of numbers and categories: samples in, model learns, replica follows. */
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { type Features, Random } from "@everfresh/core";
import { csv as openCsv, rawFeaturesOf } from "@everfresh/streams";
import {
  adam,
  classes,
  csv,
  defineModel,
  mlp,
  type ModelDefinition,
  pipeline,
  proactive,
  sparse,
  type TableSchema,
} from "everfresh";
import { expect, it } from "vitest";
import { followedRun } from "./followed-run.ts";
import { temporaryFolder } from "./program.ts";

const DATA = path.resolve(
  import.meta.dirname,
  "../..",
  process.env["EVERFRESH_DATA"] ?? "../shared/data",
);

/** A table with some columns of numbers, some of texts, and a label with two classes. */
interface Table {
  readonly file: string;
  readonly header: true | readonly string[];
  readonly schema: TableSchema;
  readonly missing: readonly string[];
}

const TEXTS = ["work", "school", "family", "job", "relation", "race", "sex", "country"];

function schemaOf(
  columns: readonly string[],
  texts: readonly string[],
  label: { readonly name: string; readonly classes: readonly string[] },
): TableSchema {
  return {
    columns: [
      ...columns.map((name) =>
        texts.includes(name)
          ? ({ name, kind: "category", bytesMax: 40, optional: true } as const)
          : ({ name, kind: "number", optional: true } as const),
      ),
      { ...label, kind: "label" },
    ],
  };
}

const ADULT_COLUMNS = [
  ...["age", "work", "fnlwgt", "school", "years", "family", "job", "relation"],
  ...["race", "sex", "gain", "loss", "hours", "country"],
];
const ADULT: Omit<Table, "file"> = {
  header: [...ADULT_COLUMNS, "income"],
  schema: schemaOf(ADULT_COLUMNS, TEXTS, { name: "income", classes: ["<=50K", ">50K"] }),
  missing: ["?"],
};

const SHOPPERS_NUMBERS = [
  ...["Administrative", "Administrative_Duration", "Informational", "Informational_Duration"],
  ...["ProductRelated", "ProductRelated_Duration", "BounceRates", "ExitRates", "PageValues"],
  "SpecialDay",
];
const SHOPPERS_TEXTS = [
  "Month",
  "OperatingSystems",
  "Browser",
  "Region",
  "TrafficType",
  "VisitorType",
  "Weekend",
];
const SHOPPERS: Omit<Table, "file"> = {
  header: true,
  schema: schemaOf([...SHOPPERS_NUMBERS, ...SHOPPERS_TEXTS], SHOPPERS_TEXTS, {
    name: "Revenue",
    classes: ["FALSE", "TRUE"],
  }),
  missing: [],
};

/** Rows of such a table, where the real one is not there. */
async function generated(folder: string, { header, schema }: Omit<Table, "file">): Promise<string> {
  const random = new Random(8);
  const names = schema.columns.map(({ name }) => name);
  const rows = Array.from({ length: 6_000 }, () => {
    const isRare = random.float() < 0.25;
    return schema.columns
      .map((column) => {
        if (column.kind === "label") return column.classes[isRare ? 1 : 0];
        if (random.below(20) === 0) return "";
        if (column.kind === "number") return 100 * random.normal(isRare ? 1 : 0);
        return `c${(isRare ? 2 : 0) + random.below(3)}`;
      })
      .join(",");
  });
  const file = path.join(folder, "generated.csv");
  await writeFile(file, [...(header === true ? [names.join(",")] : []), ...rows].join("\n"));
  return file;
}

/** The real table, or a generated one: says which. */
async function tableOf(folder: string, place: string, table: Omit<Table, "file">): Promise<Table> {
  const real = path.join(DATA, place);
  if (existsSync(real)) return { ...table, file: real };
  process.stderr.write(`${real} is not there: the journey runs on a generated table\n`);
  return { ...table, file: await generated(folder, table) };
}

function definitionOf({ file, header, schema, missing }: Table): ModelDefinition {
  const names = (kind: string): readonly string[] =>
    schema.columns.flatMap((column) => (column.kind === kind ? [column.name] : []));
  return defineModel({
    name: "table",
    model: ({ seed }) =>
      mlp({ inputs: names("number").length + 64, hidden: [16], outputs: 2, seed }),
    input: pipeline({
      raw: rawFeaturesOf(schema),
      branches: [
        {
          columns: names("number"),
          steps: [
            { kind: "impute", with: "mean" },
            { kind: "standardise" },
            { kind: "clip", low: -5, high: 5 },
          ],
        },
        { columns: names("category"), encoder: { kind: "hashed", size: 64 } },
      ],
    }),
    target: classes(2),
    source: csv({ file, header, schema, missing }),
    strategy: proactive({ triggerSize: 64, batchSize: 192 }),
    optimizer: adam({ learningRate: 1e-2 }),
    deploy: sparse({ ratio: 0.1 }),
  });
}

async function firstOf(
  { file, header, schema, missing }: Table,
  count: number,
): Promise<Features[]> {
  const source = await openCsv({ file, header, schema, missing });
  const features: Features[] = [];
  for await (const sample of source.read()) if (features.push(sample.features) >= count) break;
  return features;
}

it.each([
  ["Adult", "fairness/adult.data.gz", ADULT],
  ["online shoppers", "online-shoppers/online_shoppers_intention.csv.gz", SHOPPERS],
] as const)(
  "learns %s from CSV, and a replica answers at each version as the trainer would",
  { timeout: 120_000 },
  async (_name, place, columns) => {
    using folder = temporaryFolder();
    const table = await tableOf(folder.path, place, columns);
    const asked = await firstOf(table, 12);
    const { status, statistics } = await followedRun(definitionOf(table), { steps: 50, asked });
    expect(status.version).toBe(50);
    expect(statistics.length).toBeGreaterThan(20);
    // They move from each version to the next.
    const different = new Set(statistics.map((known) => known.map(String).join(";")));
    expect(different.size).toBe(statistics.length);
    const { accuracy, majorityAccuracy } = status.scores!.deployed.window;
    expect(accuracy).toBeGreaterThan(majorityAccuracy! + 0.02);
    expect(status.features).toMatchObject({ tolerance: 0.01 });
    expect(status.features!.asked).toBeGreaterThan(1_000);
  },
);
