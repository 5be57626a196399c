/** Convolution and pooling of series [batch, channels, length]: images one pixel high. */
import type { Tensor } from "@everfresh/core";
import type { Attribute, Attributes, GraphNode } from "../graph/graph.ts";
import type { ConstantTable } from "./constant-table.ts";

const CONVOLUTIONS: ReadonlySet<string> = new Set(["Conv", "ConvTranspose"]);
const POOLS: ReadonlySet<string> = new Set(["AveragePool", "MaxPool"]);

/** What an attribute says about rows where images are one pixel high, by its name. */
const OF_ONE_ROW: Readonly<Record<string, number>> = {
  kernel_shape: 1,
  strides: 1,
  dilations: 1,
  pads: 0,
  output_padding: 0,
  output_shape: 1,
};

/** The nodes with those that work on series made to work on images. */
export function onImages(
  nodes: readonly GraphNode[],
  constants: ConstantTable,
): readonly GraphNode[] {
  return nodes.flatMap((node) =>
    worksOnSeries(node, constants) ? asImage(node, constants) : [node],
  );
}

function worksOnSeries(node: GraphNode, constants: ReadonlyMap<string, Tensor>): boolean {
  const kernel = node.attributes["kernel_shape"];
  const isOneLong = kernel?.kind === "ints" && kernel.value.length === 1;
  if (POOLS.has(node.operator)) return isOneLong;
  if (!CONVOLUTIONS.has(node.operator)) return false;
  return isOneLong || constants.get(node.inputs[1] ?? "")?.shape.length === 3;
}

/** x and weights get a dimension of one row, which y loses again; weights keep name and shape. */
function asImage(node: GraphNode, constants: ConstantTable): readonly GraphNode[] {
  const { name, operator } = node;
  const rows = constants.addInts(`${name}.rows`, [2]);
  const raised = CONVOLUTIONS.has(operator) ? [0, 1] : [0];
  const before = raised.map((i): GraphNode => {
    const output = constants.nameFor(`${name}.image${i}`);
    return {
      name: output,
      operator: "Unsqueeze",
      inputs: [node.inputs[i] ?? "", rows],
      outputs: [output],
      attributes: {},
    };
  });
  const image = constants.nameFor(`${name}.image`);
  const inputs = node.inputs.map((input, i) => before[i]?.outputs[0] ?? input);
  return [
    ...before,
    { ...node, inputs, outputs: [image], attributes: withRow(node.attributes) },
    {
      name: image,
      operator: "Squeeze",
      inputs: [image, rows],
      outputs: node.outputs,
      attributes: {},
    },
  ];
}

function withRow(attributes: Attributes): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, attribute]): [string, Attribute] => {
      const row = OF_ONE_ROW[name];
      if (row === undefined || attribute.kind !== "ints") return [name, attribute];
      const { value } = attribute;
      const half = value.length / 2;
      // Pads are all starts, then all ends.
      const raised =
        name === "pads"
          ? [row, ...value.slice(0, half), row, ...value.slice(half)]
          : [row, ...value];
      return [name, { kind: "ints", value: raised }];
    }),
  );
}
