// `skep service ls`: one row per service, sorted as people count (web2 before web10).
import type { PortConfig, Service } from "../../../api/types.js";
import { filtersParam } from "../../client.js";
import { noArguments, verb } from "../../command.js";
import { toggle } from "../../flags/basic.js";
import { filter } from "../../flags/filter.js";
import { listFormat } from "../../flags/shared.js";
import { type Listing, renderListing } from "../../format.js";
import { compareNatural, shortId } from "../../words.js";
import { familiarImage } from "../image.js";
import { portRanges } from "../ports.js";

export const ls = verb({
  name: "ls",
  aliases: ["list"],
  use: "[OPTIONS]",
  about: "List services",
  args: noArguments,
  flags: { filter: filter(), format: listFormat, quiet: toggle("Only display IDs", { short: "q" }) },
  async run({ flags, client, world }) {
    const quiet = flags.quiet ?? false;
    const query = { filters: filtersParam(flags.filter ?? {}), status: quiet ? undefined : true };
    const services = await client.get<readonly Service[]>("/services", { query });
    const sorted = services.toSorted((a, b) => compareNatural(a.Spec.Name ?? "", b.Spec.Name ?? ""));
    world.stdout.write(renderListing(listing, sorted, { format: flags.format, quiet }));
    return undefined;
  },
});

const listing: Listing<Service> = {
  typeName: "*service.serviceContext",
  headers: { ID: "ID", Name: "NAME", Mode: "MODE", Replicas: "REPLICAS", Image: "IMAGE", Ports: "PORTS" },
  table: "{{.ID}}\t{{.Name}}\t{{.Mode}}\t{{.Replicas}}\t{{.Image}}\t{{.Ports}}",
  raw: "id: {{.ID}}\nname: {{.Name}}\nmode: {{.Mode}}\nreplicas: {{.Replicas}}\nimage: {{.Image}}\nports: {{.Ports}}\n",
  quiet: "{{.ID}}",
  columns: (service) => ({
    ID: () => shortId(service.ID),
    Name: () => service.Spec.Name ?? "",
    Mode: () => modeText(service),
    Replicas: () => replicasText(service),
    Image: () => familiarImage(service.Spec.TaskTemplate.ContainerSpec?.Image ?? ""),
    Ports: () => portsText(service.Endpoint.Ports ?? []),
  }),
};

function modeText({ Spec: { Mode } }: Service): string {
  if (Mode.Global) return "global";
  if (Mode.ReplicatedJob) return "replicated job";
  if (Mode.GlobalJob) return "global job";
  return Mode.Replicated ? "replicated" : "";
}

function replicasText({ Spec, ServiceStatus }: Service): string {
  if (ServiceStatus === undefined) return "";
  const { RunningTasks, DesiredTasks, CompletedTasks } = ServiceStatus;
  const counts = `${RunningTasks}/${DesiredTasks}`;
  const max = Spec.TaskTemplate.Placement?.MaxReplicas ?? 0;
  if (Spec.Mode.Replicated) return max > 0 ? `${counts} (max ${max} per node)` : counts;
  // Desired are only those which have yet to complete.
  if (Spec.Mode.GlobalJob) return `${counts} (${CompletedTasks}/${DesiredTasks + CompletedTasks} completed)`;
  if (!Spec.Mode.ReplicatedJob) return counts;
  const completed = `${CompletedTasks}/${Spec.Mode.ReplicatedJob.TotalCompletions ?? 0} completed`;
  return `${counts} (${completed}${max > 0 ? `, max ${max} per node` : ""})`;
}

/** The ports of the routing mesh only: a host-mode port is a matter of each task. */
function portsText(ports: readonly PortConfig[]): string {
  return portRanges(ports.filter(({ PublishMode }) => PublishMode === "ingress")).join(", ");
}
