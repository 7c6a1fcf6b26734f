// Read a node, change its spec, write it back whole with the version that was read.
import type { Node, NodeSpec } from "../../../api/types.js";
import { type Client, segment } from "../../client.js";

/** `change` answers undefined when there is nothing to do; the result says whether the node was written. */
export async function changeNode(
  client: Client,
  name: string,
  change: (spec: NodeSpec) => NodeSpec | undefined,
): Promise<boolean> {
  const node = await client.get<Node>(`/nodes/${segment(name)}`);
  const spec = change(node.Spec);
  if (spec === undefined) return false;
  await client.post(`/nodes/${node.ID}/update`, { query: { version: node.Version.Index }, body: spec });
  return true;
}
