// `skep service history`: the specs of a service that are kept, newest first. Ours: docker knows only the previous one.
import type { ServiceHistory, ServiceRevision } from "../../../api/types.js";
import { segment } from "../../client.js";
import { oneArgument, verb } from "../../command.js";
import { listFormat } from "../../flags/shared.js";
import { type Listing, renderListing } from "../../format.js";
import { humanDuration, timeOf } from "../../words.js";

export const history = verb({
  name: "history",
  use: "[OPTIONS] SERVICE",
  about: "Show the kept revisions of a service's configuration",
  args: oneArgument,
  flags: { format: listFormat },
  async run({ flags, args: [name = ""], client, world }) {
    const { Revisions } = await client.getOwn<ServiceHistory>(`/skep/v1/services/${segment(name)}/history`);
    world.stdout.write(renderListing(listing(world.now()), Revisions, { format: flags.format, quiet: false }));
    return undefined;
  },
});

function listing(nowMs: number): Listing<ServiceRevision> {
  return {
    typeName: "*service.revisionContext",
    headers: { Rev: "REV", Created: "CREATED", Image: "IMAGE", Changed: "CHANGED", Mark: "MARK" },
    table: "{{.Rev}}\t{{.Created}}\t{{.Image}}\t{{.Changed}}\t{{.Mark}}",
    quiet: "{{.Rev}}",
    columns: ({ Number: number, CreatedAt, Image, Changes, Current, Previous }) => ({
      Rev: () => number,
      Created: () => `${humanDuration(nowMs - timeOf(CreatedAt)).toLowerCase()} ago`,
      CreatedAt: () => CreatedAt,
      Image: () => Image,
      Changed: () => (Changes === undefined ? "-" : Changes.join(", ")),
      Mark: () => (Current ? "CURRENT" : Previous ? "PREVIOUS" : ""),
    }),
  };
}
