// The kept revisions of a service as JSON.

import type { Service } from "../../gen/skep/v1/objects.js";
import type { KeptRevision } from "../../manager/control/index.js";
import type { ServiceHistory, ServiceRevision } from "../types.js";
import { timeText } from "./json.js";
import { encodeServiceSpec } from "./service.js";

export function encodeHistory({ id, name }: Service, kept: readonly KeptRevision[]): ServiceHistory {
  return { ServiceID: id, ServiceName: name, Revisions: kept.flatMap(encodeRevision) };
}

function encodeRevision({ revision, isCurrent, isPrevious, changes }: KeptRevision): readonly ServiceRevision[] {
  const { spec } = revision;
  if (spec === undefined) return [];
  return [
    {
      Number: revision.number,
      CreatedAt: timeText(revision.meta?.createdAt),
      Image: spec.task?.container?.image ?? "",
      ...(changes && { Changes: changes }),
      Current: isCurrent,
      Previous: isPrevious,
      Spec: encodeServiceSpec(spec),
    },
  ];
}
