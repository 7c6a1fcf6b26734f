// Nodes × filters: a line per node, a column per filter, so that the eye finds what refuses where.
import type { ExplainedNode, ExplainedWait, NodeCheck } from "../../../api/types.js";
import type { Paint } from "../../colour.js";

const gap = 3;

export function nodeTable(
  { Nodes = [], NodesLeftOut = 0, Refused = [] }: ExplainedWait,
  paint: Paint,
): readonly string[] {
  // That a node is there is said only of those that are not.
  const filters = [...new Set(Nodes.flatMap(({ Checks }) => Checks.map(({ Filter }) => Filter)))].filter(
    (filter) =>
      filter !== "node" || Nodes.some((node) => node.Checks.some(({ Filter, Passes }) => Filter === filter && !Passes)),
  );
  const cells = Nodes.map((node) => [
    { text: node.Hostname, passes: undefined },
    ...filters.map((each) => cellOf(node, each)),
  ]);
  const widths = filters.map((_, at) => Math.max(...cells.map((row) => row[at + 1]?.text.length ?? 0)));
  const hostWidth = Math.max(0, ...Nodes.map(({ Hostname }) => Hostname.length));
  return [
    ...cells.map((row) => `  ${line(row, [hostWidth, ...widths], paint)}`),
    ...(NodesLeftOut === 0 ? [] : [`  … and ${NodesLeftOut} more nodes`]),
    ...(Nodes.length > summaryFrom
      ? [
          `  refused by ${Refused.map(({ Filter, Nodes: count }) => `${Filter}: ${count}`).join(", ")} of ${Nodes.length} nodes`,
        ]
      : []),
  ];
}

/** Where a table is longer than this its columns are counted, too. */
const summaryFrom = 5;

interface Cell {
  readonly text: string;
  readonly passes: boolean | undefined;
}

function cellOf({ Checks }: ExplainedNode, filter: string): Cell {
  const check: NodeCheck | undefined = Checks.find(({ Filter }) => Filter === filter);
  if (check === undefined) return { text: "", passes: undefined };
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
