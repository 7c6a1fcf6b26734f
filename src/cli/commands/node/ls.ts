// `skep node ls`: the star marks the node that was asked.
import type { ClusterInfo, Info, Node } from "../../../api/types.js";
import { filtersParam } from "../../client.js";
import { noArguments, verb } from "../../command.js";
import { toggle } from "../../flags/basic.js";
import { filter } from "../../flags/filter.js";
import { listFormat } from "../../flags/shared.js";
import { type Listing, renderListing } from "../../format.js";
import { capital, compareNatural } from "../../words.js";

export const ls = verb({
  name: "ls",
  aliases: ["list"],
  use: "[OPTIONS]",
  about: "List nodes in the swarm",
  args: noArguments,
  flags: { filter: filter(), format: listFormat, quiet: toggle("Only display IDs", { short: "q" }) },
  async run({ flags, client, world }) {
    const quiet = flags.quiet ?? false;
    const nodes = await client.get<readonly Node[]>("/nodes", { query: { filters: filtersParam(flags.filter ?? {}) } });
    const info = nodes.length > 0 && !quiet ? await client.get<Info>("/info") : undefined;
    const sorted = nodes.toSorted((a, b) => compareNatural(a.Description.Hostname ?? "", b.Description.Hostname ?? ""));
    world.stdout.write(renderListing(listing(info), sorted, { format: flags.format, quiet }));
    return undefined;
  },
});

function listing(info: Info | undefined): Listing<Node> {
  return {
    typeName: "*node.nodeContext",
    headers: {
      ID: "ID",
      Self: "",
      Hostname: "HOSTNAME",
      Status: "STATUS",
      Availability: "AVAILABILITY",
      ManagerStatus: "MANAGER STATUS",
      EngineVersion: "ENGINE VERSION",
      TLSStatus: "TLS STATUS",
    },
    table:
      "{{.ID}} {{if .Self}}*{{else}} {{end}}\t{{.Hostname}}\t{{.Status}}\t{{.Availability}}\t{{.ManagerStatus}}\t{{.EngineVersion}}",
    raw: "node_id: {{.ID}}\nhostname: {{.Hostname}}\nstatus: {{.Status}}\navailability: {{.Availability}}\nmanager_status: {{.ManagerStatus}}\n",
    quiet: "{{.ID}}",
    columns: (node) => ({
      ID: () => node.ID,
      Self: () => node.ID === info?.Swarm.NodeID,
      Hostname: () => node.Description.Hostname ?? "",
      Status: () => capital(node.Status.State),
      Availability: () => capital(node.Spec.Availability),
      ManagerStatus: () => managerStatus(node),
      TLSStatus: () => tlsStatus(node, info?.Swarm.Cluster),
      EngineVersion: () => node.Description.Engine.EngineVersion ?? "",
    }),
  };
}

/** What a node says whose manager cannot go on while its worker does. */
const brokenManager = "the manager on this node is broken: ";

function managerStatus({ ManagerStatus, Status: { Message = "" } }: Node): string {
  if (ManagerStatus === undefined) return "";
  if (ManagerStatus.Leader === true) return "Leader";
  const status = capital(ManagerStatus.Reachability);
  return Message.startsWith(brokenManager) ? `${status} (${Message.slice(brokenManager.length)})` : status;
}

/** Whether the node's certificate hangs on the cluster's present root. */
function tlsStatus({ Description: { TLSInfo } }: Node, cluster: ClusterInfo | undefined): string {
  if (cluster === undefined || (TLSInfo.TrustRoot ?? "") === "") return "Unknown";
  const isSame =
    TLSInfo.TrustRoot === cluster.TLSInfo.TrustRoot &&
    TLSInfo.CertIssuerSubject === cluster.TLSInfo.CertIssuerSubject &&
    TLSInfo.CertIssuerPublicKey === cluster.TLSInfo.CertIssuerPublicKey;
  return isSame ? "Ready" : "Needs Rotation";
}
