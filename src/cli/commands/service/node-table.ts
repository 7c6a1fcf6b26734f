// Nodes × filters: a line per node, a column per filter, so that the eye finds what refuses where.
import type { ExplainedNode, ExplainedWait, NodeCheck } from "../../../api/types.js";
import type { Paint } from "../../colour.js";

const gap = 3;

export function nodeTable(
  { Nodes = [], NodesLeftOut = 0, Refused = [] }: ExplainedWait,
  paint: Paint,
): readonly string[] {
  const filters = [...new Set(Nodes.flatMap(({ Checks }) => Checks.map(({ Filter }) => Filter)))];
  const columns = filters
    .map((filter) => Nodes.map((node) => cellOf(node, filter)))
    .filter((column) => column.some(({ text }) => text !== ""));
  const rows = Nodes.map(({ Hostname }, at) => [
    { text: Hostname, passes: undefined },
    ...columns.map((column) => column[at] ?? none),
  ]);
  const widths = [
    Nodes.map(({ Hostname }) => Hostname),
    ...columns.map((column) => column.map(({ text }) => text)),
  ].map((texts) => Math.max(...texts.map(({ length }) => length)));
  return [
    ...rows.map((row) => `  ${line(row, widths, paint)}`),
    ...(NodesLeftOut === 0 ? [] : [`  … and ${NodesLeftOut} more nodes`]),
    ...(Nodes.length >= summaryFrom ? [`  refused: ${Refused.map(countText).join(", ")}`] : []),
  ];
}

function countText({ Filter, Nodes }: { readonly Filter: string; readonly Nodes: number }): string {
  return `${Filter} on ${Nodes}`;
}

/** Where a table is longer than this its columns are counted, too. */
const summaryFrom = 5;

interface Cell {
  readonly text: string;
  readonly passes: boolean | undefined;
}

const none: Cell = { text: "", passes: undefined };

/** That a node is there and takes tasks goes without saying. */
function cellOf({ Checks }: ExplainedNode, filter: string): Cell {
  const check: NodeCheck | undefined = Checks.find(({ Filter }) => Filter === filter);
  if (check === undefined || (filter === "node" && check.Passes)) return none;
  return { text: check.Passes ? `${filter} ok` : `${filter}: ${check.Says}`, passes: check.Passes };
}

function line(cells: readonly Cell[], widths: readonly number[], paint: Paint): string {
  return cells
    .map(({ text, passes }, at) => {
      const padding = at === cells.length - 1 ? "" : " ".repeat((widths[at] ?? 0) - text.length + gap);
      return `${passes === undefined ? text : passes ? paint.good(text) : paint.bad(text)}${padding}`;
    })
    .join("")
    .trimEnd();
}
