// `self` stands for the node that the daemon asked is.
import type { Info } from "../../../api/types.js";
import type { Client } from "../../client.js";
import { CliError } from "../../errors.js";

export async function resolveNode(reference: string, client: Client): Promise<string> {
  if (reference !== "self") return reference;
  const { Swarm } = await client.get<Info>("/info");
  if (Swarm.NodeID !== "") return Swarm.NodeID;
  // A node without an id is no manager: the daemon's own words for that come with the next call.
  await client.get("/nodes", {});
  throw new CliError("node ID not found in /info");
}
