/**
 * The smallest graph, y = Identity(x) for one float32: opening it starts ONNX Runtime. As an ONNX file
 * (onnx.proto3), because what writes such files is larger than all else that a page needs:
 *
 *   ModelProto { ir_version 8, graph 7 { node 1 { x → y, "Identity" }, name "p", x, y }, opset 13 }
 */
const X = 0x78;
const Y = 0x79;

/** name and type of a value: float32, one dimension of size 1. */
function port(name: number): number[] {
  return [10, 1, name, 18, 10, 10, 8, 8, 1, 18, 4, 10, 2, 8, 1];
}

const OPERATOR: readonly number[] = Array.from("Identity", (letter) => letter.charCodeAt(0));

const GRAPH: readonly number[] = [
  ...[10, 16, 10, 1, X, 18, 1, Y, 34, OPERATOR.length, ...OPERATOR],
  ...[18, 1, 0x70],
  ...[90, port(X).length, ...port(X)],
  ...[98, port(Y).length, ...port(Y)],
];

/** The bytes of that file. */
export const PROBE: Uint8Array = Uint8Array.of(
  ...[8, 8],
  ...[58, GRAPH.length, ...GRAPH],
  ...[66, 2, 16, 13],
);
