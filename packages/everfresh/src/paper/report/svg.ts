/** The few elements of SVG that charts need, as text. */

/** An element; values of attributes are numbers or text. */
export function element(
  name: string,
  attributes: Readonly<Record<string, number | string>>,
  content: string | readonly string[] = "",
): string {
  const written = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${typeof value === "number" ? pixels(value) : escape(value)}"`)
    .join("");
  const inner = typeof content === "string" ? content : content.join("\n");
  return inner === "" ? `<${name}${written}/>` : `<${name}${written}>${inner}</${name}>`;
}

/** A line of text at a place. */
export function text(
  content: string,
  attributes: Readonly<Record<string, number | string>>,
): string {
  return element("text", attributes, escape(content));
}

/** A whole document with a white ground, so that it reads the same on light and dark pages. */
export function svgDocument(
  {
    width,
    height,
    title,
  }: { readonly width: number; readonly height: number; readonly title: string },
  content: readonly string[],
): string {
  const attributes = {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: "img",
    "font-family": "system-ui, sans-serif",
    "font-size": 12,
  };
  const ground = element("rect", { width, height, fill: "#fff" });
  const lines = [element("title", {}, escape(title)), ground, ...content];
  return `${element("svg", attributes, ["", ...lines, ""])}\n`;
}

/** Tenths of a pixel are enough. */
function pixels(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escape(value: string): string {
  return value
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
